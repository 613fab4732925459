// One key, one effect: payments are written and moved under idempotency keys, and every key keeps what it has got.
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { conflictOf, isKept, type UsedKey } from '../../shared/idempotency-key.ts'
import { isStoredRefusal, storedRefusal } from '../store/stored-refusal.ts'
import type { Move, Payment } from '../payment/payment.ts'
import type { Moved, PaymentStore } from '../store/payment-store.ts'
import { KeyTakenError } from '../store/payment-writes.ts'
import type { Logger } from '../../platform/logger.ts'
import type { PaymentId } from '../../../schema/values/id.ts'

export interface PaymentReceipt {
  readonly __typename: 'PaymentReceipt'
  /** The same key and input came before. */
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
  /** Writes a new payment under its key; or gives what the key has got before, or why the payment cannot be. */
  insert(payment: Payment, key: UsedKey): Promise<PaymentReceipt | Refusal>
  /** Makes the move that `rule` wants, under `key`: once, however often it is asked for. */
  move(
    key: UsedKey,
    id: PaymentId,
    rule: (payment: Payment) => Move | Refusal,
  ): Promise<PaymentReceipt | Refusal>
  /** Keeps `refusal` as what the key has got; gives what it had got before, if it had. */
  keep(key: UsedKey, refusal: Refusal): Promise<PaymentReceipt | Refusal>
}

export interface IdempotentPaymentsDependencies {
  readonly store: PaymentStore
  readonly logger: Pick<Logger, 'error'>
}

export function createIdempotentPayments({
  store,
  logger,
}: IdempotentPaymentsDependencies): IdempotentPayments {
  /** What the first use of this key gave; null when the key is new. */
  const firstUse = async (key: UsedKey, own?: string): Promise<PaymentReceipt | Refusal | null> => {
    const used = await store.byKey.load(key.id)
    if (!used) return null
    const conflict = conflictOf(
      used.keys.find(({ id }) => id === key.id)!,
      key,
    )
    if (conflict) return conflict
    return isStoredRefusal(used) ? used.refusal : receiptOf(used, used._id !== own)
  }

  const keep = async (key: UsedKey, refusal: Refusal): Promise<PaymentReceipt | Refusal> => {
    if (isKept(refusal) && (await store.keep(storedRefusal(key, refusal)))) return refusal
    return (await firstUse(key)) ?? refusal
  }

  const whyTaken = async (payment: Payment): Promise<Refusal> => {
    const { quote, presentedCode, wallet, reference: number } = payment
    if (quote !== undefined && (await store.byQuote.load(quote))) {
      return refuse('QUOTE_USED', undefined, ['input', 'quote'])
    }
    if (presentedCode !== undefined && (await store.byPresentedCode.load(presentedCode))) {
      return refuse('CODE_USED', undefined, ['input', 'payload'])
    }
    if (await store.byReference.load({ wallet, reference: number })) {
      return refuse('REFERENCE_USED', undefined, ['input', 'reference'])
    }
    return refuse('UNAVAILABLE')
  }

  return {
    async insert(payment, key) {
      try {
        if (await store.insert(payment)) return receiptOf(payment, false)
      } catch (error) {
        // It may be there or not. Only a look can tell, and where none can be had the key is what the caller still has.
        logger.error(
          { err: error, payment: payment._id },
          'the outcome of a submission is unknown; looking it up',
        )
        return (await firstUse(key, payment._id).catch(() => null)) ?? refuse('UNAVAILABLE')
      }
      return (await firstUse(key, payment._id)) ?? keep(key, await whyTaken(payment))
    },
    async move(key, id, rule) {
      const first = await firstUse(key)
      if (first) return first
      let refusal: Refusal | null = null
      let done: Moved | null
      try {
        done = await store.move(id, (payment) => {
          refusal = null
          if (payment.keys.some((used) => used.id === key.id)) return null
          const wanted = rule(payment)
          if (!isRefusal(wanted)) return wanted
          refusal = wanted
          return null
        })
      } catch (error) {
        if (!(error instanceof KeyTakenError)) {
          logger.error({ err: error, payment: id }, 'the outcome of a move is unknown; looking it up')
        }
        return (await firstUse(key).catch(() => null)) ?? refuse('UNAVAILABLE')
      }
      if (!done || refusal) return keep(key, refusal ?? unknownPayment)
      return done.moved ? receiptOf(done.after, false) : (await firstUse(key))!
    },
    keep,
  }
}
