import { beforeEach, describe, expect, test } from 'vitest'
import type { PaymentId } from '../../../../schema/values/id.ts'
import { describeIdempotency } from '../../../contracts/idempotency.ts'
import {
  acquirer,
  aPaymentHub,
  many,
  steps,
  taken,
  wallet,
  type PaymentHub,
} from '../../../fixtures/a-payment-hub.ts'
import { anId } from '../../../fixtures/an-id.ts'
import { connectAgain, freshDatabase } from '../../../harness/mongo.ts'

const database = await freshDatabase()
const otherDb = (await connectAgain(database)).db(database.name)
const clock = { now: () => hub.clock.now(), move: (ms: number) => hub.clock.move(ms) }
let hub: PaymentHub
/** Another process over the same database. */
let otherHub: PaymentHub
beforeEach(async () => {
  hub = await aPaymentHub(database.db)
  otherHub = await aPaymentHub(otherDb, hub)
})

let keys = 0
const cancel = (
  payment: PaymentId,
  more: { idempotencyKey?: string; reason?: string } = {},
  by = wallet,
  at = hub,
) => at.paymentService.cancel(by, { idempotencyKey: `cancel ${++keys}`, payment, ...more })

describe('cancelling a payment', () => {
  test('sends a cancellation, and ends when the counterparty acknowledges it', async () => {
    const { _id } = await hub.pay()
    const receipt = taken(await cancel(_id, { reason: 'wrong shop' }))
    expect(receipt).toMatchObject({ replayed: false, payment: { status: 'CANCELLING' } })
    expect(receipt.payment.events.at(-1)).toMatchObject({
      kind: 'CANCEL_REQUESTED',
      from: 'ROUTED',
      reason: 'CUSTOMER_CANCELLED',
      note: 'wrong shop',
    })
    await hub.respond(_id, 'ACKNOWLEDGE')
    expect(await hub.payment(_id)).toMatchObject({ status: 'CANCELLED', reason: 'CUSTOMER_CANCELLED' })
  })

  test('keeps a late approval without effect', async () => {
    const { _id } = await hub.pay()
    await cancel(_id)
    expect(await hub.respond(_id, 'APPROVE')).toMatchObject({ code: 'NOT_WAITING' })
    await hub.respond(_id, 'ACKNOWLEDGE')
    const payment = await hub.payment(_id)
    expect(steps(payment)).toEqual([
      'SUBMITTED',
      'SENT',
      'CANCEL_REQUESTED',
      'LATE_MESSAGE',
      'CANCEL_ACKNOWLEDGED',
    ])
    expect(payment.events.flatMap(({ booking }) => booking ?? [])).toEqual([])
  })

  test('ends the doubt', async () => {
    const { _id } = await hub.pay()
    await hub.advance(8_000)
    expect(await cancel(_id)).toMatchObject({ payment: { status: 'CANCELLING' } })
  })

  test('of a completed payment books back exactly what it booked', async () => {
    const { _id, events } = await hub.complete({ amount: { amount: '300', currency: 'CNY' } })
    const { payment } = taken(await cancel(_id))
    const booked = events.at(-1)!.booking!.postings
    expect(booked.length).toBeGreaterThan(4)
    expect(payment.events.at(-1)!.booking!.postings).toEqual(
      booked.map((posting) => ({ ...posting, minor: -posting.minor })),
    )
  })

  test('is possible until the cut-off after completion, and not at it', async () => {
    const payments = await many(2, () => hub.complete())
    hub.clock.move(30 * 60_000 - 1)
    expect(await cancel(payments[0]!._id)).toMatchObject({ payment: { status: 'CANCELLING' } })
    hub.clock.move(1)
    expect(await cancel(payments[1]!._id)).toMatchObject({
      code: 'NOT_CANCELLABLE',
      path: ['input', 'payment'],
      message: 'the payment could be cancelled until 2026-03-01T04:30:00.000Z',
    })
  })

  test('is not possible once part of the payment was refunded', async () => {
    const { _id } = await hub.complete()
    await hub.paymentService.refund(wallet, {
      idempotencyKey: `refund ${_id}`,
      payment: _id,
      amount: { amount: '1', currency: 'CNY' },
    })
    expect(await cancel(_id)).toMatchObject({ code: 'NOT_CANCELLABLE' })
  })

  test.each(['DECLINE', 'ACKNOWLEDGE'] as const)(
    'is not possible when the payment is over (%s)',
    async (end) => {
      const { _id } = await hub.pay()
      if (end === 'ACKNOWLEDGE') await cancel(_id)
      await hub.respond(_id, end)
      expect(await cancel(_id)).toMatchObject({ code: 'NOT_CANCELLABLE' })
    },
  )

  test.each(['wallet-sg-02', acquirer, 'operator'])('is not for %s, and reveals nothing', async (other) => {
    const { _id } = await hub.pay()
    expect(await cancel(_id, {}, anId(other))).toMatchObject({
      code: 'PAYMENT_UNKNOWN',
      path: ['input', 'payment'],
    })
    expect(await hub.payment(_id)).toMatchObject({ status: 'ROUTED' })
  })

  test('with a key that cancelled another payment is a conflict', async () => {
    const [one, other] = await many(2, () => hub.pay())
    const idempotencyKey = `both ${one!._id}`
    const answers = await Promise.all([
      cancel(one!._id, { idempotencyKey }),
      cancel(other!._id, { idempotencyKey }),
    ])
    expect(answers.map((answer) => ('code' in answer ? answer.code : 'cancelled')).toSorted()).toEqual([
      'IDEMPOTENCY_CONFLICT',
      'cancelled',
    ])
  })
})

describeIdempotency('a cancellation', {
  clock,
  async open() {
    const [first, other] = await many(2, () => hub.pay())
    return { first: first!._id, other: other!._id }
  },
  call: (payments, idempotencyKey, input, process) =>
    cancel(payments[input], { idempotencyKey }, wallet, process === 0 ? hub : otherHub),
  async effects({ first, other }) {
    const payments = await Promise.all([first, other].map((id) => hub.payment(id)))
    return payments.filter(({ status }) => status === 'CANCELLING').length
  },
  async refuse({ first }) {
    await hub.respond(first, 'APPROVE')
    clock.move(31 * 60_000)
    return () => clock.move(-31 * 60_000)
  },
})
