// Offers: what they give for an amount, to which wallets and when. No MongoDB, no GraphQL.

import type { MerchantId, OfferId, ParticipantId } from '../../schema/values/id.ts'
import { formatDecimal, money, type Money } from '../../schema/values/money.ts'
import { refuse, type Refusal } from '../../schema/values/problems.ts'
import type { Currency } from '../../schema/values/currency.ts'

export type OfferKind = 'DISCOUNT' | 'CASHBACK' | 'TAX_REFUND'

/** A share of the payment in hundredths of a percent, or an amount. */
export type Gift =
  | { readonly basisPoints: number; readonly amount: null }
  | { readonly basisPoints: null; readonly amount: Money }

export interface Offer {
  readonly id: OfferId
  readonly merchant: MerchantId
  readonly kind: OfferKind
  readonly title: string
  /** That of the merchant's prices, and of every amount of the offer. */
  readonly currency: Currency
  readonly gift: Gift
  readonly minimum: Money | null
  readonly maximum: Money | null
  /** In order of id; null for all wallets. */
  readonly wallets: readonly ParticipantId[] | null
  readonly validFrom: Date
  /** The first instant at which it is no longer valid. */
  readonly validUntil: Date
  /** Of the merchant; null for one that only sells online. */
  readonly location: { readonly lat: number; readonly lng: number } | null
}

export const isValidAt = ({ validFrom, validUntil }: Offer, at: Date): boolean =>
  validFrom <= at && at < validUntil

/** True when customers of `wallet` receive the offer; for null, of any wallet. */
export const isFor = ({ wallets }: Offer, wallet: ParticipantId | null): boolean =>
  wallet === null || wallets === null || wallets.includes(wallet)

/**
 * What the offer gives for a payment of `paid`, in the same currency: zero below the minimum, at most the
 * maximum, and never more than is paid. A share is rounded down.
 */
export function benefitOf(offer: Offer, paid: Money): Money | Refusal {
  const { currency, gift, minimum, maximum } = offer
  if (paid.currency !== currency) {
    return refuse('WRONG_CURRENCY', `the offer is in ${currency}, not in ${paid.currency}`, [
      'amount',
      'currency',
    ])
  }
  if (minimum && paid.minor < minimum.minor) return money(0n, currency)
  const given = gift.amount ? gift.amount.minor : (paid.minor * BigInt(gift.basisPoints)) / 10_000n
  const most = maximum && maximum.minor < paid.minor ? maximum.minor : paid.minor
  return money(given < most ? given : most, currency)
}

export interface Applied {
  readonly offer: Offer
  readonly benefit: Money
}

/** The offer that gives a payment the most, the first by id among equal ones; null when none gives any. */
export function bestOffer(
  offers: readonly Offer[],
  payment: { readonly amount: Money; readonly wallet: ParticipantId; readonly at: Date },
): Applied | null {
  let best: Applied | null = null
  for (const offer of offers.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    if (!isValidAt(offer, payment.at) || !isFor(offer, payment.wallet)) continue
    const benefit = benefitOf(offer, payment.amount)
    if (!('minor' in benefit)) continue
    if (benefit.minor > (best?.benefit.minor ?? 0n)) best = { offer, benefit }
  }
  return best
}

/** Percent as decimal text without zeros at its end: 750 gives "7.5". */
export const percentOf = (basisPoints: number): string =>
  formatDecimal(BigInt(basisPoints), 2).replace(/\.?0{1,2}$/, '')

export interface Circle {
  readonly lat: number
  readonly lng: number
  readonly radiusMeters: number
}

const radiusMax = 50_000

/** Refuses with BAD_VALUE. */
export function readCircle({ lat, lng, radiusMeters }: Circle): Circle | Refusal {
  const path = (field: string) => ['near', field]
  if (!(Math.abs(lat) <= 90))
    return refuse('BAD_VALUE', `a latitude is from −90 to 90, not ${lat}`, path('lat'))
  if (!(Math.abs(lng) <= 180))
    return refuse('BAD_VALUE', `a longitude is from −180 to 180, not ${lng}`, path('lng'))
  if (radiusMeters < 1 || radiusMeters > radiusMax)
    return refuse(
      'BAD_VALUE',
      `a radius is from 1 to ${radiusMax} metres, not ${radiusMeters}`,
      path('radiusMeters'),
    )
  return { lat, lng, radiusMeters }
}
