// The payments of two years, in order of time. Their number, value and growth are the programme's figures;
// all else is random. The same payments are drawn twice: first to compute their total value, then scaled so
// that the total fits.

import type { EntryMode } from '../schema/values/entry-mode.ts'
import type { ParticipantId, PaymentId } from '../schema/values/id.ts'
import type { ReasonCode } from '../schema/values/reasons.ts'
import type { Merchant } from '../subgraphs/merchant/index.ts'
import type { MerchantFacts } from '../subgraphs/shared/merchant-directory.ts'
import type { Corridor, Participant } from '../subgraphs/shared/registry.ts'
import type { PastPayment } from '../subgraphs/transaction/index.ts'
import { priceNear, type Rates } from './amounts.ts'
import { instantIn, recentYear, trend, yearBefore, type Day } from './calendar.ts'
import { offsetMinutesIn } from './countries.ts'
import { makeLanes, type Lane } from './lanes.ts'
import type { MerchantSource } from './merchants.ts'
import { Random, Weighted } from './random.ts'

/**
 * As the programme reports: payments through the gateway until 11 September 2025, and mainland growth in
 * 2025.
 */
const paymentsOfYear = 1_981_000
const valueOfYearCny = 427_000_000
const growthOfNumber = 2.11
const growthOfValue = 1.29

const completedShare = 0.97
/** The share of inbound payments at online merchants. */
const onlineShare = 0.09
const timeoutMs = 8_000

/** The reasons of declined payments, by frequency. */
const declines = new Weighted<ReasonCode>(
  ['INSUFFICIENT_FUNDS', 'OVER_LIMIT', 'TIMEOUT', 'NOT_PERMITTED', 'OFFLINE', 'UNSPECIFIED', 'SCREENING', 'MERCHANT_INACTIVE', 'WRONG_AMOUNT', 'BELOW_MINIMUM'],
  [44, 17, 10, 8, 6, 5, 4, 3, 2, 1],
) // prettier-ignore

const entryModeWeights: Readonly<Record<EntryMode, number>> = {
  MPM_STATIC: 5,
  MPM_DYNAMIC: 3,
  CPM: 4,
  IN_APP: 6,
}

export interface PaymentSource {
  /** The number of payments in both years. */
  readonly count: number
  /** Oldest first; every iteration gives the same payments. */
  [Symbol.iterator](): IterableIterator<PastPayment>
}

/** The part of a payment that is drawn before its merchant is computed. */
interface PaymentDraft {
  readonly createdAt: number
  readonly lane: Lane
  readonly wallet: ParticipantId
  /** The index of the merchant. */
  readonly merchant: number
  /** The value before scaling. */
  readonly cny: number
  readonly declined: ReasonCode | null
}

/** Creates payments between LIVE institutions, at ACTIVE merchants, over OPEN corridors. */
export function makePayments(
  options: { readonly seed: number; readonly scale: number; readonly until: Date; readonly rates: Rates },
  merchants: MerchantSource,
  corridors: readonly Corridor[],
  participants: readonly Participant[],
): PaymentSource {
  const { seed, scale, until, rates } = options
  const payments = Math.round(paymentsOfYear * scale)
  const years = [
    {
      days: yearBefore(until, Math.round(payments / growthOfNumber), growthOfNumber),
      valueCny: (valueOfYearCny * scale) / growthOfValue,
    },
    { days: recentYear(until, payments, growthOfNumber), valueCny: valueOfYearCny * scale },
  ]
  const lanes = makeLanes(corridors, participants)
  const random = new Random(seed, 'payments')
  const draftDay = (day: Day): PaymentDraft[] => {
    random.restart(day.toEnd)
    return Array.from({ length: day.payments }, () => draft(day, until, lanes, merchants, random))
  }
  return {
    count: sum(years.flatMap(({ days }) => days.map((day) => day.payments))),
    *[Symbol.iterator]() {
      const details = new Random(seed, 'payments/details')
      for (const { days, valueCny } of years) {
        const fit = valueCny / sum(days.map((day) => completedCny(draftDay(day))))
        for (const day of days) {
          const drafts = draftDay(day).toSorted((a, b) => a.createdAt - b.createdAt)
          details.restart(day.toEnd)
          const date = new Date(day.start).toISOString().slice(0, 10).replaceAll('-', '')
          for (const [number, drawn] of drafts.entries()) {
            const reference = `${date}-${String(number + 1).padStart(6, '0')}`
            yield finish(drawn, reference, fit, merchants, rates, details)
          }
        }
      }
    },
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

const completedCny = (drafts: readonly PaymentDraft[]): number =>
  sum(drafts.map(({ cny, declined }) => (declined === null ? cny : 0)))

function draft(
  day: Day,
  until: Date,
  lanes: Weighted<Lane>,
  merchants: MerchantSource,
  random: Random,
): PaymentDraft {
  const lane = lanes.draw(random)
  const { merchantCountry, direction } = lane.corridor
  const isOnline = direction === 'INBOUND' && random.chance(onlineShare)
  const merchant = merchants.draw(merchantCountry, isOnline ? 'online' : 'offline', random)
  const { medianCny, sigma } = merchants.categoryAt(merchant)
  // The number of payments grows faster than their value, so the mean value falls.
  const worth =
    random.logNormal(medianCny, sigma) * trend(growthOfValue / growthOfNumber, until.getTime(), day.start)
  const declined = random.chance(completedShare) ? null : declines.draw(random)
  return {
    // All payments are complete at `until`.
    createdAt: Math.min(
      instantIn(day, offsetMinutesIn(merchantCountry), random),
      until.getTime() - timeoutMs,
    ),
    lane,
    wallet: lane.wallets.draw(random),
    merchant,
    cny: declined === 'OVER_LIMIT' ? worth * 8 : worth,
    declined,
  }
}

function finish(
  { createdAt, lane, wallet, merchant: index, cny, declined }: PaymentDraft,
  reference: string,
  fit: number,
  merchants: MerchantSource,
  rates: Rates,
  random: Random,
): PastPayment {
  const merchant = factsOf(merchants.at(index))
  const limitCny = Number(lane.corridor.limits.perPayment.minor) / 100
  return {
    id: paymentIdOf(createdAt, random),
    createdAt: new Date(createdAt),
    wallet,
    merchant,
    amount: priceNear(Math.min(cny * fit, limitCny * 0.99), merchant.currency, rates, random),
    entryMode: entryModeOf(merchant, lane.corridor, random),
    customer: `customer-${random.below(20_000)}`,
    reference,
    declined,
    authorizeMs:
      declined === 'TIMEOUT' ? timeoutMs : Math.min(timeoutMs - 1, Math.round(random.logNormal(180, 0.45))),
  }
}

function factsOf(merchant: Merchant): MerchantFacts {
  const { id, name, acquirer, country, city, currency, mcc, status, entryModes } = merchant
  return { id, name, acquirer, country, city, currency, mcc, status, entryModes }
}

/** Draws an entry mode that both the merchant and the corridor support; there always is one. */
function entryModeOf(merchant: MerchantFacts, corridor: Corridor, random: Random): EntryMode {
  const offered = merchant.entryModes.filter((mode) => corridor.entryModes.includes(mode))
  let left = random.next() * sum(offered.map((mode) => entryModeWeights[mode]))
  return offered.find((mode) => (left -= entryModeWeights[mode]) < 0) ?? offered[0]!
}

/** Makes a UUID of version 7 (RFC 9562): 48 bits of `time`, then 74 random bits. */
function paymentIdOf(time: number, random: Random): PaymentId {
  const head = time.toString(16).padStart(12, '0')
  const [a, b, c] = [random.bits(), random.bits(), random.bits()]
  const version = (0x7000 | (a >>> 20)).toString(16)
  const variant = (0x8000 | (a & 0x3fff)).toString(16)
  const tail = hex(b) + hex(c).slice(0, 4)
  return `${head.slice(0, 8)}-${head.slice(8)}-${version}-${variant}-${tail}` as PaymentId
}

const hex = (bits: number): string => bits.toString(16).padStart(8, '0')
