// What one participant can read of another, generated from the schema: every field, every position that
// takes an id, cursors, filters, counts and errors, for six callers of three tenants.

import { buildSchema, isEnumType, type GraphQLNamedType } from 'graphql'
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { createKeyStore } from '../../gateway/identity/key-store.ts'
import { scopes, type Scope } from '../../schema/values/scopes.ts'
import { anId } from '../fixtures/an-id.ts'
import type { HubClient } from './client.ts'
import {
  allFields,
  documentsOf,
  idPositions,
  literalWith,
  type FieldDocument,
  type IdPosition,
} from './documents-of-fields.ts'
import { testHub } from './hub.ts'

const schema = buildSchema(
  readFileSync(new URL('../../schema/generated/api.graphql', import.meta.url), 'utf8'),
)
const hub = await testHub()
const { db } = hub.database

const all = Object.keys(scopes).filter((scope) => scope !== 'operator') as Scope[]
const reading = all.filter((scope) => scope.endsWith(':read'))

/** The tenant whose data is private here is `wallet-sg-01` with its acquirer; these callers are of others. */
const tenants = ['wallet-th-01', 'acquirer-cn-02', 'wallet-my-01'] as const
const callers: { readonly name: string; readonly client: HubClient }[] = []

const quoted = (text: string): string => JSON.stringify(text)
const cny = (amount: string) => ({ amount, currency: 'CNY' })

/** What is private: its kinds, each with an id of the hub and one that the hub does not have. */
const kinds: Record<string, { own: string; unknown: string }> = {}
/** Texts that no other tenant may receive. */
const canaries = new Set<string>()

const owner = hub.as('demo-wallet')
const acquirer = hub.as('demo-acquirer')
let merchant = ''

beforeAll(async () => {
  const store = createKeyStore(db)
  for (const tenant of tenants) {
    for (const [name, granted] of Object.entries({ all, reading })) {
      const key = await store.issue({ participant: anId(tenant), scopes: granted, label: name }, new Date())
      callers.push({ name: `${tenant} with ${name}`, client: hub.as(key) })
    }
  }
  const found = await acquirer.query(
    '{ merchants(where: { acquirers: ["acquirer-cn-01"], entryModes: [IN_APP] }, first: 1) { edges { node { id } } } }',
  )
  merchant = found.data.merchants.edges[0].node.id
  await pay('canary-reference-1')
  const { data } = await owner.query(
    `mutation ($quote: QuotePaymentInput!, $hook: CreateWebhookInput!, $code: PresentCodeInput!) {
      quotePayment(input: $quote) { ... on Quote { id } }
      createWebhook(input: $hook) { ... on WebhookCreated { secret webhook { id } } }
      presentCode(input: $code) { ... on PresentedCode { id payload } }
    }`,
    {
      quote: { merchant, amount: cny('5'), payerCurrency: 'SGD' },
      hook: { idempotencyKey: 'canary-hook', url: 'http://127.0.0.1:65000/canary-url', events: ['*'] },
      code: { idempotencyKey: 'canary-code', token: { reference: 'canary-token' } },
    },
  )
  await pay('canary-reference-2')
  const delivery = await vi.waitFor(async () => {
    const stored = await db.collection('webhookDeliveries').findOne({})
    if (!stored) throw new Error('there is no delivery yet')
    return stored
  }, 20_000)
  const issued = await acquirer.query(
    'mutation ($input: IssueCodeInput!) { issueCode(input: $input) { ... on MerchantCode { id payload } } }',
    { input: { idempotencyKey: 'canary-issue', merchant, kind: 'DYNAMIC', amount: cny('7.77') } },
  )
  kinds['payment'] = { own: payments[0]!, unknown: otherEnd(payments[0]!) }
  kinds['quote'] = { own: data.quotePayment.id, unknown: otherEnd(data.quotePayment.id) }
  kinds['webhook'] = {
    own: data.createWebhook.webhook.id,
    unknown: otherEnd(data.createWebhook.webhook.id),
  }
  kinds['delivery'] = { own: String(delivery._id), unknown: otherEnd(String(delivery._id)) }
  const made = await owner.query(
    'mutation ($input: CreateKeyInput!) { createKey(input: $input) { ... on KeyIssued { secret key { id } } } }',
    { input: { idempotencyKey: 'canary-key', label: 'canary-label', scopes: ['payments:read'] } },
  )
  kinds['key'] = { own: made.data.createKey.key.id, unknown: otherEnd(made.data.createKey.key.id) }
  canaries.add(made.data.createKey.secret)
  for (const text of [
    ...payments,
    ...Object.values(kinds).map(({ own }) => own),
    'canary-',
    data.createWebhook.secret,
    data.presentCode.id,
    data.presentCode.payload,
    issued.data.issueCode.id,
    issued.data.issueCode.payload,
  ])
    canaries.add(text)
}, 60_000)

const payments: string[] = []
async function pay(reference: string): Promise<void> {
  const { data } = await owner.query(
    `mutation ($input: SubmitPaymentInput!) { submitPayment(input: $input) {
      ... on PaymentReceipt { payment { id rrn } } ... on Problem { message } } }`,
    { input: { idempotencyKey: reference, reference, merchant, amount: cny('9.90'), payerCurrency: 'SGD' } },
  )
  payments.push(data.submitPayment.payment.id)
  canaries.add(data.submitPayment.payment.rrn)
}

/** An id of the same form that the hub does not have. */
const otherEnd = (id: string): string => id.slice(0, -4) + (id.endsWith('beef') ? 'cafe' : 'beef')

let numbers = 0
/** A literal for a required input that a document is not about. */
function example(name: string, of: GraphQLNamedType): string {
  const type = of.name
  const byName: Readonly<Record<string, string>> = {
    merchant: quoted(merchant),
    wallet: '"wallet-sg-01"',
    participant: '"wallet-sg-01"',
    idempotencyKey: quoted(`key ${++numbers}`),
    corridor: '"SG-CN"',
    settlementDate: '"2026-03-01"',
    url: '"https://hooks.example/"',
    events: '"*"',
    payerCurrency: '"SGD"',
    lastDays: '30',
    decision: 'APPROVE',
    entryMode: 'IN_APP',
    by: type === 'CoverageDimension' ? 'COUNTRY' : 'CORRIDOR',
    bucket: 'DAY',
    comparedTo: 'PREVIOUS_PERIOD',
    kind: 'STATIC',
    zoom: '3',
  }
  const byType: Readonly<Record<string, string>> = {
    Int: '1',
    Float: '10',
    Boolean: 'true',
    ID: quoted(kinds['payment']!.own),
    String: '"a text"',
    Decimal: '"12.00"',
    DateTime: '"2026-03-01T09:30:00Z"',
    LocalDate: '"2026-03-01"',
    CurrencyCode: '"CNY"',
    CountryCode: '"CN"',
  }
  return byName[name] ?? byType[type] ?? (isEnumType(of) ? of.getValues()[0]!.name : 'null')
}

/** The ids of a root field's `id` argument, by what the field finds. */
const idOf: Readonly<Record<string, () => string>> = {
  node: () => kinds['payment']!.own,
  transaction: () => kinds['payment']!.own,
  transactionUpdated: () => kinds['payment']!.own,
  webhook: () => kinds['webhook']!.own,
  participant: () => 'wallet-sg-01',
  merchant: () => merchant,
  corridor: () => 'SG-CN',
}

const documents = (): readonly FieldDocument[] =>
  documentsOf(schema, (argument, field) => {
    if (argument.name === 'id' && idOf[field]) return quoted(idOf[field]())
    if (argument.name === 'range') return '{ lastDays: 30 }'
    if (argument.name === 'where' && field === 'activity') return '{ range: { lastDays: 30 } }'
    if (argument.name === 'webhook') return quoted(kinds['webhook']!.own)
    if (argument.name === 'bounds') return '{ west: 110, south: 20, east: 125, north: 42 }'
    if (argument.name === 'input') return literalWith(argument, ['input'], '', example)
    return literalWith(argument, [], '', example)
  })

/** The text that the hub sends; of a subscription the first event, or nothing once the stream is open. */
async function textFor(
  client: HubClient,
  { kind, root, text }: Pick<FieldDocument, 'kind' | 'root' | 'text'>,
): Promise<string> {
  const isQuiet = ['transactionEvents', 'authorizationRequests'].includes(root.name)
  if (kind === 'subscription') return client.firstOf(text, isQuiet)
  return JSON.stringify(await client.query(text))
}

describe('every field, for six callers of three tenants', () => {
  test('gives nothing that is private to another tenant', async () => {
    const covered = new Set<string>()
    const leaks: string[] = []
    const sent = documents()
    for (const document of sent) {
      for (const { name, client } of callers) {
        const text = await textFor(client, document)
        if (text.includes('GRAPHQL_VALIDATION_FAILED')) throw new Error(`${document.text}\n${text}`)
        for (const canary of canaries) {
          // A refusal may repeat what the caller has sent.
          if (text.includes(canary) && !document.text.includes(canary)) {
            leaks.push(`${name} receives ${canary}: ${document.text}`)
          }
        }
      }
      for (const field of document.fields) covered.add(field)
    }
    expect(leaks).toEqual([])
    const fields = allFields(schema)
    const missing = fields.filter((field) => !covered.has(field))
    const percent = (100 * (fields.length - missing.length)) / fields.length
    console.log(`${fields.length} fields, ${sent.length} documents, ${callers.length} callers: ${percent} %`)
    expect(missing).toEqual([])
    expect(percent).toBe(100)
  }, 120_000)

  test('gives the same figures and lists after a payment of another tenant', async () => {
    const read = async () => {
      const answers: string[] = []
      for (const document of documents().filter(({ kind }) => kind === 'query')) {
        // The figures of the whole programme and the position of the log are no figures of a tenant, and the
        // uses of a key are stored at some time.
        if (/programme|transactionLog|merchantCoverage|keys/.test(document.root.name)) continue
        for (const { client } of callers) answers.push(withoutTimes(await textFor(client, document)))
      }
      return answers
    }
    const before = await read()
    await pay('canary-reference-3')
    expect(await read()).toEqual(before)
  }, 120_000)
})

/** Times of reading differ between two answers. */
const withoutTimes = (text: string): string =>
  text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'T').replaceAll(/_lagMs":\d+/g, '')

/** What each position that takes an id is about; ids of the directory are open to every caller. */
function kindOf({ root, path }: IdPosition): string | null {
  const name = path.at(-1)!
  if (name === 'id') {
    const found = {
      node: 'payment',
      transaction: 'payment',
      transactionUpdated: 'payment',
      webhook: 'webhook',
    }[root.name]
    if (found) return found
    if (
      [
        'participant',
        'merchant',
        'corridor',
        'applyParticipant',
        'setCorridor',
        'setProject',
        'setQrProduct',
      ].includes(root.name)
    )
      return null
  }
  if (kinds[name]) return name
  if (directory.has(name)) return null
  throw new Error(`${root.name} takes an id at ${path.join('.')}, for which the test has no kind`)
}

const directory = new Set([
  'wallet',
  'wallets',
  'acquirers',
  'merchant',
  'merchants',
  'corridors',
  'participant',
  'network',
  'actors',
  'project',
  'qrProducts',
])

const positions = () => idPositions(schema).filter((position) => kindOf(position) !== null)

describe('an id of another tenant', () => {
  /** The document with one id, and the fields of each possible result. */
  function documentWith(
    { kind, root, path }: IdPosition,
    id: string,
  ): Pick<FieldDocument, 'kind' | 'root' | 'text'> {
    const args = root.args.flatMap((argument) => {
      const literal = literalWith(argument, path, quoted(id), example)
      return literal === undefined ? [] : [`${argument.name}: ${literal}`]
    })
    return {
      kind,
      root,
      text: `${kind} { ${root.name}(${args.join(', ')}) { __typename ... on Problem { code message path retryable } } }`,
    }
  }

  /** The calls to MongoDB during `work`, without those that run by themselves. */
  async function callsDuring(
    work: () => Promise<string>,
  ): Promise<{ text: string; calls: readonly string[] }> {
    await db.setProfilingLevel('off')
    await db
      .collection('system.profile')
      .drop()
      .catch(() => {})
    await db.setProfilingLevel('all')
    const text = await work()
    await db.setProfilingLevel('off')
    const found = await db.collection('system.profile').find({}).toArray()
    const calls = found
      .filter(
        ({ ns }) =>
          !/\.(system\.profile|leases|hubs|meta|places|log\w*|counters|\$cmd\.aggregate)$/.test(String(ns)),
      )
      .map(
        ({ ns, op, command }) =>
          `${op} ${String(ns).split('.')[1]} ${Object.keys((command ?? {}) as object)[0]}`,
      )
    return { text, calls: calls.toSorted() }
  }

  test('is answered like one that the hub does not have, with the same calls to the database', async () => {
    const answers: string[] = []
    for (const position of positions()) {
      const { own, unknown } = kinds[kindOf(position)!]!
      for (const { name, client } of callers.slice(0, 4)) {
        const run = (id: string) => callsDuring(() => textFor(client, documentWith(position, id)))
        const normal = (text: string, id: string) => text.replaceAll(id, 'ID')
        // Work that runs by itself adds calls to some attempts, so the fewest of several attempts count.
        const fewest: { theirs?: readonly string[]; nothing?: readonly string[] } = {}
        const isEqual = () => fewest.theirs !== undefined && fewest.theirs.join() === fewest.nothing!.join()
        for (let attempt = 0; attempt < 10 && !isEqual(); attempt++) {
          const [theirs, nothing] = [await run(own), await run(unknown)]
          expect(normal(theirs.text, own), `${position.root.name} for ${name}`).toBe(
            normal(nothing.text, unknown),
          )
          if (!fewest.theirs || theirs.calls.length < fewest.theirs.length) fewest.theirs = theirs.calls
          if (!fewest.nothing || nothing.calls.length < fewest.nothing.length) fewest.nothing = nothing.calls
        }
        // What this process has just written itself, such as a quote, is found without a call.
        const added = fewest.theirs!.filter((call) => !fewest.nothing!.includes(call))
        expect([position.root.name, name, added]).toEqual([position.root.name, name, []])
        answers.push(position.root.name)
      }
    }
    console.log(`${positions().length} positions of private ids, ${answers.length} pairs of answers`)
  }, 120_000)
})

test('node gives each type by its id alone, and no payment to a key that reads none', async () => {
  const nodeOf = async (client: HubClient, id: string) =>
    (
      await client.query(
        `{ node(id: ${quoted(id)}) { __typename id ... on Merchant { name } ... on Project { model } } }`,
      )
    ).data
  const { own } = kinds['payment']!
  expect(await nodeOf(owner, own)).toEqual({ node: { __typename: 'Payment', id: own } })
  const projects = await db.collection<{ _id: string }>('projects').find({}).toArray()
  const found = {
    [merchant]: 'Merchant',
    'wallet-sg-01': 'Participant',
    'SG-CN': 'Corridor',
    [projects[0]!._id]: 'Project',
  }
  for (const [id, type] of Object.entries(found))
    expect(await nodeOf(owner, id)).toEqual({ node: expect.objectContaining({ __typename: type, id }) })
  for (const id of ['wallet-none', 'ZZ-ZZ', 'acquirer-cn-01.NONE', ''])
    expect(await nodeOf(owner, id)).toEqual({ node: null })
  const coverage = await createKeyStore(db).issue(
    { participant: anId('wallet-sg-01'), scopes: ['coverage:read'], label: 'no payments' },
    new Date(),
  )
  const client = hub.as(coverage)
  await expect.poll(() => nodeOf(client, 'SG-CN')).toMatchObject({ node: { __typename: 'Corridor' } })
  expect(await nodeOf(client, own)).toEqual({ node: null })
  const participants = await db.collection<{ _id: string }>('participants').distinct('_id')
  expect(projects.filter(({ _id }) => participants.includes(_id))).toEqual([])
})

test('a number of another tenant is answered like one that the hub does not have', async () => {
  const [payment] = await db.collection('payments').find({ reference: 'canary-reference-1' }).toArray()
  const { rrn, settlementDate } = payment as unknown as { rrn: string; settlementDate: string }
  const date = settlementDate ?? '2026-03-01'
  for (const { name, client } of callers) {
    for (const [own, unknown] of [
      ['{ reference: "canary-reference-1" }', '{ reference: "no-such-reference" }'],
      [`{ rrn: "${rrn}", settlementDate: "${date}" }`, `{ rrn: "999999999999", settlementDate: "${date}" }`],
    ] as const) {
      const nothing = { data: { transactionByReference: null } }
      const query = (reference: string) =>
        client.query(`{ transactionByReference(reference: ${reference}) { id } }`)
      expect([name, await query(own)]).toEqual([name, nothing])
      expect([name, await query(unknown)]).toEqual([name, nothing])
    }
  }
})

test('a cursor of another tenant gives nothing of its list', async () => {
  const cursorOf = async (list: string): Promise<string> => {
    const { data } = await owner.query(`{ ${list} { pageInfo { endCursor } } }`)
    return data[list.split('(')[0]!].pageInfo.endCursor
  }
  const cursor = await cursorOf('transactions(first: 1)')
  for (const { name, client } of callers) {
    const { data } = await client.query(
      `{ transactions(after: ${quoted(cursor)}) { edges { node { id reference: __typename } } } }`,
    )
    const ids = (data?.transactions.edges ?? []).map(({ node }: { node: { id: string } }) => node.id)
    expect([name, ids.filter((id: string) => payments.includes(id))]).toEqual([name, []])
  }
})

test('a filter by another tenant gives nothing of it', async () => {
  for (const { name, client } of callers) {
    const { data } = await client.query(`{
      transactions(where: { wallets: ["wallet-sg-01"], acquirers: ["acquirer-cn-01"] }) { edges { cursor } }
      transactionLog(where: { wallets: ["wallet-sg-01"], acquirers: ["acquirer-cn-01"] }) { events { cursor } }
      activity(where: { range: { lastDays: 30 }, wallets: ["wallet-sg-01"], acquirers: ["acquirer-cn-01"] }) {
        payments value { amount }
      }
    }`)
    const empty = {
      transactions: { edges: [] },
      transactionLog: { events: [] },
      activity: { payments: 0, value: { amount: '0.00' } },
    }
    expect([name, data]).toEqual([name, empty])
  }
})
