// One customer's daily limit against a model: submissions, replays, conflicts, answers and cancellations in
// any order, in two processes that may stop between any two writes.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PaymentId } from '../../../../schema/values/id.ts'
import { money } from '../../../../schema/values/money.ts'
import { isRefusal } from '../../../../schema/values/problems.ts'
import type { Payment } from '../../../../subgraphs/transaction/payment/payment.ts'
import type { SubmitPaymentInput } from '../../../../subgraphs/transaction/service/read-input.ts'
import { createPaymentStore } from '../../../../subgraphs/transaction/store/payment-store.ts'
import { isStoredRefusal } from '../../../../subgraphs/transaction/store/stored-refusal.ts'
import { aPaymentHub, wallet, type PaymentHub } from '../../../fixtures/a-payment-hub.ts'
import { aCorridor } from '../../../fixtures/a-programme.ts'
import { anId } from '../../../fixtures/an-id.ts'
import { connectAgain, freshDatabase } from '../../../harness/mongo.ts'

const database = await freshDatabase()
const { db, name } = database
const elsewhere = await connectAgain(database)

const limit = 100_000
/** Places where a process stops, and never resumes. */
type Stop = 'BEFORE_WRITE' | 'AFTER_WRITE' | null

interface Model {
  /** The result of each key: the amount and status of its payment, or the code of its refusal. */
  readonly results: Map<string, { readonly amount: number; readonly id: PaymentId | null; code: string }>
  /** What the payments of today use, by their keys. */
  uses: Map<string, number>
}

interface Hubs {
  readonly customer: string
  readonly hubs: readonly [PaymentHub, PaymentHub]
  readonly inputs: readonly SubmitPaymentInput[]
}
type Step = fc.AsyncCommand<Model, Hubs>

/** A hub that stops at `stop`: `stopped` is fulfilled when it does, and its call never returns. */
async function stoppingHub({ hubs }: Hubs, stop: Stop) {
  const stopped = Promise.withResolvers<'STOPPED'>()
  const never = <Result>(): Promise<Result> => {
    stopped.resolve('STOPPED')
    return new Promise(() => {})
  }
  const store = await createPaymentStore(db)
  const hub = await aPaymentHub(db, hubs[0], {
    store: {
      ...store,
      async insert(payment, share) {
        if (stop === 'BEFORE_WRITE') return never()
        const outcome = await store.insert(payment, share)
        return stop === 'AFTER_WRITE' ? never() : outcome
      },
    },
  })
  return { hub, stopped: stopped.promise }
}

const amountOf = (fen: number) => ({ amount: { amount: (fen / 100).toFixed(2), currency: 'CNY' } })
const dayOf = ({ customer, hubs }: Hubs): string => {
  const date = new Date(hubs[0].clock.now().getTime() + 8 * 3_600_000).toISOString().slice(0, 10)
  return `SG-CN/${date}/${wallet}/${customer}`
}
const usedIn = ({ uses }: Model): number => [...uses.values()].reduce((sum, minor) => sum + minor, 0)
const ended = new Set(['DECLINED', 'CANCELLED'])

class Submit implements Step {
  readonly #which: number
  readonly #amount: number
  readonly #at: number
  readonly #stop: Stop
  constructor(which: number, amount: number, at: number, stop: Stop) {
    this.#which = which
    this.#amount = amount
    this.#at = at
    this.#stop = stop
  }
  check = () => true
  async run(model: Model, real: Hubs) {
    const { hub, stopped } =
      this.#stop === null ? { hub: real.hubs[this.#at]!, stopped: null } : await stoppingHub(real, this.#stop)
    const input = { ...real.inputs[this.#which]!, ...amountOf(this.#amount) }
    const call = hub.paymentService.submit(wallet, input)
    const result = await (stopped ? Promise.race([call, stopped]) : call)
    const outcome =
      result === 'STOPPED' ? result : isRefusal(result) ? result.code : result.replayed ? 'REPLAYED' : 'NEW'
    expectSame(outcome, this.#predict(model, input.idempotencyKey))
    if (outcome === 'NEW' || (outcome === 'STOPPED' && this.#stop === 'AFTER_WRITE')) {
      await learnResults(model, real)
    }
    await check(model, real)
  }

  /** Returns the outcome, and changes the model. */
  #predict(model: Model, key: string): string {
    if (this.#stop === 'BEFORE_WRITE') return 'STOPPED'
    const minor = this.#amount
    const first = model.results.get(key)
    if (!first && usedIn(model) + minor <= limit) {
      model.uses.set(key, minor)
      return this.#stop ? 'STOPPED' : 'NEW'
    }
    if (this.#stop) return 'STOPPED'
    if (first) return first.amount !== minor ? 'IDEMPOTENCY_CONFLICT' : first.id ? 'REPLAYED' : first.code
    model.results.set(key, { amount: minor, id: null, code: 'LIMIT_PER_DAY' })
    return 'LIMIT_PER_DAY'
  }
  toString = () => `submit ${this.#amount} under ${this.#which} at ${this.#at}, stop ${this.#stop}`
}

/** Submits several at once. Which of them succeed is read, and the rest is as it was. */
class SubmitTogether implements Step {
  readonly #calls: readonly (readonly [number, number])[]
  constructor(calls: readonly (readonly [number, number])[]) {
    this.#calls = calls
  }
  check = () => true
  async run(model: Model, real: Hubs) {
    const before = [...model.uses.keys()]
    await Promise.all(
      this.#calls.map(async ([which, minor], n) => {
        const input = { ...real.inputs[which]!, ...amountOf(minor) }
        const result = await real.hubs[n % 2]!.paymentService.submit(wallet, input)
        if (!isRefusal(result) || result.code !== 'LIMIT_PER_DAY') return
        model.results.set(input.idempotencyKey, { amount: minor, id: null, code: result.code })
      }),
    )
    await learnResults(model, real)
    const standing = (await paymentsOf(real)).filter(({ status }) => !ended.has(status))
    model.uses = new Map(
      standing.map(({ keys, merchantAmount }) => [
        keys[0]!.id.slice(keyPrefix.length),
        Number(merchantAmount.minor),
      ]),
    )
    // A payment that stood before still stands.
    expectSame(
      before.filter((key) => !model.uses.has(key)),
      [],
    )
    await check(model, real)
  }
  toString = () => `submit together ${JSON.stringify(this.#calls)}`
}

const paymentsOf = (real: Hubs): Promise<Payment[]> =>
  real.hubs[0].store.payments
    .find({ 'customerDay.id': dayOf(real) })
    .sort({ 'customerDay.number': 1 })
    .toArray()
const keyPrefix = `${wallet}/submitPayment/`

/** Reads the payments of all keys into the model. */
async function learnResults({ results }: Model, { hubs: [hub], inputs }: Hubs): Promise<void> {
  for (const { idempotencyKey } of inputs) {
    const used = await hub.store.byKey.load(anId(`${keyPrefix}${idempotencyKey}`))
    if (!used) continue
    if (isStoredRefusal(used)) continue
    const amount = Number(used.merchantAmount.minor)
    results.set(idempotencyKey, { amount, id: used._id, code: used.status })
  }
}

function expectSame(real: unknown, predicted: unknown): void {
  expect(real).toEqual(predicted)
}

/** The day is used as in the model, never above the limit, and its payments are numbered. */
async function check(model: Model, real: Hubs): Promise<void> {
  const payments = await paymentsOf(real)
  const standing = payments.filter(({ status }) => !ended.has(status))
  const used = standing.reduce((sum, { customerDay }) => sum + Number(customerDay!.minor), 0)
  expect(used).toBe(usedIn(model))
  expect(used).toBeLessThanOrEqual(limit)
  expect(payments.map(({ customerDay }) => customerDay!.number)).toEqual(payments.map((_, n) => n + 1))
}

/** Ends or completes the payment of a key. */
class End implements Step {
  readonly #which: number
  readonly #how: 'APPROVE' | 'DECLINE' | 'CANCEL'
  constructor(which: number, how: 'APPROVE' | 'DECLINE' | 'CANCEL') {
    this.#which = which
    this.#how = how
  }
  check = () => true
  async run(model: Model, real: Hubs) {
    const [hub] = real.hubs
    const { idempotencyKey } = real.inputs[this.#which]!
    const result = model.results.get(idempotencyKey)
    if (!result?.id) return
    const { id } = result
    if (this.#how === 'CANCEL') {
      const again = { idempotencyKey: `cancel ${id}`, payment: id }
      await hub.paymentService.cancel(wallet, again)
      await hub.respond(id, 'ACKNOWLEDGE')
    } else await hub.respond(id, this.#how)
    result.code = (await hub.payment(id)).status
    if (ended.has(result.code)) model.uses.delete(idempotencyKey)
    await check(model, real)
  }
  toString = () => `${this.#how} ${this.#which}`
}

class NextDay implements Step {
  check = () => true
  async run(model: Model, real: Hubs) {
    real.hubs[0].clock.move(86_400_000)
    model.uses.clear()
    await check(model, real)
  }
  toString = () => 'the next day'
}

const keyCount = 6
const which = fc.nat(keyCount - 1)
const amounts = fc.constantFrom(100, 25_000, 30_000, 50_000, 70_000, 100_000)
const stops = fc.constantFrom<Stop>('BEFORE_WRITE', 'AFTER_WRITE')
const submit = fc.tuple(which, amounts, fc.nat(1)).map(([key, minor, at]) => new Submit(key, minor, at, null))
const steps = [
  submit,
  submit,
  fc.tuple(which, amounts, stops).map(([key, minor, stop]) => new Submit(key, minor, 0, stop)),
  fc
    .array(fc.tuple(which, amounts), { minLength: 2, maxLength: 12 })
    .map((calls) => new SubmitTogether(calls)),
  fc.tuple(which, fc.constantFrom('APPROVE', 'DECLINE', 'CANCEL')).map(([key, how]) => new End(key, how)),
  fc.constant(new NextDay()),
]

let customers = 0
test('after any calls, the payments of a day are numbered, and within the limit', async () => {
  const limits = { perPayment: money(5_000_000n, 'CNY'), perDay: money(BigInt(limit), 'CNY') }
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: 25 }), async (commands) => {
      const hub = await aPaymentHub(db)
      hub.registry.corridors.set(anId('SG-CN'), aCorridor('SG-CN', { limits }))
      const there = await aPaymentHub(elsewhere.db(name), hub)
      const customer = `customer ${++customers}`
      const inputs = Array.from({ length: keyCount }, () => hub.submission({ customer }))
      const real: Hubs = { customer, hubs: [hub, there], inputs }
      await fc.asyncModelRun(() => ({ model: { results: new Map(), uses: new Map() }, real }), commands)
    }),
    { numRuns: 30 },
  )
}, 120_000)
