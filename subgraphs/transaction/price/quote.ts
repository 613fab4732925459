// A quote: the price of a payment, promised until an expiry, with every fact that the payment needs. Pure.

import type { Direction } from '../../../schema/values/direction.ts'
import type { EntryMode } from '../../../schema/values/entry-mode.ts'
import type { CorridorId, MerchantId, ParticipantId, ProjectId, QuoteId } from '../../../schema/values/id.ts'
import { add, formatAmount, isSameMoney, money, type Money } from '../../../schema/values/money.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { divideHalfUp } from '../../../schema/values/rate.ts'
import type { MerchantFacts, ScannedCode } from '../../shared/merchant-directory.ts'
import type { Corridor, Participant, Registry } from '../../shared/registry.ts'
import { findRoute } from '../../shared/routing.ts'
import type { Order } from './order.ts'
import { checkLimit, priceFixedMerchant, priceFixedPayer, type LimitExceeded, type Price } from './pricing.ts'
import type { RateProvider } from './rates.ts'

/** What a quote fixes and a payment keeps: merchant, corridor, amounts, rate and fees. */
export interface PaymentTerms extends Price {
  readonly entryMode: EntryMode
  readonly corridor: CorridorId
  readonly project: ProjectId | null
  readonly direction: Direction
  readonly walletCountry: string
  readonly acquirer: ParticipantId
  readonly merchant: MerchantId
  readonly merchantCountry: string
  /** ISO 18245. */
  readonly mcc: string
  /** Reference label of the scanned code. */
  readonly referenceLabel: string | null
}

/**
 * A document of the collection `quotes`. A payment with the quote's id marks it as used; the quote never
 * changes.
 */
export interface Quote {
  readonly _id: QuoteId
  readonly wallet: ParticipantId
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly terms: PaymentTerms
}

/** The merchant, and the code if one was scanned, that an order names: read from the merchant directory. */
export interface PaymentTarget {
  readonly merchant: MerchantFacts
  /** Null when no code was scanned. */
  readonly code: Omit<ScannedCode, 'merchant'> | null
}

/** The state of the hub at the time of a pricing decision. */
export interface PricingContext {
  readonly registry: Registry
  readonly rates: RateProvider
  readonly now: Date
}

/** Quotes `order` at `target` for the wallet; refuses as `agreeTerms` does. */
export function quoteOrder(
  id: QuoteId,
  wallet: ParticipantId,
  order: Order,
  target: PaymentTarget,
  context: PricingContext,
): Quote | Refusal {
  const agreed = agreeTerms(wallet, order, target, context)
  if (isRefusal(agreed)) return agreed
  const { terms, corridor } = agreed
  const expiresAt = new Date(context.now.getTime() + corridor.quoteTtlSeconds * 1000)
  return { _id: id, wallet, createdAt: context.now, expiresAt, terms }
}

/** Finds the route and the price of `order`; refuses with the first obstacle of either. */
export function agreeTerms(
  walletId: ParticipantId,
  order: Order,
  { merchant, code }: PaymentTarget,
  { registry, rates, now }: PricingContext,
): { readonly terms: PaymentTerms; readonly corridor: Corridor } | Refusal | LimitExceeded {
  if (code && order.entryMode && order.entryMode !== code.entryMode) {
    return refuse('BAD_VALUE', `the code is ${code.entryMode}, not ${order.entryMode}`, [
      'input',
      'entryMode',
    ])
  }
  const entryMode = code?.entryMode ?? order.entryMode ?? 'IN_APP'
  const wallet = registry.participants.get(walletId)
  const acquirer = registry.participants.get(merchant.acquirer)
  const route = findRoute({ wallet, acquirer, merchant, entryMode, registry, now })
  if (isRefusal(route)) return route

  const { corridor } = route
  const price = priceOf(order, wallet!, merchant, code, corridor, rates)
  if (isRefusal(price)) return price
  const excess = checkLimit(price.merchantAmount, corridor, rates)
  if (excess) return excess
  return { corridor, terms: termsOf(price, entryMode, corridor, merchant, code?.referenceLabel ?? null) }
}

/**
 * Returns the terms of `quote` if the wallet may use it now. Refuses with QUOTE_UNKNOWN, QUOTE_EXPIRED, or
 * the obstacle on a route that has closed since. The store ensures that a quote is used once.
 */
export function termsOfQuote(
  quote: Quote | null,
  wallet: ParticipantId,
  context: PricingContext,
): PaymentTerms | Refusal {
  if (!quote || quote.wallet !== wallet) return refuse('QUOTE_UNKNOWN', undefined, quotePath)
  if (context.now >= quote.expiresAt) {
    return refuse('QUOTE_EXPIRED', `the quote was valid until ${quote.expiresAt.toISOString()}`, quotePath)
  }
  return checkRoute(wallet, quote.terms, context) ?? quote.terms
}

/** Joins a price and the facts of its route and merchant. */
export const termsOf = (
  price: Price,
  entryMode: EntryMode,
  { id, project, direction, walletCountry }: Corridor,
  merchant: MerchantFacts,
  referenceLabel: string | null,
): PaymentTerms => ({
  ...price,
  entryMode,
  corridor: id,
  project,
  direction,
  walletCountry,
  acquirer: merchant.acquirer,
  merchant: merchant.id,
  merchantCountry: merchant.country,
  mcc: merchant.mcc,
  referenceLabel,
})

/**
 * Returns null when the route of `terms` is still open, or its first obstacle. Does not read the merchant
 * again.
 */
function checkRoute(
  walletId: ParticipantId,
  terms: PaymentTerms,
  { registry, now }: PricingContext,
): Refusal | null {
  const route = findRoute({
    wallet: registry.participants.get(walletId),
    acquirer: registry.participants.get(terms.acquirer),
    merchant: {
      country: terms.merchantCountry,
      currency: terms.merchantAmount.currency,
      entryModes: [terms.entryMode],
      status: 'ACTIVE',
    },
    entryMode: terms.entryMode,
    registry,
    now,
  })
  return isRefusal(route) ? route : null
}

function priceOf(
  order: Order,
  wallet: Participant,
  merchant: MerchantFacts,
  code: PaymentTarget['code'],
  corridor: Corridor,
  rates: RateProvider,
): Price | Refusal {
  const flaw = checkCodeCurrency(code, merchant)
  if (flaw) return flaw
  const payerCurrency = order.payerCurrency ?? wallet.settlementCurrency
  if (order.side === 'FIXED_PAYER') {
    const amount = fixedPayerAmount(order, payerCurrency, code)
    if (isRefusal(amount)) return amount
    const price = priceFixedPayer(amount, merchant.currency, corridor, rates)
    return isRefusal(price) ? price : (checkFeeCovered(price, code) ?? price)
  }
  const amount = merchantAmount(order, merchant, code)
  return isRefusal(amount) ? amount : priceFixedMerchant(amount, payerCurrency, corridor, rates)
}

/** Returns null when the amount and the fee of the code are in the currency of the merchant. */
function checkCodeCurrency(code: PaymentTarget['code'], { currency }: MerchantFacts): Refusal | null {
  const fee = code?.tip?.kind === 'FIXED' ? code.tip.amount : null
  const foreign = [code?.amount, fee].find((stated) => stated && stated.currency !== currency)
  if (!foreign) return null
  const what = `the code is in ${foreign.currency}, the merchant’s currency is ${currency}`
  return refuse('WRONG_CURRENCY', what, ['input', 'payload'])
}

function fixedPayerAmount(
  { amount, tip }: Order,
  currency: string,
  code: PaymentTarget['code'],
): Money | Refusal {
  if (code?.amount)
    return refuse('BAD_VALUE', 'the code fixes the merchant’s amount; use FIXED_MERCHANT', ['input', 'side'])
  if (!amount) return refuse('AMOUNT_MISSING', undefined, amountPath)
  if (amount.currency !== currency) return wrongCurrency(amount, currency, 'amount')
  if (tip) return refuse('BAD_VALUE', 'a fixed payer amount already includes the tip', ['input', 'tip'])
  return amount
}

/**
 * Returns null when the merchant receives more than the fee that the code fixes: the amount includes the fee.
 */
function checkFeeCovered(price: Price, code: PaymentTarget['code']): Refusal | null {
  if (code?.tip?.kind !== 'FIXED' || price.merchantAmount.minor > code.tip.amount.minor) return null
  const { amount: fee } = code.tip
  const what = `the code adds a fee of ${shown(fee)}, the amount comes to only ${shown(price.merchantAmount)}`
  return refuse('AMOUNT_MISMATCH', what, amountPath)
}

function merchantAmount(
  order: Order,
  { currency }: MerchantFacts,
  code: PaymentTarget['code'],
): Money | Refusal {
  const { amount: ordered, tip: offered } = order
  if (ordered && ordered.currency !== currency) return wrongCurrency(ordered, currency, 'amount')
  const amount = code?.amount ?? ordered
  if (!amount) return refuse('AMOUNT_MISSING', undefined, amountPath)
  if (ordered && !isSameMoney(ordered, amount)) {
    return refuse('AMOUNT_MISMATCH', `the code requires ${shown(amount)}`, amountPath)
  }
  if (offered && offered.currency !== currency) return wrongCurrency(offered, currency, 'tip')
  const tip = tipOn(amount, offered, code?.tip ?? null)
  if (isRefusal(tip)) return tip
  return tip ? add(amount, tip) : amount
}

/** The tip on top of `amount`: as the code fixes it, or the payer's when the code only prompts for one. */
function tipOn(amount: Money, offered: Money | null, request: ScannedCode['tip']): Money | null | Refusal {
  if (!request) return offered ? refuse('BAD_VALUE', 'the code takes no tip', ['input', 'tip']) : null
  if (request.kind === 'PROMPT') return offered
  const tip = request.kind === 'FIXED' ? request.amount : percentHalfUp(amount, request.percent)
  if (offered && !isSameMoney(offered, tip)) {
    return refuse('AMOUNT_MISMATCH', `the code requires a tip of ${shown(tip)}`, ['input', 'tip'])
  }
  return tip
}

/** `percent` of `amount`, rounded half up; `percent` is decimal text such as "12.5". */
function percentHalfUp({ minor, currency }: Money, percent: string): Money {
  const [whole = '', fraction = ''] = percent.split('.')
  return money(
    divideHalfUp(minor * BigInt(whole + fraction), 100n * 10n ** BigInt(fraction.length)),
    currency,
  )
}

const shown = (amount: Money): string => `${formatAmount(amount)} ${amount.currency}`

const wrongCurrency = ({ currency }: Money, expected: string, field: string): Refusal =>
  refuse('WRONG_CURRENCY', `this amount must be in ${expected}, not ${currency}`, [
    'input',
    field,
    'currency',
  ])

const quotePath = ['input', 'quote']
const amountPath = ['input', 'amount']
