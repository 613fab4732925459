// The daily limit: the most that one customer may pay in a corridor on one day. Pure.

import type { ParticipantId, PaymentId, UsedKeyId } from '../../../schema/values/id.ts'
import { money, type Money } from '../../../schema/values/money.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import type { Corridor } from '../../shared/registry.ts'
import { valueAtMid, type LimitExceeded } from '../price/pricing.ts'
import type { RateProvider } from '../price/rates.ts'

/** The part of a customer's daily limit that a payment uses. */
export interface Reservation {
  /** Id of the customer's day: "SG-CN/2026-03-01/wallet-sg-01/customer". */
  readonly day: string
  /** Id of the payment that is to be written: each attempt has a hold of its own. */
  readonly hold: PaymentId
  /** Id of the payment's idempotency key: at most one attempt with it succeeds. */
  readonly key: UsedKeyId
  /** In minor units of the limit's currency. */
  readonly minor: bigint
  readonly limit: Money
  /** Time at which the day ends. */
  readonly resetsAt: Date
}

/** Returns the reservation for `amount`, valued at the mid rate. Refuses with RATE_UNAVAILABLE. */
export function reservationOf(
  { wallet, customer }: { readonly wallet: ParticipantId; readonly customer: string },
  { hold, key }: Pick<Reservation, 'hold' | 'key'>,
  amount: Money,
  { id, limits, settlementZone }: Corridor,
  rates: RateProvider,
  now: Date,
): Reservation | Refusal {
  const limit = limits.perDay
  const value = valueAtMid(amount, limit.currency, rates)
  if (isRefusal(value)) return value
  const offsetMs = settlementZone.offsetMinutes * 60_000
  const dayNumber = Math.floor((now.getTime() + offsetMs) / dayMs)
  const date = new Date(dayNumber * dayMs).toISOString().slice(0, 10)
  return {
    day: `${id}/${date}/${wallet}/${customer}`,
    hold,
    key,
    minor: value.minor,
    limit,
    resetsAt: new Date((dayNumber + 1) * dayMs - offsetMs),
  }
}

/**
 * Refuses a reservation with LIMIT_PER_DAY; `used` is the sum of the day's other payments, in minor units.
 */
export const exceedsDailyLimit = ({ limit, resetsAt }: Reservation, used: bigint): LimitExceeded => ({
  ...refuse('LIMIT_PER_DAY', undefined, ['input', 'amount']),
  __typename: 'LimitExceeded',
  limit,
  used: money(used, limit.currency),
  resetsAt,
})

const dayMs = 86_400_000
