// The payments of two years, in order of time. Their number, value and growth are the programme's figures;
// all else is random. Both years are divided into spans, which can be made apart from each other: first the
// worth of every span, from which `planOf` gives each its exact value, then their payments.

import type { Currency } from '../schema/values/currency.ts'
import type { EntryMode } from '../schema/values/entry-mode.ts'
import type { ParticipantId, PaymentId } from '../schema/values/id.ts'
import type { Money } from '../schema/values/money.ts'
import type { ReasonCode } from '../schema/values/reasons.ts'
import type { Merchant } from '../subgraphs/merchant/index.ts'
import type { MerchantFacts } from '../subgraphs/shared/merchant-directory.ts'
import type { Corridor, Participant } from '../subgraphs/shared/registry.ts'
import type { PastPayment } from '../subgraphs/transaction/index.ts'
import { priceNear, type Rates } from './amounts.ts'
import { instantIn, recentYear, trend, yearBefore, type Day, type Volume } from './calendar.ts'
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

/** Declined payments for each that completes. */
const declinedShare = 3 / 97
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

/** Adjacent days. */
export interface PaymentSpan {
  readonly days: readonly Day[]
  readonly count: number
  /** The index of its first payment among all payments. */
  readonly first: number
  readonly year: 'EARLIER' | 'RECENT'
}

/** Two numbers for each completed payment of a span: its value in CNY before scaling, and its limit. */
export type SpanWorth = Float64Array

/** What the payments of one span have to be worth. */
export interface SpanPlan {
  /** The factor from values before scaling. */
  readonly fit: number
  /** The exact sum of its completed payments. */
  readonly fen: bigint
}

export interface PaymentSource {
  /** The number of payments in both years. */
  readonly count: number
  /** In order of time. */
  readonly spans: readonly PaymentSpan[]
  worthOf(span: PaymentSpan): SpanWorth
  /** A plan for each span, from the worth of every span. */
  planOf(worths: readonly SpanWorth[]): readonly SpanPlan[]
  /** The payments of one span, day by day, oldest first; every call gives the same payments. */
  daysOf(span: PaymentSpan, plan: SpanPlan): Iterable<readonly PastPayment[]>
  /** All payments, oldest first; computes the plan first. */
  [Symbol.iterator](): IterableIterator<PastPayment>
}

/** The reporting value of a payment of `amount` in fen, when the payer's currency is `payer`. */
export type ReportingFen = (amount: Money, payer: Currency) => bigint

export interface PaymentOptions {
  readonly seed: number
  readonly scale: number
  readonly until: Date
  readonly rates: Rates
  readonly reportingFen: ReportingFen
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
  /** The largest value after scaling: a little below the corridor's limit. */
  readonly cnyMax: number
  readonly declined: ReasonCode | null
}

/** What all payments are drawn from. */
interface Sources {
  readonly options: PaymentOptions
  readonly merchants: MerchantSource
  readonly lanes: Weighted<Lane>
  readonly currencyOf: ReadonlyMap<ParticipantId, Currency>
}

/** Creates payments between LIVE institutions, at ACTIVE merchants, over OPEN corridors. */
export function makePayments(
  options: PaymentOptions,
  merchants: MerchantSource,
  corridors: readonly Corridor[],
  participants: readonly Participant[],
): PaymentSource {
  const spans = spansOf(options)
  const sources: Sources = {
    options,
    merchants,
    lanes: makeLanes(corridors, participants),
    currencyOf: new Map(participants.map(({ id, settlementCurrency }) => [id, settlementCurrency])),
  }
  const source: Omit<PaymentSource, typeof Symbol.iterator> = {
    count: sum(spans.map(({ count }) => count)),
    spans,
    worthOf: (span) => worthOf(span, sources),
    planOf: (worths) => planOf(spans, worths, options.scale),
    daysOf: (span, plan) => daysOf(span, plan, sources),
  }
  return {
    ...source,
    *[Symbol.iterator]() {
      const plans = source.planOf(spans.map(source.worthOf))
      for (const [n, span] of spans.entries()) for (const day of source.daysOf(span, plans[n]!)) yield* day
    },
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** A span of one year has about this many payments, and at most this many spans make a year. */
const spanPayments = 5_000
const spansMax = 48

function spansOf({ scale, until }: PaymentOptions): PaymentSpan[] {
  const recent = volumeOf(Math.round(paymentsOfYear * scale))
  const earlier = volumeOf(Math.round(recent.completed / growthOfNumber))
  let first = 0
  const spansIn = (days: readonly Day[], year: PaymentSpan['year']): PaymentSpan[] => {
    const parts = Math.min(spansMax, Math.max(1, Math.round(sum(days.map(sizeOf)) / spanPayments)))
    return Array.from({ length: parts }, (_, part) => {
      const edge = (n: number) => Math.round((days.length * n) / parts)
      const own = days.slice(edge(part), edge(part + 1))
      const span: PaymentSpan = { days: own, count: sum(own.map(sizeOf)), first, year }
      first += span.count
      return span
    })
  }
  return [
    ...spansIn(yearBefore(until, earlier, growthOfNumber), 'EARLIER'),
    ...spansIn(recentYear(until, recent, growthOfNumber), 'RECENT'),
  ]
}

const volumeOf = (completed: number): Volume => ({
  completed,
  declined: Math.round(completed * declinedShare),
})
const sizeOf = ({ completed, declined }: Day): number => completed + declined

function worthOf({ days }: PaymentSpan, sources: Sources): SpanWorth {
  const worth = new Float64Array(2 * sum(days.map(({ completed }) => completed)))
  let at = 0
  for (const day of days) {
    for (const { cny, cnyMax, declined } of draftDay(day, sources)) {
      if (declined !== null) continue
      worth[at++] = cny
      worth[at++] = cnyMax
    }
  }
  return worth
}

function planOf(spans: readonly PaymentSpan[], worths: readonly SpanWorth[], scale: number): SpanPlan[] {
  const recentFen = Math.round(valueOfYearCny * 100 * scale)
  return (['EARLIER', 'RECENT'] as const).flatMap((year) => {
    const own = worths.filter((_, n) => spans[n]!.year === year)
    const fen = year === 'RECENT' ? recentFen : Math.round(recentFen / growthOfValue)
    const fit = fitOf(own, fen / 100)
    // The end of each span is rounded, so that the spans together have the exact sum.
    let before = 0
    let ideal = 0
    const total = sum(own.map((worth) => scaledCny(worth, fit)))
    return own.map((worth): SpanPlan => {
      ideal += scaledCny(worth, fit)
      const end = Math.round((fen * ideal) / total)
      const plan = { fit, fen: BigInt(end - before) }
      before = end
      return plan
    })
  })
}

/** The factor with which the payments are worth `cny` together, none above its limit. */
function fitOf(worths: readonly SpanWorth[], cny: number): number {
  let fit = cny / sum(worths.map((worth) => scaledCny(worth, 1)))
  for (let round = 0; round < 30; round++) fit *= cny / sum(worths.map((worth) => scaledCny(worth, fit)))
  return fit
}

function scaledCny(worth: SpanWorth, fit: number): number {
  let total = 0
  for (let at = 0; at < worth.length; at += 2) total += Math.min(worth[at]! * fit, worth[at + 1]!)
  return total
}

/** A payment of at least this value can take what rounding has left. */
const settlingFenMin = 2_000

function* daysOf(span: PaymentSpan, plan: SpanPlan, sources: Sources): Iterable<readonly PastPayment[]> {
  const { options, currencyOf } = sources
  const details = new Random(options.seed, 'payments/details')
  let sumFen = 0n
  // How far the payments so far are below their ideal values: the next ones in CNY make up for it.
  let owedFen = 0
  // The last payment in CNY takes the rest, so its day and those after it are held back.
  let held: PastPayment[][] = []
  let last = { day: held[0], index: 0 }
  for (const day of span.days) {
    const drafts = draftDay(day, sources).toSorted((a, b) => a.createdAt - b.createdAt)
    details.restart(day.toEnd)
    const date = new Date(day.start).toISOString().slice(0, 10).replaceAll('-', '')
    const made: PastPayment[] = []
    for (const [index, drawn] of drafts.entries()) {
      const reference = `${date}-${String(index + 1).padStart(6, '0')}`
      const payment = finish(drawn, reference, plan.fit, owedFen, sources, details)
      made.push(payment)
      if (drawn.declined !== null) continue
      const fen = options.reportingFen(payment.amount, currencyOf.get(drawn.wallet)!)
      const idealFen = Math.min(drawn.cny * plan.fit, drawn.cnyMax) * 100
      sumFen += fen
      owedFen += idealFen - Number(fen)
      if (payment.amount.currency === 'CNY' && idealFen >= settlingFenMin) last = { day: made, index }
    }
    if (last.day === made) {
      yield* held
      held = []
    }
    held.push(made)
  }
  if (last.day) settle(last.day, last.index, plan.fen - sumFen)
  yield* held
}

function settle(day: PastPayment[], index: number, fen: bigint): void {
  const payment = day[index]!
  const minor = payment.amount.minor + fen
  if (minor <= 0n) throw new RangeError(`payment ${payment.id} cannot take ${fen} fen: it has too little`)
  day[index] = { ...payment, amount: { ...payment.amount, minor } }
}

function draftDay(day: Day, { options, lanes, merchants }: Sources): PaymentDraft[] {
  const random = new Random(options.seed, 'payments', day.toEnd)
  let { completed, declined } = day
  return Array.from({ length: completed + declined }, () => {
    const isDeclined = random.below(completed + declined) < declined
    if (isDeclined) declined -= 1
    else completed -= 1
    return draft(day, isDeclined, options.until, lanes, merchants, random)
  })
}

function draft(
  day: Day,
  isDeclined: boolean,
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
  const declined = isDeclined ? declines.draw(random) : null
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
    cnyMax: (Number(lane.corridor.limits.perPayment.minor) / 100) * 0.99,
    declined,
  }
}

function finish(
  { createdAt, lane, wallet, merchant: index, cny, cnyMax, declined }: PaymentDraft,
  reference: string,
  fit: number,
  owedFen: number,
  { merchants, options: { rates } }: Sources,
  random: Random,
): PastPayment {
  const merchant = factsOf(merchants.at(index))
  const ideal = Math.min(cny * fit, cnyMax)
  const makesUp = declined === null && merchant.currency === 'CNY'
  // At most a fifth more or less, so that prices stay usual.
  const owed = makesUp ? Math.min(ideal / 5, Math.max(-ideal / 5, owedFen / 100)) : 0
  return {
    id: paymentIdOf(createdAt, random),
    createdAt: new Date(createdAt),
    wallet,
    merchant,
    amount: priceNear(Math.min(ideal + owed, cnyMax), merchant.currency, rates, random),
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
