// The contract of an idempotency key over HTTP, at two hubs that share a database.

import { beforeAll } from 'vitest'
import { describeIdempotency } from '../contracts/idempotency.ts'
import { hubProcesses, urlOf } from './child.ts'
import { HubClient } from './client.ts'
import { demoDatabase } from './demo-database.ts'

const database = await demoDatabase()
const run = hubProcesses(database)
const collection = (name: string) => database.db.collection(name)

/** The demo participants' clients of the two hubs. */
let wallets: readonly HubClient[]
let acquirers: readonly HubClient[]
let merchant = ''
beforeAll(async () => {
  const urls = await Promise.all([run({}), run({})].map(urlOf))
  wallets = urls.map((url) => new HubClient(url, 'demo-wallet'))
  acquirers = urls.map((url) => new HubClient(url, 'demo-acquirer'))
  const { data } = await wallets[0]!.query(
    '{ merchants(where: { acquirers: ["acquirer-cn-01"], entryModes: [IN_APP] }, first: 1) { edges { node { id } } } }',
  )
  merchant = data.merchants.edges[0].node.id
})

const cny = (amount: string) => ({ amount, currency: 'CNY' })
const amounts = { first: '12.00', other: '13.00' }
let numbers = 0

const selections = {
  submitPayment: '... on PaymentReceipt { replayed payment { id } }',
  refundPayment: '... on RefundReceipt { replayed refund { id } }',
  presentCode: '... on PresentedCode { id payload expiresAt }',
}

/** Sends a mutation; its result. */
async function send(client: HubClient, mutation: keyof typeof selections, input: object): Promise<object> {
  const type = `${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input`
  const { data, errors } = await client.query(
    `mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename ${selections[mutation]}
      ... on Problem { code retryable path } ... on IdempotencyConflict { firstUsedAt } } }`,
    { input },
  )
  if (errors) throw new Error(errors[0]!.message)
  return data[mutation]
}

const submit = (process: 0 | 1, idempotencyKey: string, reference: string, amount = amounts.first) =>
  send(wallets[process]!, 'submitPayment', {
    idempotencyKey,
    reference,
    merchant,
    amount: cny(amount),
    payerCurrency: 'SGD',
    customer: 'a customer',
  })

describeIdempotency('SubmitPayment', {
  open: async () => `order ${++numbers}`,
  call: (reference, key, input, process) => submit(process, key, reference, amounts[input]),
  effects: (reference) => collection('payments').countDocuments({ reference }),
})

describeIdempotency('RefundPayment', {
  async open() {
    const reference = `order ${++numbers}`
    const { payment } = (await submit(0, reference, reference)) as { payment: { id: string } }
    for await (const { data } of wallets[1]!.follow('FollowPayment', { id: payment.id }))
      if (data.transactionUpdated.transaction.status === 'COMPLETED') break
    return payment.id
  },
  call: (payment, idempotencyKey, input, process) =>
    send(acquirers[process]!, 'refundPayment', {
      idempotencyKey,
      payment,
      amount: cny(input === 'first' ? '2.00' : '3.00'),
    }),
  effects: async (payment) =>
    (await collection('payments').findOne({ _id: payment as never }))?.['refunds']?.length ?? 0,
})

describeIdempotency('PresentCode', {
  open: async () => `account ${++numbers}`,
  call: (reference, idempotencyKey, input, process) =>
    send(wallets[process]!, 'presentCode', {
      idempotencyKey,
      token: { reference },
      ttlSeconds: input === 'first' ? 120 : 60,
    }),
  effects: (reference) => collection('presentedCodes').countDocuments({ 'token.reference': reference }),
})
