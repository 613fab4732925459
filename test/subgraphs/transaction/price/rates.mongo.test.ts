import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { connect } from '../../../../subgraphs/platform/mongo/client.ts'
import type { RequestContext } from '../../../../subgraphs/shared/viewer.ts'
import {
  readRateTable,
  openTransactionSubgraph,
  type RateTable,
  type TransactionSettings,
  type TransactionSubgraph,
} from '../../../../subgraphs/transaction/index.ts'
import { tableRates } from '../../../../subgraphs/transaction/price/rates.ts'
import { aClock, aDirectory, aRegistry, as, noon, quietLog } from '../../../fixtures/a-programme.ts'
import { describeIdempotency } from '../../../contracts/idempotency.ts'
import { freshDatabase } from '../../../harness/mongo.ts'

const { db, uri, name } = await freshDatabase()
const clock = aClock()
const operator = as('operator')
const wallet = as('wallet-sg-01')
const opened: (() => Promise<void>)[] = []

async function start(on = db, settings: Partial<TransactionSettings> = {}): Promise<TransactionSubgraph> {
  const subgraph = await openTransactionSubgraph({
    db: on,
    registry: aRegistry(),
    directory: aDirectory(),
    now: clock.now,
    logger: quietLog,
    cursorSecret: 'a secret',
    simulator: null,
    sequencer: false,
    ...settings,
  })
  opened.push(() => subgraph.close())
  return subgraph
}

let here: TransactionSubgraph
let there: TransactionSubgraph
beforeAll(async () => {
  const mongo = await connect(uri)
  ;[here, there] = [await start(), await start(mongo.db(name))]
  opened.push(() => mongo.close())
})
afterAll(async () => {
  for (const close of opened) await close()
})

type Data = Record<string, any> // eslint-disable-line typescript/no-explicit-any
async function ask(
  document: string,
  context: RequestContext,
  variables: object = {},
  at = here,
): Promise<Data> {
  const { data, errors } = await at.app.graphql(document, context as never, variables as never)
  if (errors) throw errors[0]!
  return data as Data
}
const set = async (input: object, context = operator, at = here): Promise<Data> => {
  const document = `mutation ($input: SetRatesInput!) { setRates(input: $input) { __typename
    ... on RatesSet { version asOf markupBasisPoints rates { source target value mid } }
    ... on Problem { code message retryable path } ... on IdempotencyConflict { firstUsedAt } } }`
  return (await ask(document, context, { input }, at)).setRates as Data
}
const ratesOf = async (args = '', at = here): Promise<Data[]> =>
  (await ask(`{ rates${args} { source target value mid markupBasisPoints asOf } }`, wallet, {}, at))
    .rates as Data[]
const quote = async (at = here): Promise<Data> => {
  const document = `mutation ($input: QuotePaymentInput!) { quotePayment(input: $input) {
    ... on Quote { id payerAmount { amount } rate { value mid asOf } } ... on Problem { code } } }`
  const input = {
    merchant: 'acquirer-cn-01.M1',
    amount: { amount: '100', currency: 'CNY' },
    payerCurrency: 'SGD',
  }
  return (await ask(document, wallet, { input }, at)).quotePayment as Data
}
const everything = () =>
  Promise.all(['rates', 'audit', 'keys'].map((each) => db.collection(each).find().sort({ _id: 1 }).toArray()))
const aTable = (changes: object = {}) => ({
  rows: [
    { currency: 'SGD', cny: '5' },
    { currency: 'THB', cny: '0.25' },
  ],
  asOf: clock.now().toISOString(),
  markupBasisPoints: 100,
  ...changes,
})

describe('exchange rates', () => {
  test('are the built-in ones until the operator sets others, and every wallet reads them', async () => {
    const all = await ratesOf()
    expect(all.length).toBeGreaterThan(40)
    expect(all.find(({ source }) => source === 'SGD')).toEqual({
      source: 'SGD',
      target: 'CNY',
      value: '5.521255',
      mid: '5.549',
      markupBasisPoints: 50,
      asOf: '2025-09-11T01:15:00.000Z',
    })
    expect(await ratesOf('(sources: ["USD", "CNY"], target: "SGD")')).toMatchObject([
      { source: 'USD', target: 'SGD' },
      { source: 'CNY', target: 'SGD' },
    ])
  })

  test.each([
    { args: '(target: "XXX")', path: ['target'] },
    { args: '(sources: ["SGD", "XXX"])', path: ['sources', '1'] },
  ])('are refused for $args', async ({ args, path }) => {
    await expect(ratesOf(args)).rejects.toMatchObject({ extensions: { code: 'UNKNOWN_CURRENCY', path } })
  })

  const second = (row: object) => ({
    rows: [
      { currency: 'SGD', cny: '5' },
      { currency: 'THB', cny: '1', ...row },
    ],
  })
  test.each([
    [{ rows: [] }, 'BAD_VALUE', 'rows'],
    [second({ currency: 'XXX' }), 'UNKNOWN_CURRENCY', 'rows.1.currency'],
    [second({ currency: 'SGD' }), 'BAD_VALUE', 'rows.1.currency'],
    [second({ cny: 'one' }), 'RATE_MALFORMED', 'rows.1.cny'],
    [second({ cny: '-1' }), 'RATE_NOT_POSITIVE', 'rows.1.cny'],
    [second({ cny: '0.0' }), 'RATE_NOT_POSITIVE', 'rows.1.cny'],
    [second({ cny: '0.12345678901' }), 'RATE_TOO_PRECISE', 'rows.1.cny'],
    [second({ cny: '1001' }), 'RATE_OUT_OF_RANGE', 'rows.1.cny'],
    [{ asOf: new Date(noon.getTime() + 1).toISOString() }, 'BAD_VALUE', 'asOf'],
    [{ asOf: new Date(noon.getTime() - 8 * 86_400_000).toISOString() }, 'BAD_VALUE', 'asOf'],
    [{ markupBasisPoints: 1001 }, 'BAD_VALUE', 'markupBasisPoints'],
    [{ idempotencyKey: '' }, 'BAD_VALUE', 'idempotencyKey'],
  ])('are not set with %j: %s at %s', async (changes, code, path) => {
    const before = await everything()
    expect(await set(aTable(changes))).toMatchObject({
      __typename: 'Refused',
      code,
      message: expect.stringMatching(/./),
      path: ['input', ...path.split('.')],
    })
    expect(await everything()).toEqual(before)
  })

  test('are set only by the operator', async () => {
    expect(await set(aTable(), wallet)).toMatchObject({ code: 'FORBIDDEN' })
  })

  test('once set apply in this process before the result is returned, and in every other soon after', async () => {
    const before = await quote()
    expect(before.rate.mid).toBe('5.549')
    expect(await set(aTable())).toEqual({
      __typename: 'RatesSet',
      version: 1,
      asOf: noon.toISOString(),
      markupBasisPoints: 100,
      rates: [
        { source: 'SGD', target: 'CNY', value: '4.95', mid: '5' },
        { source: 'THB', target: 'CNY', value: '0.2475', mid: '0.25' },
      ],
    })
    // 100 / 4.95, rounded up; an earlier quote keeps its price.
    expect(await quote()).toMatchObject({ payerAmount: { amount: '20.21' }, rate: { value: '4.95' } })
    await vi.waitFor(async () => expect(await ratesOf('', there)).toEqual(await ratesOf()), 10_000)
    expect(await quote(there)).toMatchObject({
      payerAmount: { amount: '20.21' },
      rate: { asOf: noon.toISOString() },
    })
    const pay = `mutation ($input: SubmitPaymentInput!) { submitPayment(input: $input) {
      ... on PaymentReceipt { payment { payerAmount { amount } rate { mid } } } } }`
    const input = { idempotencyKey: 'k', reference: 'r', quote: before.id }
    expect((await ask(pay, wallet, { input }, there)).submitPayment.payment).toEqual({
      payerAmount: before.payerAmount,
      rate: { mid: '5.549' },
    })
  })

  test('leave out a currency that is not in the table', async () => {
    expect((await ratesOf()).map(({ source }) => source)).toEqual(['SGD', 'THB'])
    expect(await ratesOf('(sources: ["USD", "SGD"])')).toHaveLength(1)
  })

  test('never go back in time: a table follows an earlier one', async () => {
    expect(await set(aTable())).toMatchObject({ code: 'BAD_VALUE', path: ['input', 'asOf'] })
  })

  test('are kept, each table under its number, with an entry in the audit log', async () => {
    clock.move(1_000)
    await set(aTable({ markupBasisPoints: 0 }))
    expect(await db.collection('rates').find().sort({ _id: 1 }).toArray()).toMatchObject([
      { _id: 1, asOf: noon, markupBasisPoints: 100, cny: { SGD: '5', THB: '0.25' } },
      { _id: 2, asOf: clock.now(), markupBasisPoints: 0 },
    ])
    const entry = await db.collection('audit').findOne({}, { sort: { _id: -1 } })
    expect(entry).toMatchObject({
      actor: 'operator',
      action: 'setRates',
      target: 'rates:CNY',
      requestId: 'test',
    })
    expect(JSON.parse(entry!.before)).toEqual({
      version: 1,
      asOf: noon.toISOString(),
      markupBasisPoints: 100,
      cny: { SGD: '5', THB: '0.25' },
    })
    expect(JSON.parse(entry!.after)).toMatchObject({ version: 2, markupBasisPoints: 0 })
  })

  test('of several operators at once are set one after the other', async () => {
    const before = clock.now().getTime()
    clock.move(100)
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, n) =>
        set(aTable({ asOf: new Date(before + 1 + n).toISOString() }), operator, n % 2 === 0 ? here : there),
      ),
    )
    const versions = answers.flatMap(({ version }) => (version === undefined ? [] : [version as number]))
    expect(versions.toSorted((a, b) => a - b)).toEqual(versions.map((_, n) => 3 + n))
    for (const { code } of answers.filter(({ version }) => version === undefined))
      expect(code).toBe('BAD_VALUE')
    const kept = await db
      .collection('rates')
      .find({ _id: { $gt: 2 as never } })
      .sort({ _id: 1 })
      .toArray()
    expect(kept.map(({ asOf }) => asOf as Date)).toEqual(
      kept.map(({ asOf }) => asOf as Date).toSorted((a, b) => a.getTime() - b.getTime()),
    )
    expect(kept.at(-1)!.asOf).toEqual(new Date(before + 16))
  })

  test('of a file are adopted at the start when they are newer, once, by the hub itself', async () => {
    clock.move(1_000)
    const count = () => db.collection('rates').countDocuments()
    const before = await count()
    const table = readRateTable(
      { rows: [{ currency: 'SGD', cny: '6' }], asOf: clock.now(), markupBasisPoints: 0 },
      [],
    ) as RateTable
    const [first] = await Promise.all([1, 2, 3].map(() => start(db, { startTable: table })))
    expect(await ratesOf('', first)).toMatchObject([{ source: 'SGD', mid: '6' }])
    expect(await count()).toBe(before + 1)
    const again = await start(db, { startTable: { ...table, asOf: noon } })
    expect(await ratesOf('', again)).toMatchObject([{ mid: '6' }])
    expect(await count()).toBe(before + 1)
    const { auditLog } = await ask(
      '{ auditLog(first: 1) { edges { node { actor { id } action target requestId } } } }',
      operator,
    )
    expect(auditLog.edges).toEqual([
      { node: { actor: null, action: 'setRates', target: 'rates:CNY', requestId: 'start' } },
    ])
  })

  test('must be set before anything is priced where none are built in', async () => {
    const mongo = await connect(uri)
    const bare = await start(mongo.db(`${name}-bare`), { hasBuiltInRates: false })
    expect(await ratesOf('', bare)).toEqual([])
    expect(await quote(bare)).toEqual({ code: 'RATE_UNAVAILABLE' })
    clock.move(1_000)
    expect(await set(aTable(), operator, bare)).toMatchObject({ version: 1 })
    expect(await quote(bare)).toMatchObject({ id: expect.any(String) })
    await mongo.db(`${name}-bare`).dropDatabase()
    opened.push(() => mongo.close())
  })

  test('of a provider are returned, and cannot be set', async () => {
    const rates = tableRates({ SGD: '7' }, noon, 0)
    const own = await start(db, { rates })
    expect(await ratesOf('', own)).toMatchObject([{ source: 'SGD', mid: '7' }])
    expect(await set(aTable(), operator, own)).toMatchObject({ code: 'NOT_AVAILABLE' })
  })
})

describeIdempotency('exchange rates', {
  clock,
  async open() {
    clock.move(1_000)
    return aTable()
  },
  call: (table, idempotencyKey, input, process) =>
    set(
      { ...table, idempotencyKey, markupBasisPoints: input === 'first' ? 100 : 1 },
      operator,
      process === 0 ? here : there,
    ),
  effects: () => db.collection('rates').countDocuments(),
})
