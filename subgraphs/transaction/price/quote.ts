// A quote: what a payment would cost, promised for a while, with every fact that paying it takes. Pure.

import { add, formatAmount, money, type Money } from '../../../schema/values/money.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { divideHalfUp } from '../../../schema/values/rate.ts'
import type { MerchantFacts, ScannedCode } from '../../shared/merchant-directory.ts'
import type { Corridor, Participant, Registry } from '../../shared/registry.ts'
import { findRoute } from '../../shared/routing.ts'
import { checkLimit, priceFixedMerchant, priceFixedPayer, type LimitExceeded, type Price } from './pricing.ts'
import type { EntryMode } from '../../../schema/values/entry-mode.ts'
import type { Direction } from '../../../schema/values/direction.ts'
import type { Order } from './order.ts'
import type { RateProvider } from './rates.ts'
import type { CorridorId, MerchantId, ParticipantId, ProjectId, QuoteId } from '../../../schema/values/id.ts'

/** What is agreed: the quote says it, and the payment keeps it. */
export interface Terms extends Price {
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
  /** What the code carries as its reference label. */
  readonly referenceLabel: string | null
}

/** A document of the collection `quotes`. That it is used is seen by the payment that names it, not here. */
export interface Quote {
  readonly _id: QuoteId
  readonly wallet: ParticipantId
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly terms: Terms
}

/** The place that an order names, as the merchant directory knows it. */
export interface PaymentTarget {
  readonly merchant: MerchantFacts
  /** Null where nothing was scanned. */
  readonly code: Omit<ScannedCode, 'merchant'> | null
}

/** What the rules need to know of the hub. */
export interface PricingWorld {
  readonly registry: Registry
  readonly rates: RateProvider
  readonly now: Date
}

/** Quotes `order` at `place` for the wallet, or says why not. */
export function makeQuote(
  id: QuoteId,
  wallet: ParticipantId,
  order: Order,
  target: PaymentTarget,
  world: PricingWorld,
): Quote | Refusal {
  const agreed = agree(wallet, order, target, world)
  if (isRefusal(agreed)) return agreed
  const { terms, corridor } = agreed
  const expiresAt = new Date(world.now.getTime() + corridor.quoteTtlSeconds * 1000)
  return { _id: id, wallet, createdAt: world.now, expiresAt, terms }
}

/** Finds the way and the price of `order`. */
export function agree(
  walletId: ParticipantId,
  order: Order,
  { merchant, code }: PaymentTarget,
  { registry, rates, now }: PricingWorld,
): { readonly terms: Terms; readonly corridor: Corridor } | Refusal | LimitExceeded {
  if (code && order.entryMode && order.entryMode !== code.entryMode) {
    return refuse('BAD_VALUE', `the code is ${code.entryMode}`, ['input', 'entryMode'])
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

export const termsOf = (
  price: Price,
  entryMode: EntryMode,
  { id, project, direction, walletCountry }: Corridor,
  merchant: MerchantFacts,
  referenceLabel: string | null,
): Terms => ({
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

/** Null when the way that `terms` take is still open; otherwise why it is not. The merchant itself is not asked again. */
export function checkStillOpen(
  walletId: ParticipantId,
  terms: Terms,
  { registry, now }: PricingWorld,
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
  const payerCurrency = order.payerCurrency ?? wallet.settlementCurrency
  if (order.side === 'FIXED_PAYER') {
    const amount = fixedPayerAmount(order, payerCurrency, code)
    return isRefusal(amount) ? amount : priceFixedPayer(amount, merchant.currency, corridor, rates)
  }
  const amount = merchantAmount(order, merchant, code)
  return isRefusal(amount) ? amount : priceFixedMerchant(amount, payerCurrency, corridor, rates)
}

function fixedPayerAmount(
  { amount, tip }: Order,
  currency: string,
  code: PaymentTarget['code'],
): Money | Refusal {
  if (code?.amount) return refuse('BAD_VALUE', 'the code fixes the merchant’s amount', ['input', 'side'])
  if (!amount) return refuse('AMOUNT_MISSING', undefined, amountPath)
  if (amount.currency !== currency) return wrongCurrency(amount, currency, 'amount')
  if (tip) return refuse('BAD_VALUE', 'a fixed payer amount includes the tip', ['input', 'tip'])
  return amount
}

function merchantAmount(
  order: Order,
  { currency }: MerchantFacts,
  code: PaymentTarget['code'],
): Money | Refusal {
  const { amount: asked, tip: offered } = order
  if (asked && asked.currency !== currency) return wrongCurrency(asked, currency, 'amount')
  const amount = code?.amount ?? asked
  if (!amount) return refuse('AMOUNT_MISSING', undefined, amountPath)
  if (asked && asked.minor !== amount.minor) {
    return refuse('AMOUNT_MISMATCH', `the code asks for ${formatAmount(amount)} ${currency}`, amountPath)
  }
  if (offered && offered.currency !== currency) return wrongCurrency(offered, currency, 'tip')
  const tip = tipOn(amount, offered, code?.tip ?? null)
  if (isRefusal(tip)) return tip
  return tip ? add(amount, tip) : amount
}

/** What comes on top: the code's own tip, or the payer's where the code leaves it open. */
function tipOn(amount: Money, offered: Money | null, asked: ScannedCode['tip']): Money | null | Refusal {
  if (!asked) return offered ? refuse('BAD_VALUE', 'the code asks for no tip', ['input', 'tip']) : null
  if (asked.kind === 'PROMPT') return offered
  const tip = asked.kind === 'FIXED' ? asked.amount : percentHalfUp(amount, asked.percent)
  if (offered && offered.minor !== tip.minor) {
    return refuse('AMOUNT_MISMATCH', `the code asks for a tip of ${formatAmount(tip)} ${tip.currency}`, [
      'input',
      'tip',
    ])
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

const wrongCurrency = (given: Money, wanted: string, field: string): Refusal =>
  refuse('WRONG_CURRENCY', `this amount is in ${wanted}, not ${given.currency}`, ['input', field, 'currency'])

const amountPath = ['input', 'amount']
