// Writes and moves payments under idempotency keys: one key, one effect. A key keeps its first result.

import type { PaymentId } from '../../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import type { Logger } from '../../platform/logger.ts'
import { conflictOf, isKept, type UsedKey } from '../../shared/idempotency-key.ts'
import { exceedsDailyLimit, tooManyOfDay, type DayShare } from '../payment/daily-limit.ts'
import type { Move, Payment } from '../payment/payment.ts'
import type { MoveOutcome } from '../store/payment-mover.ts'
import type { InsertOutcome, PaymentStore } from '../store/payment-store.ts'
import { KeyTakenError } from '../store/payment-writes.ts'
import { isStoredRefusal, storedRefusal } from '../store/stored-refusal.ts'

export interface PaymentReceipt {
  readonly __typename: 'PaymentReceipt'
  /** True when the same key and input were used before. */
  readonly replayed: boolean
  readonly payment: Payment
}

export const receiptOf = (payment: Payment, replayed: boolean): PaymentReceipt => ({
  __typename: 'PaymentReceipt',
  replayed,
  payment,
})

export const unknownPayment = refuse('PAYMENT_UNKNOWN', undefined, ['input', 'payment'])

export interface IdempotentPayments {
  /**
   * Writes a new payment under its key, within the limit of its share's day. Returns the first result of a
   * used key, or the reason against the payment.
   */
  insert(payment: Payment, key: UsedKey, share: DayShare | null): Promise<PaymentReceipt | Refusal>
  /** Moves payment `id` by `rule` under `key`, at most once per key. */
  move(
    key: UsedKey,
    id: PaymentId,
    rule: (payment: Payment) => Move | Refusal,
  ): Promise<PaymentReceipt | Refusal>
  /** Stores `refusal` as the result of a new key; returns the first result of a used one. */
  keep(key: UsedKey, refusal: Refusal): Promise<PaymentReceipt | Refusal>
}

export interface IdempotentPaymentsDependencies {
  readonly store: PaymentStore
  readonly logger: Pick<Logger, 'error'>
}

export const createIdempotentPayments = (
  dependencies: IdempotentPaymentsDependencies,
): IdempotentPayments => ({
  insert: (payment, key, share) => insertOnce(dependencies, payment, key, share),
  move: (key, id, rule) => moveOnce(dependencies, key, id, rule),
  keep: (key, refusal) => keepRefusal(dependencies.store, key, refusal),
})

async function insertOnce(
  { store, logger }: IdempotentPaymentsDependencies,
  payment: Payment,
  key: UsedKey,
  share: DayShare | null,
): Promise<PaymentReceipt | Refusal> {
  let outcome: InsertOutcome
  try {
    outcome = await store.insert(payment, share)
  } catch (error) {
    // The payment may be written or not, and only a read can show it. If that fails too, the caller repeats
    // its key.
    logger.error(
      { err: error, payment: payment._id },
      'a payment was submitted, but the outcome of its write is unknown; reading it by its key',
    )
    return (await firstResult(store, key, payment._id).catch(() => null)) ?? refuse('UNAVAILABLE')
  }
  switch (outcome.kind) {
    case 'INSERTED':
      return receiptOf(outcome.payment, false)
    case 'EXCEEDED':
      return keepRefusal(store, key, exceedsDailyLimit(share!, outcome.used))
    case 'FULL':
      return keepRefusal(store, key, tooManyOfDay)
    case 'BUSY':
      return (await firstResult(store, key)) ?? refuse('UNAVAILABLE')
    case 'TAKEN':
      return (
        (await firstResult(store, key, payment._id)) ??
        keepRefusal(store, key, await whyNotInserted(store, payment))
      )
  }
}

async function moveOnce(
  { store, logger }: IdempotentPaymentsDependencies,
  key: UsedKey,
  id: PaymentId,
  rule: (payment: Payment) => Move | Refusal,
): Promise<PaymentReceipt | Refusal> {
  const first = await firstResult(store, key)
  if (first) return first
  let refusal: Refusal | null = null
  let outcome: MoveOutcome | null
  try {
    outcome = await store.move(id, (payment) => {
      refusal = null
      if (payment.keys.some((used) => used.id === key.id)) return null
      const decided = rule(payment)
      if (!isRefusal(decided)) return decided
      refusal = decided
      return null
    })
  } catch (error) {
    if (!(error instanceof KeyTakenError)) {
      logger.error(
        { err: error, payment: id },
        'a payment was moved, but the outcome of the write is unknown; reading it by its key',
      )
    }
    return (await firstResult(store, key).catch(() => null)) ?? refuse('UNAVAILABLE')
  }
  if (!outcome || refusal) return keepRefusal(store, key, refusal ?? unknownPayment)
  return outcome.moved ? receiptOf(outcome.after, false) : (await firstResult(store, key))!
}

async function keepRefusal(
  store: PaymentStore,
  key: UsedKey,
  refusal: Refusal,
): Promise<PaymentReceipt | Refusal> {
  if (isKept(refusal) && (await store.keep(storedRefusal(key, refusal)))) return refusal
  return (await firstResult(store, key)) ?? refusal
}

/** The result of the first use of `key`, or a conflict with its input; null when the key is new. */
async function firstResult(
  store: PaymentStore,
  key: UsedKey,
  insertedNow?: PaymentId,
): Promise<PaymentReceipt | Refusal | null> {
  const used = await store.byKey.load(key.id)
  if (!used) return null
  const firstUse = used.keys.find(({ id }) => id === key.id)!
  const conflict = conflictOf(firstUse, key)
  if (conflict) return conflict
  return isStoredRefusal(used) ? used.refusal : receiptOf(used, used._id !== insertedNow)
}

/**
 * The reason that a payment with a new key was not inserted: another payment has its quote, code or
 * reference.
 */
async function whyNotInserted(
  store: PaymentStore,
  { quote, presentedCode, wallet, reference }: Payment,
): Promise<Refusal> {
  if (quote !== undefined && (await store.byQuote.load(quote))) {
    return refuse('QUOTE_USED', undefined, ['input', 'quote'])
  }
  if (presentedCode !== undefined && (await store.byPresentedCode.load(presentedCode))) {
    return refuse('CODE_USED', undefined, ['input', 'payload'])
  }
  if (await store.byReference.load({ wallet, reference })) {
    return refuse('REFERENCE_USED', undefined, ['input', 'reference'])
  }
  return refuse('UNAVAILABLE')
}
