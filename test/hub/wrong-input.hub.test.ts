// Sends wrong values at every input position of the API, and expects that each is the caller's error: no
// masked error, and no line of the logger at level error.

import { buildSchema, isNonNullType } from 'graphql'
import { readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { Pool } from 'undici'
import { afterAll, expect, test } from 'vitest'
import { testHub } from './hub.ts'
import {
  argumentsWith,
  attemptsAt,
  documentOf,
  positionsOf,
  targetsOf,
  type Attempt,
  type Example,
  type Position,
  type Target,
} from './wrong-values.ts'

const errorLines: object[] = []
const logger = pino(
  { level: 'error' },
  new Writable({
    write(line: Buffer, _encoding, done) {
      const entry = JSON.parse(line.toString()) as { err?: { message?: string } }
      // A machine that is too busy to renew a lease in time states nothing about input.
      if (!/\blease\b.*\blost\b/.test(entry.err?.message ?? '')) errorLines.push(entry)
      done()
    },
  }),
)
const hub = await testHub(undefined, {}, logger)
const keys = ['demo-operator', 'demo-wallet', 'demo-acquirer']
const schema = buildSchema(
  readFileSync(new URL('../../schema/generated/api.graphql', import.meta.url), 'utf8'),
)

/** One of this many values of a position is sent: its neighbours send others, and so does another seed. */
const share = 13
const seed = Number(process.env.FC_SEED ?? 1)

/** Requests that are under way at once. */
const concurrency = 24
const clients = new Pool(hub.url, { connections: concurrency })
afterAll(() => clients.close())

interface Case extends Attempt {
  readonly position: Position
}

interface Answer {
  readonly status: number
  readonly text: string
}

async function send(key: string, target: Target, query: string, variables: string): Promise<Answer> {
  const isStream = target.operation === 'subscription'
  const { statusCode: status, body } = await clients.request({
    method: 'POST',
    path: '/graphql',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      ...(isStream && { accept: 'text/event-stream' }),
    },
    body: `{"query":${JSON.stringify(query)},"variables":${variables}}`,
  })
  if (!isStream) return { status, text: await body.text() }
  // A stream that is open and quiet has accepted the value.
  const quiet = setTimeout(() => body.destroy(), 100)
  let text = ''
  try {
    for await (const part of body) {
      text += String(part)
      if (text.includes('event: next')) break
    }
  } catch {
    // It was quiet.
  } finally {
    clearTimeout(quiet)
  }
  return { status, text }
}

/** JSON in which a bigint is a number of all its digits. */
function jsonOf(value: unknown): string {
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return `[${value.map(jsonOf).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}:${jsonOf(one)}`)
  return `{${members.join(',')}}`
}

async function validExamples(): Promise<Example> {
  const acquirer = hub.as('demo-acquirer')
  const wallet = hub.as('demo-wallet')
  const found = await acquirer.query(
    '{ merchants(where: { acquirers: ["acquirer-cn-01"] }, first: 1) { edges { node { id } } } }',
  )
  const merchant = found.data.merchants.edges[0].node.id
  const amount = { amount: '12.00', currency: 'CNY' }
  const issued = await acquirer.ask('IssueCode', {
    input: { idempotencyKey: 'code', merchant, kind: 'DYNAMIC', amount },
  })
  const { payload } = issued.data.issueCode
  const quoted = await wallet.ask('QuotePayment', { input: { payload, payerCurrency: 'SGD' } })
  const quote = quoted.data.quotePayment.id
  const paid = await wallet.ask('SubmitPayment', {
    input: { idempotencyKey: 'pay', quote, reference: 'order' },
  })
  const payment = paid.data.submitPayment.payment.id
  let count = 0
  const byName: Readonly<Record<string, () => unknown>> = {
    merchant: () => merchant,
    payment: () => payment,
    payload: () => payload,
    quote: () => quote,
    wallet: () => 'wallet-sg-01',
    acquirer: () => 'acquirer-cn-01',
    // The changes of the operator go to another participant than those of the caller.
    participant: () => 'wallet-th-01',
    corridor: () => 'SG-CN',
    idempotencyKey: () => `key ${++count}`,
    reference: () => `reference ${++count}`,
    events: () => '*',
    url: () => 'https://example.com/hook',
    roles: () => 'WALLET',
    status: () => 'ACTIVE',
    from: () => '2026-11-01T00:00:00Z',
    to: () => '2026-11-02T00:00:00Z',
    first: () => 5,
    zoom: () => 5,
    payerCurrency: () => 'SGD',
    lastDays: () => 7,
  }
  const byType: Readonly<Record<string, unknown>> = {
    Int: 1,
    Float: 10,
    Boolean: true,
    ID: payment,
    String: 'text',
    Decimal: '12.00',
    DateTime: '2026-03-01T09:30:00Z',
    LocalDate: '2026-03-01',
    CurrencyCode: 'CNY',
    CountryCode: 'CN',
  }
  return (name, type) => byName[name]?.() ?? byType[type.name]
}

/** The first key for which a valid call is not forbidden. */
async function keyFor(target: Target, example: Example): Promise<string> {
  const args = argumentsWith({ target, path: [''], type: schema.getType('Int') as never }, null, example)
  for (const key of keys) {
    const { text } = await send(key, target, documentOf(target, args, 'variables', example), jsonOf(args))
    if (!/FORBIDDEN|UNAUTHORIZED_FIELD_OR_TYPE/.test(text)) return key
  }
  return keys[0]!
}

test('a wrong value at any input position is the error of the caller', async () => {
  const started = performance.now()
  const example = await validExamples()
  const targets = targetsOf(schema)
  const keyByTarget = new Map<Target, string>()
  const faults = new Map<string, string>()
  let answers = 0
  let reachedSubgraphs = 0

  const inTurn = async <Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> => {
    const rest = items[Symbol.iterator]()
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        for (const item of rest) await work(item)
      }),
    )
  }
  await inTurn(targets, async (target) => void keyByTarget.set(target, await keyFor(target, example)))

  const positions = targets.flatMap(positionsOf)
  const attempts = positions.map(({ type }) => attemptsAt(type))
  const cases = positions.flatMap((position, p) =>
    attempts[p]!.filter((_, a) => (a + p + seed) % share === 0).map((attempt): Case => ({
      position,
      ...attempt,
    })),
  )
  await inTurn(cases, async ({ position, value, form }) => {
    const { target, path } = position
    const args = argumentsWith(position, value, example)
    const query = documentOf(target, args, form, example)
    const variables = form === 'variables' ? jsonOf(args) : '{}'
    const { status, text } = await send(keyByTarget.get(target)!, target, query, variables)
    answers++
    if (!/GRAPHQL_(?:PARSE|VALIDATION)_FAILED|BAD_USER_INPUT/.test(text)) reachedSubgraphs++
    if (status < 500 && !/INTERNAL_SERVER_ERROR|OPERATION_NOT_PLANNED/.test(text)) return
    const where = `${target.chain.map(({ field }) => field.name).join('.')}(${path.join('.')})`
    faults.set(where, `${form} ${jsonOf(value).slice(0, 60)}: ${status} ${text.slice(0, 300)}`)
  })

  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(
    `${targets.length} fields with ${positions.length} input positions: ${cases.length} values in ${seconds} s, of which ${reachedSubgraphs} reached a subgraph`,
  )
  expect([...faults].slice(0, 40)).toEqual([])
  expect(errorLines.slice(0, 5)).toEqual([])
  expect(answers).toBe(cases.length)
  // The schema only grows: fewer positions or values would be a fault of this test.
  expect(targets.length).toBeGreaterThanOrEqual(60)
  expect(positions.length).toBeGreaterThanOrEqual(330)
  expect(attempts.flat().length).toBeGreaterThanOrEqual(13_000)
  expect(reachedSubgraphs).toBeGreaterThanOrEqual(6_000 / share)
}, 60_000)

test('the schema has a non-null position for each of the custom scalars', () => {
  const positions = targetsOf(schema).flatMap(positionsOf)
  for (const scalar of ['DateTime', 'LocalDate', 'Decimal', 'CurrencyCode', 'CountryCode']) {
    expect(positions.some(({ type }) => isNonNullType(type) && String(type.ofType) === scalar)).toBe(true)
  }
})
