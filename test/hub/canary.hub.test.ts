// Secrets and personal data go through every operation, also where it fails. None of them may be in log
// lines, in metrics, or in collections where they do not belong: docs/privacy.md.

import {
  buildSchema,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  parse,
  typeFromAST,
  type GraphQLInputType,
  Kind,
} from 'graphql'
import { readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { createKeyStore } from '../../gateway/identity/key-store.ts'
import type { Scope } from '../../schema/values/scopes.ts'
import { scopes } from '../../schema/values/scopes.ts'
import { anId } from '../fixtures/an-id.ts'
import type { HubClient } from './client.ts'
import { demoDatabase } from './demo-database.ts'
import { testHub } from './hub.ts'
import { operations } from './operations.ts'

const customer = 'canary-customer-5d1f'
const account = 'canary-account-83ac'
const free = 'canary-text-27be'
const cursorSecret = 'canary-cursor-secret-d04e-0123456789abcdef'

const database = await demoDatabase()
const store = createKeyStore(database.db)
const all = Object.keys(scopes) as Scope[]
const issue = (participant: string, granted: Scope[]) =>
  store.issue({ participant: anId(participant), scopes: granted, label: participant }, new Date())
const notOperator = all.filter((scope) => scope !== 'operator')
const keys = await Promise.all([
  issue('wallet-sg-01', notOperator),
  issue('acquirer-cn-01', notOperator),
  issue('operator', all),
])
const lines: string[] = []
const logger = pino(
  { level: 'trace' },
  new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(line.toString())
      done()
    },
  }),
)
const hub = await testHub(
  database,
  { CURSOR_SECRET: cursorSecret, SECRETS_KEY: Buffer.alloc(32, 7).toString('base64') },
  logger,
)
const [wallet, acquirer, operator] = keys.map((key) => hub.as(key)) as [HubClient, HubClient, HubClient]

const schema = buildSchema(
  readFileSync(new URL('../../schema/generated/api.graphql', import.meta.url), 'utf8'),
  {
    assumeValidSDL: true,
  },
)

let numbers = 0
const texts: Readonly<Record<string, () => string>> = {
  idempotencyKey: () => `key ${++numbers}`,
  customer: () => customer,
}
const scalars: Readonly<Record<string, unknown>> = {
  Int: 1,
  Float: 1.5,
  Boolean: true,
  Decimal: '1.00',
  CurrencyCode: 'CNY',
  CountryCode: 'CN',
  DateTime: new Date().toISOString(),
  LocalDate: '2026-03-01',
}

/** A value for an input, with canaries in all texts. */
function valueFor(type: GraphQLInputType, name: string): unknown {
  if (isNonNullType(type)) return valueFor(type.ofType, name)
  if (isListType(type)) return [valueFor(type.ofType, name)]
  if (isEnumType(type)) return type.getValues()[0]!.name
  if (isInputObjectType(type)) {
    if (type.name === 'TokenInput' || type.name === 'AccountTokenInput')
      return { reference: account, lastFour: '4242' }
    return Object.fromEntries(
      Object.values(type.getFields()).map((field) => [field.name, valueFor(field.type, field.name)]),
    )
  }
  return texts[name]?.() ?? scalars[type.name] ?? free
}

function variablesOf(text: string): Record<string, unknown> {
  const [operation] = parse(text).definitions
  if (operation?.kind !== Kind.OPERATION_DEFINITION) return {}
  return Object.fromEntries(
    (operation.variableDefinitions ?? []).map(({ variable, type }) => [
      variable.name.value,
      valueFor(typeFromAST(schema, type as never) as unknown as GraphQLInputType, variable.name.value),
    ]),
  )
}

const stored = async (): Promise<ReadonlyMap<string, string>> => {
  const names = (await database.db.listCollections().toArray()).map(({ name }) => name)
  const contents = await Promise.all(
    names.map(async (name): Promise<[string, string]> => [
      name,
      JSON.stringify(await database.db.collection(name).find({}).toArray(), (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      ),
    ]),
  )
  return new Map(contents)
}
const collectionsWith = (contents: ReadonlyMap<string, string>, text: string): string[] =>
  [...contents].flatMap(([name, content]) => (content.includes(text) ? [name] : [])).toSorted()

describe('secrets and personal data', () => {
  test('are in no log line, no metric, and no collection where they do not belong', async () => {
    const merchants = await operator.query(
      '{ merchants(where: { acquirers: ["acquirer-cn-01"], entryModes: [IN_APP] }, first: 1) { edges { node { id } } } }',
    )
    const merchant = merchants.data.merchants.edges[0].node.id as string
    const paid = await wallet.query(
      `mutation($merchant: ID!, $token: TokenInput) { submitPayment(input: { idempotencyKey: "pay", reference: "pay",
        merchant: $merchant, amount: { amount: "10.00", currency: "CNY" }, payerCurrency: "SGD", customer: "${customer}", token: $token }) {
        __typename ... on Problem { code } } }`,
      { merchant, token: { reference: account, lastFour: '4242' } },
    )
    expect(paid.data.submitPayment).toEqual({ __typename: 'PaymentReceipt' })
    const created = await wallet.query(
      'mutation { createWebhook(input: { idempotencyKey: "hook", url: "http://127.0.0.1:9999/", events: ["*"] }) { ... on WebhookCreated { secret } } }',
    )
    const { secret } = created.data.createWebhook as { secret: string }
    expect(secret).toMatch(/^whsec_/)

    for (const { type: kind, text } of operations.values()) {
      if (kind === 'subscription') continue
      for (const client of [wallet, acquirer, operator]) await client.query(text, variablesOf(text))
    }
    for (const body of [
      '{',
      `{"query": "${customer}`,
      `{"variables": {"customer": "${customer}"}}`,
      `"${customer}"`,
    ]) {
      await fetch(`${hub.url}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${keys[0]}`, 'content-type': 'application/json' },
        body,
      })
    }
    const metrics = await (await fetch(`${hub.url}/metrics`)).text()
    const ready = await (await fetch(`${hub.url}/readyz`)).text()

    const secrets = [...keys, secret, cursorSecret, secret.slice('whsec_'.length)]
    const output = lines.join('') + metrics + ready
    for (const text of [...secrets, customer, account, free]) expect(output).not.toContain(text)
    const contents = await stored()
    for (const text of secrets) expect(collectionsWith(contents, text)).toEqual([])
    const allowed = new Set(['payments', 'presentedCodes'])
    expect(collectionsWith(contents, customer).filter((name) => !allowed.has(name))).toEqual([])
    expect(collectionsWith(contents, account).filter((name) => !allowed.has(name))).toEqual([])
    expect(collectionsWith(contents, customer)).toContain('payments')
  }, 60_000)
})
