// oxlint-disable vitest/no-standalone-expect -- the steps of the one test are classes. Random lives of
// payments beside a simple model: after any operations in any order, the hub and the model agree.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PaymentId } from '../../../schema/values/id.ts'
import { isRefusal } from '../../../schema/values/problems.ts'
import type { TransactionStatus } from '../../../subgraphs/log/entry.ts'
import { readTip } from '../../../subgraphs/log/store.ts'
import { openAuditLog } from '../../../subgraphs/shared/audit-log.ts'
import { createIdempotentWriter } from '../../../subgraphs/shared/idempotent-writer.ts'
import { entriesOf, byTime } from '../../../subgraphs/transaction/log/entries-of-payment.ts'
import { createLogWriter, findMissing } from '../../../subgraphs/transaction/log/log-writer.ts'
import type { CounterpartyDecision } from '../../../subgraphs/transaction/payment/commands.ts'
import { isFinal, transitions } from '../../../subgraphs/transaction/payment/lifecycle.ts'
import type { SubmitPaymentInput } from '../../../subgraphs/transaction/service/read-input.ts'
import { openBatchCloser, type BatchCloser } from '../../../subgraphs/transaction/settlement/batch-closer.ts'
import { createSettlementIndexes } from '../../../subgraphs/transaction/settlement/batch-store.ts'
import type { NetAmount } from '../../../subgraphs/transaction/settlement/batch.ts'
import { firstPaymentId } from '../../../subgraphs/transaction/store/stored-refusal.ts'
import { aPaymentHub, taken, wallet, type PaymentHub } from '../../fixtures/a-payment-hub.ts'
import { quietLog } from '../../fixtures/a-programme.ts'
import { anId } from '../../fixtures/an-id.ts'
import { projectBookings } from '../../fixtures/project-bookings.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { mongo, name } = await freshDatabase()

/** A payment of the model: amounts in fen, times in milliseconds. */
interface ModelPayment {
  readonly id: PaymentId
  readonly amount: number
  status: TransactionStatus
  refunded: number
  /** Time of the hub's next own step; null when there is none. */
  dueMs: number | null
  inquiries: number
  retries: number
  completedMs: number | null
}

/** A booking to settle: the completion of a payment, its cancellation, or a refund. */
interface Booked {
  readonly payment: string
  readonly isRefund: boolean
  readonly date: string
  isSettled: boolean
}

interface Model {
  nowMs: number
  readonly payments: ModelPayment[]
  readonly booked: Booked[]
  readonly closed: Set<string>
  /** Earlier calls with their results, to be repeated. */
  readonly calls: { readonly again: () => Promise<object>; readonly first: object }[]
}

interface Hub extends PaymentHub {
  readonly batchCloser: BatchCloser
}
type Step = fc.AsyncCommand<Model, Hub>

/** The date that settles at a time: until 23:00 in UTC+8. */
const dateOf = (ms: number): string => new Date(ms + 9 * 3_600_000).toISOString().slice(0, 10)
const book = ({ booked, nowMs }: Model, { id }: ModelPayment, isRefund = false) =>
  booked.push({ payment: id, isRefund, date: dateOf(nowMs), isSettled: false })

const open: ReadonlySet<TransactionStatus> = new Set(['ROUTED', 'IN_DOUBT'])
const retryGaps = [5_000, 15_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 86_400_000]
const inquiryGaps = [1_000, 3_000, 9_000, 9_000]

const end = (known: ModelPayment, status: TransactionStatus) => {
  known.status = status
  known.dueMs = null
}

/** The hub's own step when a payment is due. */
function passTime(known: ModelPayment, nowMs: number) {
  if (known.dueMs === null || known.dueMs > nowMs) return
  switch (known.status) {
    case 'ROUTED':
      known.status = 'IN_DOUBT'
      known.dueMs = nowMs + inquiryGaps[0]!
      return
    case 'IN_DOUBT':
      if (known.inquiries < 3) known.dueMs = nowMs + inquiryGaps[++known.inquiries]!
      else {
        known.status = 'REVERSING'
        known.retries = 0
        known.dueMs = nowMs + retryGaps[0]!
      }
      return
    default:
      known.dueMs = nowMs + (retryGaps[++known.retries] ?? retryGaps.at(-1)!)
  }
}

/** The effect of an answer; none when it is too early or too late. */
function answer(known: ModelPayment, decision: CounterpartyDecision, nowMs: number) {
  if (decision === 'APPROVE' && open.has(known.status)) {
    end(known, 'COMPLETED')
    known.completedMs = nowMs
  } else if (decision === 'DECLINE' && open.has(known.status)) end(known, 'DECLINED')
  else if (decision === 'NEVER_SEEN' && known.status === 'IN_DOUBT') end(known, 'EXPIRED')
  else if (decision === 'ACKNOWLEDGE' && known.status === 'REVERSING') end(known, 'REVERSED')
  else if (decision === 'ACKNOWLEDGE' && known.status === 'CANCELLING') end(known, 'CANCELLED')
}

const mayCancel = (known: ModelPayment, nowMs: number): boolean =>
  open.has(known.status) ||
  (known.status === 'COMPLETED' && known.refunded === 0 && nowMs < known.completedMs! + 30 * 60_000)

let keys = 0
const newKey = () => `model ${++keys}`
const pick = <Item>(items: readonly Item[], at: number): Item => items[at % items.length]!

class Submit implements Step {
  readonly #amount: number
  constructor(amount: number) {
    this.#amount = amount
  }
  check = () => true
  async run(model: Model, hub: Hub) {
    const input: SubmitPaymentInput = hub.submission({
      amount: { amount: (this.#amount / 100).toFixed(2), currency: 'CNY' },
    })
    const submit = () => hub.paymentService.submit(wallet, input)
    const receipt = taken(await submit())
    expect(receipt.replayed).toBe(false)
    model.payments.push({
      id: receipt.payment._id,
      amount: this.#amount,
      status: 'ROUTED',
      refunded: 0,
      dueMs: model.nowMs + 8_000,
      inquiries: 0,
      retries: 0,
      completedMs: null,
    })
    model.calls.push({ again: submit, first: receipt })
  }
  toString = () => `submit ${this.#amount}`
}

class Say implements Step {
  readonly #which: number
  readonly #decision: CounterpartyDecision
  constructor(which: number, decision: CounterpartyDecision) {
    this.#which = which
    this.#decision = decision
  }
  check = ({ payments }: Model) => payments.length > 0
  async run(model: Model, hub: Hub) {
    const known = pick(model.payments, this.#which)
    const before = known.status
    answer(known, this.#decision, model.nowMs)
    if (known.status === 'COMPLETED' && before !== 'COMPLETED') book(model, known)
    await hub.respond(known.id, this.#decision)
  }
  toString = () => `answer ${this.#decision} to ${this.#which}`
}

async function letPass(model: Model, hub: Hub, ms: number): Promise<void> {
  model.nowMs += ms
  for (const known of model.payments) passTime(known, model.nowMs)
  await hub.advance(ms)
}

class Wait implements Step {
  readonly #ms: number
  constructor(ms: number) {
    this.#ms = ms
  }
  check = () => true
  run = (model: Model, hub: Hub) => letPass(model, hub, this.#ms)
  toString = () => `wait ${this.#ms}`
}

class Cancel implements Step {
  readonly #which: number
  constructor(which: number) {
    this.#which = which
  }
  check = ({ payments }: Model) => payments.length > 0
  async run(model: Model, hub: Hub) {
    const known = pick(model.payments, this.#which)
    const input = { idempotencyKey: newKey(), payment: known.id }
    const cancel = () => hub.paymentService.cancel(wallet, input)
    const first = await cancel()
    expect(isRefusal(first)).toBe(!mayCancel(known, model.nowMs))
    if (!isRefusal(first)) {
      if (known.status === 'COMPLETED') book(model, known)
      known.status = 'CANCELLING'
      known.retries = 0
      known.dueMs = model.nowMs + retryGaps[0]!
    }
    model.calls.push({ again: cancel, first })
  }
  toString = () => `cancel ${this.#which}`
}

class Refund implements Step {
  readonly #which: number
  readonly #amount: number | null
  constructor(which: number, amount: number | null) {
    this.#which = which
    this.#amount = amount
  }
  check = ({ payments }: Model) => payments.length > 0
  async run(model: Model, hub: Hub) {
    const known = pick(model.payments, this.#which)
    const left = known.status === 'COMPLETED' ? known.amount - known.refunded : 0
    const wanted = this.#amount ?? left
    const amount = this.#amount === null ? null : { amount: (this.#amount / 100).toFixed(2), currency: 'CNY' }
    const input = { idempotencyKey: newKey(), payment: known.id, amount }
    const refund = () => hub.paymentService.refund(wallet, input)
    const first = await refund()
    expect(isRefusal(first)).toBe(wanted > left || wanted === 0)
    if (!isRefusal(first)) {
      known.refunded += wanted
      book(model, known, true)
    }
    model.calls.push({ again: refund, first })
  }
  toString = () => `refund ${this.#amount ?? 'the rest'} of ${this.#which}`
}

/** Repeats a call: it returns the first result, and has no effect. */
class Retry implements Step {
  readonly #which: number
  constructor(which: number) {
    this.#which = which
  }
  check = ({ calls }: Model) => calls.length > 0
  async run({ calls }: Model) {
    const { again, first } = pick(calls, this.#which)
    const second = await again()
    if (isRefusal(first)) expect(second).toEqual(first)
    else expect(second).toMatchObject({ replayed: true })
  }
  toString = () => `retry ${this.#which}`
}

/** Closes the previous day on the next one, or a closed day again. */
class Settle implements Step {
  readonly #isAgain: boolean
  constructor(isAgain: boolean) {
    this.#isAgain = isAgain
  }
  check = ({ closed }: Model) => !this.#isAgain || closed.size > 0
  async run(model: Model, hub: Hub) {
    if (!this.#isAgain) await letPass(model, hub, dayMs)
    const date = this.#isAgain ? [...model.closed][0]! : dateOf(model.nowMs - dayMs)
    if (!model.closed.has(date)) {
      for (const one of model.booked) {
        if (one.date === date || model.closed.has(one.date)) one.isSettled = true
      }
      model.closed.add(date)
    }
    await project(hub)
    const input = { idempotencyKey: newKey(), settlementDate: date }
    const batch = await hub.batchCloser.closeDate(
      { actor: anId('operator'), key: 'a key', requestId: 'model' },
      input,
    )
    expect(batch).toMatchObject({ status: 'CLOSED', settlementDate: date })
    expect(Object.values(sums((batch as { net: readonly NetAmount[] }).net))).toSatisfy(allZero)
  }
  toString = () => (this.#isAgain ? 'settle again' : 'settle the day')
}

const dayMs = 86_400_000

/** Appends the new events to the log and projects the bookings. */
async function project({ db, store, registry }: Hub): Promise<void> {
  const writer = createLogWriter(db, await readTip(db), { isHeld: () => true })
  const payments = await store.payments.find({ _id: { $gte: firstPaymentId } }).toArray()
  await writer.append([{ entries: await findMissing(db, payments.flatMap(entriesOf).toSorted(byTime)) }])
  await projectBookings(db, registry)
}

const which = fc.nat(5)
/** From CNY 10 on, so that no refund rounds to zero in SGD. */
const amounts = fc.integer({ min: 1_000, max: 400_000 })
const decisions = fc.constantFrom('APPROVE', 'DECLINE', 'NEVER_SEEN', 'ACKNOWLEDGE' as const)
const steps = [
  amounts.map((amount) => new Submit(amount)),
  fc.tuple(which, decisions).map(([n, said]) => new Say(n, said)),
  which.map((n) => new Say(n, 'APPROVE')),
  fc.constantFrom(1, 999, 1_000, 3_000, 8_000, 9_000, 60_000, 1_800_000).map((ms) => new Wait(ms)),
  which.map((n) => new Cancel(n)),
  fc
    .tuple(which, fc.option(fc.integer({ min: 100, max: 200_000 })))
    .map(([n, amount]) => new Refund(n, amount)),
  fc.nat(20).map((n) => new Retry(n)),
  fc.boolean().map((isAgain) => new Settle(isAgain)),
]

const allowed = new Set(transitions.map(({ from, on, to }) => `${from} ${on} ${to}`))

let databases = 0
test('after any operations in any order, payments are as a simple model predicts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: 40 }), async (commands) => {
      const db = mongo.db(`${name}_${++databases}`)
      const hub = await aPaymentHub(db)
      await createSettlementIndexes(db)
      const batchCloser = openBatchCloser({
        db,
        idempotentWriter: await createIdempotentWriter(db),
        audit: await openAuditLog(db),
        registry: hub.registry,
        now: hub.clock.now,
        logger: quietLog,
      })
      const nowMs = hub.clock.now().getTime()
      const model: Model = { nowMs, payments: [], booked: [], closed: new Set(), calls: [] }
      await fc.asyncModelRun(() => ({ model, real: { ...hub, batchCloser } }), commands)

      for (const known of model.payments) {
        const payment = await hub.payment(known.id)
        expect({
          status: payment.status,
          refunded: Number(payment.refunded.minor),
          dueMs: 'due' in payment ? payment.due.getTime() : null,
        }).toEqual({ status: known.status, refunded: known.refunded, dueMs: known.dueMs })

        // Every step is in the table, no step leaves a final status, and the postings balance.
        for (const { from, kind, to, booking } of payment.events) {
          if (kind === 'LATE_MESSAGE') expect(from).toBe(to)
          else expect(allowed).toContain(`${from} ${kind} ${to}`)
          if (from !== null && isFinal(from)) expect(to).toBe(from)
          expect(Object.values(sums(booking?.postings ?? []))).toSatisfy(allZero)
        }
        const back = payment.refunds.reduce((sum, { payerAmount }) => sum + payerAmount.minor, 0n)
        expect(back).toBeLessThanOrEqual(payment.payerAmount.minor)
        expect(payment.refunded.minor).toBeLessThanOrEqual(payment.merchantAmount.minor)
        for (const { events } of payment.refunds) {
          expect(Object.values(sums(events[0]!.booking!.postings))).toSatisfy(allZero)
        }
        // A payment is settled when its completion is in a batch, a refund when it is itself in one.
        const booked = model.booked.filter(({ payment: id }) => id === known.id)
        const standing = ({ isSettled }: Booked) => (isSettled ? 'SETTLED' : 'PENDING')
        if (payment.status === 'COMPLETED' && 'settlement' in payment) {
          expect(payment.settlement).toBe(standing(booked[0]!))
        }
        expect(payment.refunds.map(({ settlement }) => settlement)).toEqual(
          booked.filter(({ isRefund }) => isRefund).map(standing),
        )
        const isPaid = payment.status === 'COMPLETED'
        const { wallet: owed = 0n } = walletNet(payment)
        expect(-owed).toBe(isPaid ? payment.payerAmount.minor - back : 0n)
      }
      await db.dropDatabase()
    }),
    { numRuns: 25 },
  )
})

const allZero = (values: readonly bigint[]) => values.every((value) => value === 0n)

function sums(
  postings: readonly { readonly currency: string; readonly minor: bigint }[],
): Record<string, bigint> {
  const found: Record<string, bigint> = {}
  for (const { currency, minor } of postings) found[currency] = (found[currency] ?? 0n) + minor
  return found
}

/** The payer's wallet's net (negative: owed) for a payment and its refunds, by all postings. */
function walletNet({ events, refunds }: Awaited<ReturnType<PaymentHub['payment']>>): {
  readonly wallet?: bigint
} {
  const booked = [...events, ...refunds.flatMap((refund) => refund.events)].flatMap(
    ({ booking }) => booking?.postings ?? [],
  )
  const own = booked.filter(({ account }) => account === 'WALLET')
  return { wallet: own.reduce((sum, { minor }) => sum + minor, 0n) }
}
