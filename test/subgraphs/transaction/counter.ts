// A counter to pay at: a cashier over a database, with a clock that tests move and reference data that they change.

import type { Db } from 'mongodb'
import { resultsOf } from '../../../subgraphs/projection.ts'
import { isRefusal, type Refusal } from '../../../schema/values/problems.ts'
import {
  createCashier,
  type Cashier,
  type CashierDependencies,
} from '../../../subgraphs/transaction/cashier.ts'
import type { PaymentReceipt } from '../../../subgraphs/transaction/once.ts'
import { customerDays, givingBack } from '../../../subgraphs/transaction/customer-days.ts'
import { actOnAllDue } from '../../../subgraphs/transaction/deadlines.ts'
import { entriesOf } from '../../../subgraphs/transaction/log/logged.ts'
import type { Decision, SubmitPaymentInput } from '../../../subgraphs/transaction/input.ts'
import type { Payment } from '../../../subgraphs/transaction/life/payment.ts'
import { builtInRates } from '../../../subgraphs/transaction/price/rates.ts'
import { createStore, type PaymentStore } from '../../../subgraphs/transaction/store.ts'
import { aClock, aDirectory, aReference, quietLog, type TestReference } from './world.ts'

export const wallet = 'wallet-sg-01'
export const acquirer = 'acquirer-cn-01'

export interface Counter {
  readonly db: Db
  readonly store: PaymentStore
  readonly cashier: Cashier
  readonly clock: ReturnType<typeof aClock>
  readonly reference: TestReference
  /** A submission that nobody has made, of CNY 88.50 at the acquirer's shop. */
  submission(more?: Partial<SubmitPaymentInput>): SubmitPaymentInput
  /** Pays, and is taken. */
  pay(more?: Partial<SubmitPaymentInput>): Promise<Payment>
  /** Pays, and the acquirer approves. */
  complete(more?: Partial<SubmitPaymentInput>): Promise<Payment>
  /** The acquirer says something. */
  say(id: string, decision: Decision): Promise<PaymentReceipt | Refusal>
  /** Moves the clock, and has everything done that is due then: how much that was. */
  pass(ms: number): Promise<number>
  payment(id: string): Promise<Payment>
  /** Gives back what payments took of their customers' limits and came to nothing, as the log's reader does. */
  giveBack(...ids: readonly string[]): Promise<void>
}

let numbers = 0

/** Counters that share a clock and reference data are hubs over one database; `more` is what another one has of its own. */
export async function aCounter(
  db: Db,
  shared: Partial<Pick<Counter, 'clock' | 'reference'>> = {},
  more: Partial<CashierDependencies> = {},
): Promise<Counter> {
  const { clock = aClock(), reference = aReference() } = shared
  const store = await createStore(db)
  const days = await customerDays(db, clock.now)
  const cashier = createCashier({
    store,
    days,
    reference,
    directory: aDirectory(),
    now: clock.now,
    rates: builtInRates,
    screen: () => null,
    log: { error: () => {} },
    ...more,
  })
  const counter: Counter = {
    db,
    store,
    cashier,
    clock,
    reference,
    submission(of = {}) {
      numbers++
      return {
        idempotencyKey: `key ${numbers}`,
        reference: `number ${numbers}`,
        merchant: `${acquirer}.M1`,
        amount: { amount: '88.50', currency: 'CNY' },
        payerCurrency: 'SGD',
        ...of,
      }
    },
    pay: async (of) => taken(await cashier.submit(wallet, counter.submission(of))).payment,
    async complete(of) {
      const { _id } = await counter.pay(of)
      return taken(await counter.say(_id, 'APPROVE')).payment
    },
    say: (payment, decision) => cashier.respond(acquirer, { payment, decision }),
    pass(ms) {
      clock.move(ms)
      return actOnAllDue({ store, cashier, now: clock.now, log: quietLog })
    },
    payment: async (id) => (await store.byId.load(id))!,
    async giveBack(...ids) {
      const payments = await Promise.all(ids.map((id) => counter.payment(id)))
      const entries = payments.flatMap(entriesOf).map((entry, n) => ({ _id: BigInt(n + 1), ...entry }))
      await db.client.withSession((session) =>
        session.withTransaction(() => givingBack(db).apply(entries, session, resultsOf(db, 0))),
      )
    },
  }
  return counter
}

/** The receipt; throws when it was refused. */
export function taken<Receipt extends object>(receipt: Receipt | Refusal): Receipt {
  if (isRefusal(receipt)) throw new Error(`${receipt.code}: ${receipt.message}`)
  return receipt
}

export const many = <Result>(count: number, run: (n: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => run(n)))

/** The kinds of a payment's events. */
export const steps = ({ events }: Payment): string[] => events.map(({ kind }) => kind)
