// Simulated wallets, which pay through the public API at random times until they are closed. They use nothing
// of the hub but its API.

import { randomUUID } from 'node:crypto'
import type { Currency } from '../schema/values/currency.ts'
import type { EntryMode } from '../schema/values/entry-mode.ts'
import { formatAmount } from '../schema/values/money.ts'
import { priceNear, type Rates } from './amounts.ts'
import { openApi, type Api } from './api.ts'
import { busynessOf } from './lanes.ts'
import { Random, Weighted } from './random.ts'
import { findDestinations, Shops, type Destination } from './shopping.ts'

export interface TrafficOptions {
  /** The hub's GraphQL endpoint, such as "http://127.0.0.1:4000/graphql". */
  readonly url: string
  /** One or more API keys of wallets; each needs the scopes `coverage:read` and `payments:write`. */
  readonly keys: readonly { readonly wallet: string; readonly key: string; readonly currency: Currency }[]
  /** Mean number of payments per second; more than 0. */
  readonly perSecond: number
  /** The same seed gives the same purchases at the same intervals; keys and references differ each time. */
  readonly seed: number
  /** Rates for the choice of amounts. */
  readonly rates: Rates
  readonly logger: { info(message: string): void; warn(message: string): void }
}

/** The outcomes of the payments so far. */
export interface TrafficCounts {
  /** Accepted by the hub. */
  readonly paid: number
  /** Refused by the hub's rules. */
  readonly refused: number
  /** The hub was down, or returned an error. */
  readonly failed: number
  /** Not sent, because too many were pending or no shop was found. */
  readonly skipped: number
}

export interface Traffic {
  readonly counts: TrafficCounts
  /** Starts no more payments, and waits for the pending ones. */
  close(): Promise<void>
}

export const quoteMutation = `mutation TrafficQuote($input: QuotePaymentInput!) {
  quotePayment(input: $input) { __typename ... on Quote { id } ... on Problem { code message } }
}`
export const submitMutation = `mutation TrafficSubmit($input: SubmitPaymentInput!) {
  submitPayment(input: $input) { __typename ... on PaymentReceipt { payment { id } } ... on Problem { code message } }
}`

const pendingMax = 32
const warnEveryMs = 30_000

/** Starts the wallets. A failed payment is not repeated; failures are logged at most once in 30 seconds. */
export function startTraffic({ url, keys, perSecond, seed, rates, logger }: TrafficOptions): Traffic {
  const api = openApi(url, pendingMax)
  const shops = new Shops(api, seed)
  const wallets = new Weighted(
    keys.map((entry) => new SimulatedWallet(api, shops, entry.key, entry.currency, rates)),
    keys.map(({ wallet }) => busynessOf(wallet)),
  )
  const counts = { paid: 0, refused: 0, failed: 0, skipped: 0 }
  const pending = new Set<Promise<void>>()
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
  /** The intervals between payments are exponential, as between independent customers. */
  const waitForNext = (): void => {
    due += (-Math.log(1 - arrivals.next()) / perSecond) * 1000
    timer = setTimeout(arrive, Math.max(0, due - performance.now()))
  }
  const arrive = (): void => {
    if (pending.size < pendingMax) {
      const payment = pay().finally(() => pending.delete(payment))
      pending.add(payment)
    } else {
      counts.skipped += 1
    }
    waitForNext()
  }

  waitForNext()
  logger.info(`${keys.length} simulated wallets make ${perSecond} payments a second`)
  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => {
    clearTimeout(timer)
    await Promise.all(pending)
    await api.close()
  }
  return { counts, close: () => (closed ??= close()) }
}

/** The customers of one wallet. */
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

  /** Quotes and pays once, at a random shop. Throws when the hub is down or returns an error. */
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
    const data = await this.#api.request<Record<string, Result>>(this.#key, mutation, { input })
    return Object.values(data)[0]!
  }
}

/** `id` of a new quote, or `code` and `message` of a refusal. */
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

/**
 * Prefers a printed code, then the app. CPM is left out, because the merchant would have to scan the code.
 */
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
