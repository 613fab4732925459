// The daily limit: the most that one customer may pay in a corridor on one day. Pure.

import type { ParticipantId } from '../../../schema/values/id.ts'
import { money, type Money } from '../../../schema/values/money.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import type { Corridor } from '../../shared/registry.ts'
import { valueAtMid, type LimitExceeded } from '../price/pricing.ts'
import type { RateProvider } from '../price/rates.ts'

/** What a payment takes of its customer's day. */
export interface DayShare {
  /** Id of the customer's day: "SG-CN/2026-03-01/wallet-sg-01/customer". */
  readonly day: string
  /** In minor units of the limit's currency. */
  readonly minor: bigint
  readonly limit: Money
  /** Time at which the day ends. */
  readonly resetsAt: Date
}

/** Returns the share of `amount`, valued at the mid rate. Refuses with RATE_UNAVAILABLE. */
export function shareOfDay(
  { wallet, customer }: { readonly wallet: ParticipantId; readonly customer: string },
  amount: Money,
  { id, limits, settlementZone }: Corridor,
  rates: RateProvider,
  now: Date,
): DayShare | Refusal {
  const limit = limits.perDay
  const value = valueAtMid(amount, limit.currency, rates)
  if (isRefusal(value)) return value
  const offsetMs = settlementZone.offsetMinutes * 60_000
  const dayNumber = Math.floor((now.getTime() + offsetMs) / dayMs)
  const date = new Date(dayNumber * dayMs).toISOString().slice(0, 10)
  return {
    day: `${id}/${date}/${wallet}/${customer}`,
    minor: value.minor,
    limit,
    resetsAt: new Date((dayNumber + 1) * dayMs - offsetMs),
  }
}

/** Refuses a share with LIMIT_PER_DAY; `used` is the sum of the day's other payments, in minor units. */
export const exceedsDailyLimit = ({ limit, resetsAt }: DayShare, used: bigint): LimitExceeded => ({
  ...refuse('LIMIT_PER_DAY', undefined, ['input', 'amount']),
  __typename: 'LimitExceeded',
  limit,
  used: money(used, limit.currency),
  resetsAt,
})

/**
 * Maximum of payments of one customer's day, those that ended unpaid among them: the hub adds them up, and a
 * wallet that pays for all its customers under one name would make that slow.
 */
export const paymentsOfDayMax = 2_000

export const tooManyOfDay: Refusal = refuse(
  'TOO_MANY',
  `the customer already has ${paymentsOfDayMax} payments in this corridor today`,
  ['input', 'customer'],
)

const dayMs = 86_400_000
