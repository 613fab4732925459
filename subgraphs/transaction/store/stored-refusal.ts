// A refusal that an idempotency key has got: the same request once more is refused in the same way, whatever has changed.
//
// It lies in the collection `payments`, where the key would lie had the payment been taken. One unique index then sees to
// both: of all that is tried under one key, also at once and in several processes, one thing alone is done. Its id begins
// with "!", before every UUID, so that lists of payments pass it by.

import type { Refusal } from '../../../schema/values/problems.ts'
import type { UsedKey } from '../../shared/idempotency-key.ts'
import type { Payment } from '../payment/payment.ts'

export interface StoredRefusal {
  readonly _id: string
  readonly keys: readonly [UsedKey]
  readonly refusal: Refusal
  /** MongoDB removes it then. */
  readonly keptUntil: Date
}

const keptMs = 30 * 86_400_000

export const storedRefusal = (key: UsedKey, refusal: Refusal): StoredRefusal => ({
  _id: `!${key.id}`,
  keys: [key],
  refusal,
  keptUntil: new Date(key.at.getTime() + keptMs),
})

export const isStoredRefusal = (used: Payment | StoredRefusal): used is StoredRefusal => 'refusal' in used

/** Everything from here on in the order of ids is a payment. */
export const firstPaymentId = '0'
