// What one participant can read of another, generated from the schema: every field, every position that
// takes an id, cursors, filters, counts and errors, for six callers of three tenants.

import { buildSchema, isEnumType, Kind, parse, type GraphQLArgument, type GraphQLNamedType } from 'graphql'
import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createKeyStore } from '../../gateway/identity/key-store.ts'
import { scopes, type Scope } from '../../schema/values/scopes.ts'
import { openAnalyticsSubgraph } from '../../subgraphs/analytics/index.ts'
import { openMerchantSubgraph } from '../../subgraphs/merchant/index.ts'
import { openAlertLog, type Alert, type Write } from '../../subgraphs/shared/alert-log.ts'
import { openRegistry } from '../../subgraphs/shared/registry.ts'
import { subgraphSdl, type Subgraph, type SubgraphName } from '../../subgraphs/shared/subgraph.ts'
import { fieldsOf, visibilityOfField } from '../../subgraphs/shared/visibility.ts'
import { openTransactionSubgraph } from '../../subgraphs/transaction/index.ts'
import { anId } from '../fixtures/an-id.ts'
import { aDirectory } from '../fixtures/a-programme.ts'
import { asViewer } from '../fixtures/as-viewer.ts'
import type { HubClient } from './client.ts'
import {
  allFields,
  documentsOf,
  documentsWith,
  fieldsWith,
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

/** Reports how much of one kind of the schema's parts the matrix covers; what is missing fails. */
function expectCovered(what: string, parts: readonly string[], covered: Iterable<string>): void {
  const seen = new Set(covered)
  const missing = parts.filter((one) => !seen.has(one))
  const percent = (100 * (parts.length - missing.length)) / parts.length
  console.log(
    `${what}: ${parts.length - missing.length} of ${parts.length}, ${percent} %, ${callers.length} callers`,
  )
  expect(missing).toEqual([])
  expect([percent, callers.length]).toEqual([100, 2 * tenants.length])
}

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
  kinds['code'] = { own: issued.data.issueCode.id, unknown: otherEnd(issued.data.issueCode.id) }
  kinds['payment'] = { own: payments[0]!, unknown: otherEnd(payments[0]!) }
  kinds['refund'] = await refund(payments[0]!)
  kinds['quote'] = { own: data.quotePayment.id, unknown: otherEnd(data.quotePayment.id) }
  kinds['webhook'] = {
    own: data.createWebhook.webhook.id,
    unknown: otherEnd(data.createWebhook.webhook.id),
  }
  kinds['delivery'] = { own: String(delivery._id), unknown: otherEnd(String(delivery._id)) }
  const alert = await raiseAlert()
  kinds['alert'] = { own: alert, unknown: otherEnd(alert) }
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
/** An alert about `wallet-sg-01`; its id. */
async function raiseAlert(): Promise<string> {
  const at = new Date('2026-03-01T12:04:00Z')
  const alert: Alert = {
    _id: anId('participant:wallet-sg-01.DECLINES.2026-03-01T12:04Z'),
    subject: 'participant:wallet-sg-01',
    kind: 'DECLINES',
    beganAt: at,
    raisedAt: at,
    lastOutAt: new Date(),
    endedAt: null,
    acknowledged: null,
    observed: 0.5,
    usual: 0.05,
    bound: 0.1,
    payments: 60,
  }
  const write: Write = (change) =>
    db.client.withSession((session) => session.withTransaction(() => change(session)))
  await (await openAlertLog(db)).raise(alert, write)
  return alert._id
}

async function pay(reference: string): Promise<void> {
  const { data } = await owner.query(
    `mutation ($input: SubmitPaymentInput!) { submitPayment(input: $input) {
      ... on PaymentReceipt { payment { id rrn } } ... on Problem { message } } }`,
    { input: { idempotencyKey: reference, reference, merchant, amount: cny('9.90'), payerCurrency: 'SGD' } },
  )
  payments.push(data.submitPayment.payment.id)
  canaries.add(data.submitPayment.payment.rrn)
}

/** Refunds part of a payment once its acquirer has approved it; the id of the refund. */
async function refund(payment: string): Promise<{ own: string; unknown: string }> {
  await acquirer.query(
    'mutation ($input: RespondAuthorizationInput!) { respondAuthorization(input: $input) { __typename } }',
    { input: { payment, decision: 'APPROVE' } },
  )
  const id = await vi.waitFor(async () => {
    const { data } = await owner.query(
      `mutation ($input: RefundPaymentInput!) { refundPayment(input: $input) {
        ... on RefundReceipt { refund { id } } ... on Problem { code } } }`,
      { input: { idempotencyKey: 'canary-refund', payment, amount: cny('1') } },
    )
    if (!data.refundPayment.refund) throw new Error(data.refundPayment.code)
    return data.refundPayment.refund.id as string
  }, 20_000)
  return { own: id, unknown: otherEnd(id) }
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
  alert: () => kinds['alert']!.own,
  participant: () => 'wallet-sg-01',
  merchant: () => merchant,
  corridor: () => 'SG-CN',
}

function argumentOf(argument: GraphQLArgument, field: string): string | undefined {
  if (argument.name === 'id' && idOf[field]) return quoted(idOf[field]())
  if (argument.name === 'range') return '{ lastDays: 30 }'
  if (argument.name === 'where' && field === 'activity') return '{ range: { lastDays: 30 } }'
  if (argument.name === 'webhook') return quoted(kinds['webhook']!.own)
  if (argument.name === 'bounds') return '{ west: 110, south: 20, east: 125, north: 42 }'
  if (argument.name === 'input') return literalWith(argument, ['input'], '', example)
  return literalWith(argument, [], '', example)
}

const documents = (): readonly FieldDocument[] => documentsOf(schema, argumentOf)

/** What a caller receives that is another tenant's; a refusal may repeat what the caller has sent. */
const leaksIn = (text: string, sent: string): readonly string[] =>
  [...canaries].filter((canary) => text.includes(canary) && !sent.includes(canary))

/** The text that the hub sends; of a subscription the first event, or nothing once the stream is open. */
async function textFor(
  client: HubClient,
  { kind, root, text }: Pick<FieldDocument, 'kind' | 'root' | 'text'>,
): Promise<string> {
  const isQuiet = ['transactionEvents', 'authorizationRequests', 'alertEvents'].includes(root.name)
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
        for (const canary of leaksIn(text, document.text))
          leaks.push(`${name} receives ${canary}: ${document.text}`)
      }
      for (const field of document.fields) covered.add(field)
    }
    expect(leaks).toEqual([])
    expectCovered('fields', allFields(schema), covered)
  }, 120_000)

  test('gives the same figures and lists after a payment of another tenant', async () => {
    // The figures of the whole programme and the position of the log are no figures of a tenant, and the
    // uses of a key are stored at some time.
    const isNoFigure = ({ root }: FieldDocument) =>
      /programme|transactionLog|merchantCoverage|keys/.test(root.name)
    const queries = documents().filter(({ kind }) => kind === 'query')
    const compared = queries.filter((document) => !isNoFigure(document))
    const read = async () => {
      const answers: string[] = []
      for (const document of compared) {
        for (const { client } of callers) answers.push(withoutTimes(await textFor(client, document)))
      }
      return answers
    }
    const before = await read()
    await pay('canary-reference-3')
    expect(await read()).toEqual(before)
    const open = new Set(queries.filter(isNoFigure).flatMap(({ fields }) => fields))
    const counts = [...new Set(queries.flatMap(({ fields }) => fields))].filter(isCount)
    const seen = compared.flatMap(({ fields }) => fields)
    expectCovered('counts', counts, [...seen, ...counts.filter((field) => open.has(field))])
    expect(seen.filter(isCount).length).toBeGreaterThan(100)
  }, 120_000)
})

/** Whether "Type.field" is a number. */
function isCount(coordinate: string): boolean {
  const [typename, field] = coordinate.split('.') as [string, string]
  const type = schema.getType(typename)
  if (!type || !('getFields' in type)) return false
  return /^(Int|Float|Decimal|Money)!?$/.test(String(type.getFields()[field]?.type))
}

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
      alert: 'alert',
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
  'participants',
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

  /**
   * The calls to MongoDB during `work`, without those that run by themselves, and without those for counters:
   * they are read by time and cached, so they depend on earlier questions.
   */
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
          !/\.(system\.profile|leases|hubs|meta|places|log\w*|counters|activity(Hours|Sums)|\$cmd\.aggregate)$/.test(
            String(ns),
          ),
      )
      .map(
        ({ ns, op, command }) =>
          `${op} ${String(ns).split('.')[1]} ${Object.keys((command ?? {}) as object)[0]}`,
      )
    return { text, calls: calls.toSorted() }
  }

  test('is answered like one that the hub does not have, with the same calls to the database', async () => {
    const answers: string[] = []
    const refused: string[] = []
    for (const position of positions()) {
      const { own, unknown } = kinds[kindOf(position)!]!
      for (const { name, client } of callers) {
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
          if (/"code":"\w/.test(theirs.text)) refused.push(position.root.name)
          if (!fewest.theirs || theirs.calls.length < fewest.theirs.length) fewest.theirs = theirs.calls
          if (!fewest.nothing || nothing.calls.length < fewest.nothing.length) fewest.nothing = nothing.calls
        }
        // What this process has just written itself, such as a quote, is found without a call.
        const added = fewest.theirs!.filter((call) => !fewest.nothing!.includes(call))
        expect([position.root.name, name, added]).toEqual([position.root.name, name, []])
        answers.push(nameOf(position))
      }
    }
    // The ids of the directory are open to every caller.
    const open = idPositions(schema).filter((position) => kindOf(position) === null)
    expectCovered('arguments of an id', idPositions(schema).map(nameOf), [...answers, ...open.map(nameOf)])
    const changing = positions().filter(({ kind }) => kind === 'mutation')
    expectCovered('errors', [...new Set(changing.map(({ root }) => root.name))], refused)
  }, 240_000)

  test('in a filter is answered like one that the hub does not have', async () => {
    const own: Readonly<Record<string, string>> = {
      wallets: 'wallet-sg-01',
      acquirers: 'acquirer-cn-01',
      participants: 'wallet-sg-01',
      actors: 'wallet-sg-01',
      merchants: merchant,
      targets: 'participant:wallet-sg-01',
      reference: 'canary-reference-1',
    }
    const rules = new Map(allSdl().flatMap(([, sdl]) => fieldsOf(parse(sdl))))
    const isOpen = ({ root }: IdPosition) => visibilityOfField(rules.get(`Query.${root.name}`)!) === 'ALL'
    const filters = idPositions(schema, ['ID', 'String']).filter(
      (position) => position.path[0] === 'where' && position.kind === 'query' && !isOpen(position),
    )
    // What is common to all participants: a caller may have payments of its own there.
    const common = new Set(['corridors', 'mccs', 'actions'])
    const tested = filters.filter(({ path }) => !common.has(path.at(-1)!))
    const covered: string[] = []
    for (const { kind, root, path } of tested) {
      const field = path.at(-1)!
      const names = tested.filter((other) => other.root === root).map((other) => other.path.at(-1)!)
      // All parts name the tenant, and then one of them a participant that the hub does not have.
      const where = (id: string) =>
        [
          ...(root.name === 'activity' ? ['range: { lastDays: 30 }'] : []),
          ...names.map((name) => `${name}: ${quoted(name === field ? id : own[name]!)}`),
        ].join(', ')
      const answerFor = async (client: HubClient, id: string) => {
        const [document] = documentsWith(schema, 'where', (argument, of) =>
          argument.name === 'where' && of === root.name ? `{ ${where(id)} }` : argumentOf(argument, of),
        ).filter((one) => one.kind === kind && one.root === root)
        const text = await textFor(client, document!)
        expect([root.name, text]).not.toEqual([root.name, expect.stringContaining('VALIDATION_FAILED')])
        expect(leaksIn(text, document!.text)).toEqual([])
        return withoutTimes(text).replaceAll(id, 'ID')
      }
      const theirs = own[field]!
      for (const { name, client } of callers) {
        expect([name, path, await answerFor(client, theirs)]).toEqual([
          name,
          path,
          await answerFor(client, otherEnd(theirs)),
        ])
      }
      covered.push(nameOf({ kind, root, path }))
    }
    expectCovered('filters', tested.map(nameOf), covered)
    expect(
      filters.filter(({ path }) => own[path.at(-1)!] === undefined && !common.has(path.at(-1)!)),
    ).toEqual([])
  }, 120_000)
})

const nameOf = ({ root, path }: IdPosition): string => `${root.name}.${path.join('.')}`

const allSdl = () =>
  (['participant', 'merchant', 'transaction', 'analytics'] as const).map(
    (name) => [name, subgraphSdl(name)] as const,
  )

/** The types whose id other tenants may not read, with the subgraphs that resolve their references. */
const privateEntities = (): readonly (readonly [SubgraphName, string])[] =>
  allSdl().flatMap(([name, sdl]) =>
    parse(sdl).definitions.flatMap((type) => {
      if (type.kind !== Kind.OBJECT_TYPE_DEFINITION) return []
      const isEntity = type.directives?.some((directive) => directive.name.value === 'key')
      const id = type.fields?.find((field) => field.name.value === 'id')
      return isEntity && id && visibilityOfField(id) !== 'ALL' ? [[name, type.name.value] as const] : []
    }),
  )

describe('a reference to an entity of another tenant', () => {
  const logger = pino({ level: 'silent' })
  const opened: { close(): Promise<void> }[] = []
  const subgraphs = new Map<string, Subgraph>()

  beforeAll(async () => {
    const registry = await openRegistry(db, logger)
    const dependencies = { db, registry, directory: aDirectory(), now: () => new Date(), logger }
    const cursorSecret = 'a secret of 32 characters or more'
    for (const subgraph of [
      await openTransactionSubgraph({ ...dependencies, cursorSecret, simulator: null, sequencer: false }),
      await openMerchantSubgraph(dependencies),
      await openAnalyticsSubgraph({ ...dependencies, cursorSecret }),
    ]) {
      subgraphs.set(subgraph.name, subgraph)
      opened.push(subgraph)
    }
    opened.push(registry)
  }, 60_000)
  afterAll(async () => {
    for (const one of opened) await one.close()
  })

  const kindsOf: Readonly<Record<string, string>> = {
    Payment: 'payment',
    Refund: 'refund',
    Quote: 'quote',
    Webhook: 'webhook',
    WebhookDelivery: 'delivery',
    MerchantCode: 'code',
    Alert: 'alert',
    // The id of a batch is its date, which is no secret; settlement/running.mongo.test.ts has its parties.
    SettlementBatch: 'payment',
  }

  test('is null, like one to an entity that the hub does not have', async () => {
    const covered: string[] = []
    for (const [name, type] of privateEntities()) {
      const { own, unknown } = kinds[kindsOf[type]!]!
      const query = `query ($r: [_Any!]!) { _entities(representations: $r) { ... on ${type} { id } } }`
      const found = async (participant: string, scopesOfKey: readonly Scope[], id: string) =>
        subgraphs.get(name)!.app.graphql(query, asViewer(participant, ...scopesOfKey) as never, {
          r: [{ __typename: type, id }],
        })
      const nothing = { data: { _entities: [null] } }
      for (const tenant of tenants) {
        for (const granted of [all, reading]) {
          for (const id of [own, unknown])
            expect([type, tenant, await found(tenant, granted, id)]).toEqual([type, tenant, nothing])
        }
      }
      const holder = type === 'MerchantCode' ? 'acquirer-cn-01' : 'wallet-sg-01'
      const theirs = type === 'SettlementBatch' ? nothing : { data: { _entities: [{ id: own }] } }
      expect([type, await found(holder, all, own)]).toEqual([type, theirs])
      covered.push(type)
    }
    expectCovered(
      'entity references',
      privateEntities().map(([, type]) => type),
      covered,
    )
  }, 60_000)
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

test('a cursor of another tenant gives nothing of its list, by every field that takes one', async () => {
  const withCursor = (cursor: string | null) =>
    documentsWith(schema, 'after', (argument, field) => {
      if (argument.name === 'after') return cursor === null ? undefined : quoted(cursor)
      return argument.name === 'first' ? '3' : argumentOf(argument, field)
    })
  const cursorIn = (text: string): string | undefined => /"(?:endCursor|cursor)":"([^"]+)"/.exec(text)?.[1]
  const ofPayments = cursorIn(
    JSON.stringify(await owner.query('{ transactions(first: 1) { edges { cursor } } }')),
  )
  const covered: string[] = []
  for (const [n, document] of withCursor(null).entries()) {
    const cursors = new Set([ofPayments!])
    for (const client of [owner, acquirer]) {
      const cursor = document.kind === 'query' ? cursorIn(await textFor(client, document)) : undefined
      if (cursor !== undefined) cursors.add(cursor)
    }
    for (const cursor of cursors) {
      const after = withCursor(cursor)[n]!
      for (const { name, client } of callers) {
        const text = await textFor(client, after)
        expect([name, after.text, text]).not.toEqual([
          name,
          after.text,
          expect.stringContaining('VALIDATION_FAILED'),
        ])
        expect([name, after.text, leaksIn(text, after.text)]).toEqual([name, after.text, []])
      }
    }
    covered.push(...document.fields)
  }
  expectCovered('cursors', fieldsWith(schema, 'after'), covered)
}, 120_000)

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
