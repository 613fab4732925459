import { beforeAll, describe, expect, test } from 'vitest'
import { freshDatabase } from '../harness/mongo.ts'
import { hubProcesses, urlOf } from './child.ts'
import { HubClient } from './client.ts'

const database = await freshDatabase()
const run = hubProcesses(database)

/** The demo wallet's and acquirer's clients of two hubs over one database, each a process of its own. */
let wallets: readonly HubClient[]
let acquirers: readonly HubClient[]
let merchant = ''
beforeAll(async () => {
  const first = await urlOf(run({}))
  const second = await urlOf(run({}))
  wallets = [first, second].map((url) => new HubClient(url, 'demo-wallet'))
  acquirers = [first, second].map((url) => new HubClient(url, 'demo-acquirer'))
  const { data } = await wallets[0]!.query(
    '{ merchants(where: { acquirers: ["acquirer-cn-01"], entryModes: [IN_APP] }, first: 1) { edges { node { id } } } }',
  )
  merchant = data.merchants.edges[0].node.id
})

const cny = (amount: string) => ({ amount, currency: 'CNY' })

/** The same operation 64 times at once, half at each hub: the results. */
async function sixtyFour(clients: readonly HubClient[], operation: string, input: object) {
  const answers = await Promise.all(
    Array.from({ length: 64 }, (_, n) => clients[n % 2]!.ask(operation, { input })),
  )
  return answers.map(({ data, errors }) => {
    expect(errors).toBeUndefined()
    return Object.values(data)[0] as { code?: string; replayed?: boolean; firstUsedAt?: string } & Record<
      string,
      { id: string }
    >
  })
}

describe('64 equal calls at once, at two hubs that share a database', () => {
  const submission = () => ({
    idempotencyKey: 'once',
    reference: 'once',
    merchant,
    amount: cny('12.00'),
    payerCurrency: 'SGD',
    customer: 'somebody',
  })

  test('submit one payment, which every caller gets', async () => {
    const results = await sixtyFour(wallets, 'SubmitPayment', submission())
    expect(new Set(results.map(({ payment }) => payment!.id)).size).toBe(1)
    expect(results.filter(({ replayed }) => replayed === false)).toHaveLength(1)
    const stored = database.db.collection('payments')
    expect(await stored.countDocuments({ reference: 'once' })).toBe(1)
  })

  test('with another input are refused, and told when the key was used first', async () => {
    const results = await sixtyFour(wallets, 'SubmitPayment', { ...submission(), amount: cny('13.00') })
    expect(new Set(results.map(({ code }) => code))).toEqual(new Set(['IDEMPOTENCY_CONFLICT']))
    const payment = await database.db.collection('payments').findOne({ reference: 'once' })
    expect(new Set(results.map(({ firstUsedAt }) => firstUsedAt))).toEqual(
      new Set([(payment!.keys as { at: Date }[])[0]!.at.toISOString()]),
    )
  })

  test('that are refused by a rule all get the same refusal', async () => {
    const results = await sixtyFour(wallets, 'SubmitPayment', {
      ...submission(),
      idempotencyKey: 'refused',
      reference: 'once',
    })
    expect(new Set(results.map(({ code }) => code))).toEqual(new Set(['REFERENCE_USED']))
  })

  test('refund once, cancel once', async () => {
    const { _id: payment } = (await database.db.collection('payments').findOne({ reference: 'once' }))!
    const updates = wallets[1]!.follow('FollowPayment', { id: payment })
    for await (const { data } of updates)
      if (data.transactionUpdated.transaction.status === 'COMPLETED') break
    const refunds = await sixtyFour(acquirers, 'RefundPayment', {
      idempotencyKey: 'once',
      payment,
      amount: cny('2.00'),
    })
    expect(new Set(refunds.map(({ refund }) => refund!.id)).size).toBe(1)
    expect(refunds.filter(({ replayed }) => replayed === false)).toHaveLength(1)
    const { refunds: made } = (await database.db.collection('payments').findOne({ reference: 'once' }))!
    expect(made).toHaveLength(1)
  })

  test('present one code', async () => {
    const input = { idempotencyKey: 'once', token: { reference: 'account' } }
    const results = await sixtyFour(wallets, 'PresentCode', input)
    expect(new Set(results.map(({ id }) => id)).size).toBe(1)
    expect(await database.db.collection('presentedCodes').countDocuments()).toBe(1)
  })
})
