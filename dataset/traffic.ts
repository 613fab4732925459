// Simulated wallets: they pay through the public API, at random moments, until they are stopped. Nothing here knows the hub
// from inside.

import { randomUUID } from 'node:crypto'
import type { Currency } from '../schema/values/currency.ts'
import { formatAmount } from '../schema/values/money.ts'
import { priceNear, type Rates } from './amounts.ts'
import { openApi, type Api } from './api.ts'
import { busynessOf } from './lanes.ts'
import type { EntryMode } from '../schema/values/entry-mode.ts'
import { Random, Weighted } from './random.ts'
import { findDestinations, Shops, type Destination } from './shopping.ts'

export interface TrafficOptions {
  /** The hub's GraphQL endpoint, such as "http://127.0.0.1:4000/graphql". */
  readonly url: string
  /** API keys of the wallets that pay, at least one; each needs `coverage:read` and `payments:write`. */
  readonly keys: readonly { readonly wallet: string; readonly key: string; readonly currency: Currency }[]
  /** Payments a second on average; more than 0. */
  readonly perSecond: number
  /** The same seed shops at the same rhythm; keys and references are new each time. */
  readonly seed: number
  /** To choose amounts in other currencies. */
  readonly rates: Rates
  readonly logger: { info(message: string): void; warn(message: string): void }
}

/** What became of the payments so far. */
export interface TrafficCounts {
  /** Taken by the hub. */
  readonly paid: number
  /** Refused by the hub's rules. */
  readonly refused: number
  /** The hub could not be reached, or answered with an error. */
  readonly failed: number
  /** Not tried, because too many were under way or there was no shop to pay in. */
  readonly skipped: number
}

export interface Traffic {
  readonly counts: TrafficCounts
  /** Starts nothing more, and waits for what is under way. */
  stop(): Promise<void>
}

export const quoteMutation = `mutation TrafficQuote($input: QuotePaymentInput!) {
  quotePayment(input: $input) { __typename ... on Quote { id } ... on Problem { code message } }
}`
export const submitMutation = `mutation TrafficSubmit($input: SubmitPaymentInput!) {
  submitPayment(input: $input) { __typename ... on PaymentReceipt { payment { id } } ... on Problem { code message } }
}`

const underWayMax = 32
const warnEveryMs = 30_000

/** Starts at once. A hub that is slow or away is only tried again with the next payment, and said so in the log now and then. */
export function startTraffic({ url, keys, perSecond, seed, rates, logger }: TrafficOptions): Traffic {
  const api = openApi(url, underWayMax)
  const shops = new Shops(api, seed)
  const wallets = new Weighted(
    keys.map((entry) => new SimulatedWallet(api, shops, entry.key, entry.currency, rates)),
    keys.map(({ wallet }) => busynessOf(wallet)),
  )
  const counts = { paid: 0, refused: 0, failed: 0, skipped: 0 }
  const underWay = new Set<Promise<void>>()
  const run = randomUUID().slice(0, 8)
  const arrivals = new Random(seed, 'traffic/arrivals')
  const warn = throttled(logger)
  let number = 0
  let due = performance.now()
  let timer: NodeJS.Timeout | undefined

  const pay = async (): Promise<void> => {
    const name = `traffic-${run}-${++number}`
    const random = new Random(seed, 'traffic', number)
    try {
      const { outcome, problem } = await wallets.draw(random).pay(name, random)
      counts[outcome] += 1
      if (problem) warn(`the hub refused a simulated payment: ${problem}`)
    } catch (error) {
      counts.failed += 1
      warn(`a simulated payment failed: ${String(error)}`)
    }
  }
  /** The time between two payments is exponential: they come as customers do, not as clocks do. */
  const waitForNext = (): void => {
    due += (-Math.log(1 - arrivals.next()) / perSecond) * 1000
    timer = setTimeout(arrive, Math.max(0, due - performance.now()))
  }
  const arrive = (): void => {
    if (underWay.size < underWayMax) {
      const payment = pay().finally(() => underWay.delete(payment))
      underWay.add(payment)
    } else {
      counts.skipped += 1
    }
    waitForNext()
  }

  waitForNext()
  logger.info(`${keys.length} simulated wallets make ${perSecond} payments a second`)
  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    clearTimeout(timer)
    await Promise.all(underWay)
    await api.close()
  }
  return { counts, stop: () => (stopped ??= stop()) }
}

/** One wallet's customers. */
class SimulatedWallet {
  readonly #api: Api
  readonly #shops: Shops
  readonly #key: string
  readonly #currency: Currency
  readonly #rates: Rates
  #destinations: Promise<Weighted<Destination>> | null = null

  constructor(api: Api, shops: Shops, key: string, currency: Currency, rates: Rates) {
    this.#api = api
    this.#shops = shops
    this.#key = key
    this.#currency = currency
    this.#rates = rates
  }

  /** Quotes and pays once, somewhere. Throws when the hub cannot be asked. */
  async pay(name: string, random: Random): Promise<Attempt> {
    const destination = (await this.#findDestinations()).draw(random)
    const shop = await this.#shops.find(this.#key, destination, random)
    const entryMode = shop && entryModeFor(shop.entryModes, destination.entryModes)
    if (!shop || !entryMode) return { outcome: 'skipped' }
    const { medianCny, sigma } = shop.category
    const amount = priceNear(random.logNormal(medianCny, sigma), shop.currency, this.#rates, random)
    const quote = await this.#mutate(quoteMutation, {
      merchant: shop.id,
      amount: { amount: formatAmount(amount), currency: amount.currency },
      payerCurrency: this.#currency,
      entryMode,
    })
    if (quote.code) return refused(quote)
    const payment = await this.#mutate(submitMutation, {
      idempotencyKey: name,
      quote: quote.id,
      reference: name,
      customer: `customer-${random.below(20_000)}`,
    })
    return payment.code ? refused(payment) : { outcome: 'paid' }
  }

  #findDestinations(): Promise<Weighted<Destination>> {
    if (!this.#destinations) {
      this.#destinations = findDestinations(this.#api, this.#key)
      this.#destinations.catch(() => (this.#destinations = null))
    }
    return this.#destinations
  }

  async #mutate(mutation: string, input: Readonly<Record<string, unknown>>): Promise<Result> {
    const data = await this.#api.ask<Record<string, Result>>(this.#key, mutation, { input })
    return Object.values(data)[0]!
  }
}

/** `code` and `message` when the hub refused, `id` when a quote was asked for and given. */
interface Result {
  readonly id?: string
  readonly code?: string
  readonly message?: string
}

interface Attempt {
  readonly outcome: 'paid' | 'refused' | 'skipped'
  readonly problem?: string
}

const refused = ({ code, message }: Result): Attempt => ({
  outcome: 'refused',
  problem: `${code}: ${message}`,
})

/** A code to scan where there is one, else in the app. Codes that customers show take a scanner at the other end. */
const entryModeFor = (merchant: readonly EntryMode[], corridor: readonly EntryMode[]): EntryMode | null =>
  (['MPM_STATIC', 'IN_APP', 'MPM_DYNAMIC'] as const).find(
    (mode) => merchant.includes(mode) && corridor.includes(mode),
  ) ?? null

function throttled(logger: TrafficOptions['logger']): (message: string) => void {
  let quietUntil = 0
  return (message) => {
    if (performance.now() < quietUntil) return
    quietUntil = performance.now() + warnEveryMs
    logger.warn(message)
  }
}
