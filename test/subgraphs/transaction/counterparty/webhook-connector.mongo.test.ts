import type { Db } from 'mongodb'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { ParticipantId } from '../../../../schema/values/id.ts'
import type { StepKind } from '../../../../subgraphs/log/entry.ts'
import { openTransactionSubgraph, type TransactionSubgraph } from '../../../../subgraphs/transaction/index.ts'
import type { Payment } from '../../../../subgraphs/transaction/payment/payment.ts'
import { aClock, aDirectory, aRegistry, as, quietLog } from '../../../fixtures/a-programme.ts'
import { anId } from '../../../fixtures/an-id.ts'
import { untilLogged } from '../../../fixtures/until-logged.ts'
import { aReceiver, type Receiver } from '../../../fixtures/a-webhook-receiver.ts'
import { freshDatabase } from '../../../harness/mongo.ts'

const { mongo, name } = await freshDatabase()
const acquirer = anId<ParticipantId>('acquirer-cn-01')
const secret = { secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}`, notAfter: null }

let db: Db
let clock: ReturnType<typeof aClock>
let receiver: Receiver
let databases = 0
beforeEach(async () => {
  db = mongo.db(`${name}_${++databases}`)
  clock = aClock(new Date())
  receiver = await aReceiver()
})

/** A hub that calls the acquirer by webhook; closed after the test. */
async function aHub(): Promise<TransactionSubgraph> {
  const registry = aRegistry()
  const endpoint = { url: receiver.url, secrets: [secret] }
  registry.participants.set(acquirer, {
    ...registry.participants.get(acquirer)!,
    connection: 'WEBHOOK',
    endpoint,
  })
  const settings = { db, registry, directory: aDirectory(), now: clock.now, logger: quietLog }
  const hub = await openTransactionSubgraph({ ...settings, cursorSecret: 'secret', webhookReach: 'LOOPBACK' })
  onTestFinished(() => hub.close())
  return hub
}

const answering = (decision: string, more: object = {}): Receiver['answer'] => {
  const body = JSON.stringify({ decision, ...more })
  return (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(body)
}

let numbers = 0
async function pay(hub: TransactionSubgraph): Promise<string> {
  const key = `key ${++numbers}`
  const amount = { amount: '10.00', currency: 'CNY' }
  const input = {
    idempotencyKey: key,
    reference: key,
    merchant: `${acquirer}.M1`,
    amount,
    payerCurrency: 'SGD',
  }
  const document = `mutation ($input: SubmitPaymentInput!) {
    submitPayment(input: $input) { ... on PaymentReceipt { payment { id } } ... on Problem { message } } }`
  const { data } = await hub.app.graphql(document, { ...as('wallet-sg-01') }, { input })
  return (data as { submitPayment: { payment: { id: string } } }).submitPayment.payment.id
}

/** The payment after its step `kind`. */
async function after(hub: TransactionSubgraph, id: string, kind: StepKind, count?: number): Promise<Payment> {
  await untilLogged(hub.logReader, id, kind, count)
  return (await db.collection<Payment>('payments').findOne({ _id: anId(id) }))!
}

describe('a counterparty that is called', () => {
  test('approves in the body of its answer', async () => {
    receiver.answer = answering('APPROVE', { reference: 'A-1' })
    const hub = await aHub()
    const id = await pay(hub)
    expect(await after(hub, id, 'APPROVED')).toMatchObject({ status: 'COMPLETED', answerReference: 'A-1' })
    const [request] = receiver.received
    expect(JSON.parse(request!.body)).toMatchObject({ type: 'payment.authorize', data: { payment: { id } } })
    expect(request!.headers['webhook-signature']).toMatch(/^v1,/)
  })

  test('declines with a reason', async () => {
    receiver.answer = answering('DECLINE', { reason: 'AM04' })
    const hub = await aHub()
    expect(await after(hub, await pay(hub), 'REFUSED')).toMatchObject({ reason: 'INSUFFICIENT_FUNDS' })
  })

  test('may accept the request, and answer later', async () => {
    receiver.answer = 202
    const hub = await aHub()
    const id = await pay(hub)
    await receiver.until(1)
    const input = { payment: id, decision: 'APPROVE' }
    const document = `mutation ($input: RespondAuthorizationInput!) {
      respondAuthorization(input: $input) { ... on PaymentReceipt { payment { status } } } }`
    const { data } = await hub.app.graphql(document, { ...as(acquirer) }, { input })
    expect(data).toEqual({ respondAuthorization: { payment: { status: 'COMPLETED' } } })
  })

  test('that cannot be reached before the deadline fails the payment', async () => {
    receiver.answer = answering('APPROVE')
    const hub = await aHub()
    await after(hub, await pay(hub), 'APPROVED')
    await receiver.close()
    const id = await pay(hub)
    // The next attempt would be after the deadline.
    clock.move(7_900)
    expect(await after(hub, id, 'UNDELIVERABLE')).toMatchObject({ status: 'FAILED', reason: 'OFFLINE' })
  })

  test('that answers nonsense leaves the payment in doubt, and receives an inquiry', async () => {
    receiver.answer = answering('PERHAPS')
    const hub = await aHub()
    const id = await pay(hub)
    await receiver.until(1)
    receiver.answer = answering('NEVER_SEEN')
    clock.move(8_000)
    await after(hub, id, 'TIMED_OUT')
    clock.move(1_000)
    expect(await after(hub, id, 'NEVER_SEEN')).toMatchObject({ status: 'EXPIRED', reason: 'TIMEOUT' })
    expect(new Set(receiver.received.map(({ body }) => (JSON.parse(body) as { type: string }).type))).toEqual(
      new Set(['payment.authorize', 'payment.inquire']),
    )
  })

  test('receives a cancellation until it acknowledges it', async () => {
    receiver.answer = 202
    const hub = await aHub()
    const id = await pay(hub)
    await receiver.until(1)
    const input = { idempotencyKey: `cancel ${id}`, payment: id }
    const document = `mutation ($input: CancelPaymentInput!) { cancelPayment(input: $input) { __typename } }`
    await hub.app.graphql(document, { ...as('wallet-sg-01') }, { input })
    await receiver.until(2)
    receiver.answer = answering('ACKNOWLEDGE')
    clock.move(5_000)
    expect(await after(hub, id, 'CANCEL_ACKNOWLEDGED')).toMatchObject({ status: 'CANCELLED' })
  })

  test('that may have received the request from a stopped process does not count as unreachable', async () => {
    receiver.answer = 202
    const first = await aHub()
    const id = await pay(first)
    await receiver.until(1)
    await first.close()
    await receiver.close()
    const second = await aHub()
    clock.move(8_000)
    expect(await after(second, id, 'TIMED_OUT')).toMatchObject({ status: 'IN_DOUBT' })
  })

  test('receives the request again from the next process when the first one has stopped', async () => {
    receiver.answer = 202
    const first = await aHub()
    const id = await pay(first)
    await receiver.until(1)
    await first.close()
    receiver.answer = answering('APPROVE')
    const second = await aHub()
    expect(await after(second, id, 'APPROVED')).toMatchObject({ status: 'COMPLETED' })
  })
})
