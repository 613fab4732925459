// A refusal that an idempotency key received: the same call again is refused in the same way, whatever has
// changed.
//
// It is stored in the collection `payments`, with the key where a payment would have it. So one unique
// index ensures that one call per key has an effect, also with concurrent calls in several processes. Its
// id begins with "!", before every UUID, so that lists of payments leave it out.

import type { PaymentId, UsedKeyId } from '../../../schema/values/id.ts'
import type { Refusal } from '../../../schema/values/problems.ts'
import type { UsedKey } from '../../shared/idempotency-key.ts'
import type { Payment } from '../payment/payment.ts'

export interface StoredRefusal {
  readonly _id: `!${UsedKeyId}`
  readonly keys: readonly [UsedKey]
  readonly refusal: Refusal
  /** Time from which MongoDB deletes the document. */
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

/** In the order of ids, documents from here on are payments. */
export const firstPaymentId = '0' as PaymentId
