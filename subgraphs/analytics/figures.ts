// Values derived from figures: rates, averages, growth, and labels of parts. No MongoDB, no GraphQL.

import { countryByCode } from '../../schema/values/country.ts'
import type { ParticipantId } from '../../schema/values/id.ts'
import { mccByCode } from '../../schema/values/mcc.ts'
import { money, type Money } from '../../schema/values/money.ts'
import { divideHalfUp } from '../../schema/values/rate.ts'
import { reasons, type ReasonCode } from '../../schema/values/reasons.ts'
import type { Registry } from '../shared/registry.ts'
import type { Dimension, Figures } from './activity.ts'

export const valueOf = ({ value }: Figures): Money => money(value, 'CNY')

/** approved / (approved + declined), 0–1; null when both are 0. */
export const approvalRateOf = ({ approved, declined }: Figures): number | null =>
  approved + declined === 0 ? null : approved / (approved + declined)

/** Value per approved payment, rounded half up; null without one. */
export const averageValueOf = ({ approved, value }: Figures): Money | null =>
  approved === 0 ? null : money(divideHalfUp(value, BigInt(approved)), 'CNY')

export interface Growth {
  readonly payments: number
  readonly paymentsPercent: number
  readonly value: Money
  readonly valuePercent: number | null
}

/**
 * Growth from the figures `then` of an earlier range to the figures `now`; null when the earlier range has no
 * payment.
 */
export function growthOf(now: Figures, then: Figures): Growth | null {
  if (then.payments === 0) return null
  return {
    payments: then.payments,
    paymentsPercent: percentChange(BigInt(now.payments), BigInt(then.payments)),
    value: valueOf(then),
    valuePercent: then.value === 0n ? null : percentChange(now.value, then.value),
  }
}

/** Percent, with four digits after the point. */
const percentChange = (now: bigint, then: bigint): number =>
  Number(((now - then) * 1_000_000n) / then) / 10_000

const entryModes: Readonly<Record<string, string>> = {
  MPM_STATIC: 'Printed code',
  MPM_DYNAMIC: 'Code for one sale',
  CPM: 'Code shown by the customer',
  IN_APP: 'In an app or on a page',
}

/** A label for the key of a part; the key itself when it is unknown. */
export function labelOf(by: Dimension, key: string, { participants }: Registry): string {
  switch (by) {
    case 'CORRIDOR':
      return key.split('-').map(countryName).join(' → ')
    case 'MERCHANT_COUNTRY':
      return countryName(key)
    case 'WALLET':
    case 'ACQUIRER':
      return participants.get(key as ParticipantId)?.name ?? key
    case 'MCC':
      return mccByCode(key)?.description ?? key
    case 'ENTRY_MODE':
      return entryModes[key] ?? key
    case 'DECLINE_REASON':
      return reasons[key as ReasonCode]?.message ?? key
  }
}

/** The code of a reason in ISO 20022; that of an unspecified reason when it is unknown. */
export const isoCodeOf = (reason: string): string =>
  (reasons[reason as ReasonCode] ?? reasons.UNSPECIFIED).isoCode

const countryName = (code: string): string => countryByCode(code)?.name ?? code
