// Reads the input of clients: checks every field, with a refusal for each flaw. Reads no data and no clock.

import { holdsCardNumber, mayBeCardNumber } from '../../../schema/values/card-number.ts'
import { isCurrency, type Currency } from '../../../schema/values/currency.ts'
import type { EntryMode } from '../../../schema/values/entry-mode.ts'
import type { MerchantId, PaymentId, QuoteId } from '../../../schema/values/id.ts'
import { parseMoney, type Money } from '../../../schema/values/money.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { parseReason } from '../../../schema/values/reasons.ts'
import { quoteInput, unknownCurrency } from '../../../schema/values/unknown.ts'
import type {
  AccountToken,
  Cancellation,
  Charge,
  CounterpartyAnswer,
  CounterpartyDecision,
  Presentation,
  RefundOrder,
  Submission,
} from '../payment/commands.ts'
import type { Order } from '../price/order.ts'
import type { QuoteSide } from '../price/pricing.ts'

interface MoneyInput {
  readonly amount: string
  readonly currency: string
}

/** Input of `quotePayment`; `submitPayment` takes a part of it instead of a quote. */
export interface OrderInput {
  readonly payload?: string | null
  readonly merchant?: MerchantId | null
  readonly amount?: MoneyInput | null
  readonly tip?: MoneyInput | null
  readonly side?: QuoteSide | null
  readonly payerCurrency?: string | null
  readonly entryMode?: EntryMode | null
}

export interface SubmitPaymentInput {
  readonly idempotencyKey: string
  readonly quote?: QuoteId | null
  readonly payload?: string | null
  readonly merchant?: MerchantId | null
  readonly amount?: MoneyInput | null
  readonly payerCurrency?: string | null
  readonly reference: string
  readonly customer?: string | null
  readonly token?: TokenInput | null
}

export interface RespondAuthorizationInput {
  readonly payment: PaymentId
  readonly decision: CounterpartyDecision
  readonly reason?: string | null
  readonly reference?: string | null
}

export interface CancelPaymentInput {
  readonly idempotencyKey: string
  readonly payment: PaymentId
  readonly reason?: string | null
}

export interface RefundPaymentInput extends CancelPaymentInput {
  readonly amount?: MoneyInput | null
}

export interface PresentCodeInput {
  readonly idempotencyKey: string
  readonly token: TokenInput
  readonly limit?: MoneyInput | null
  readonly ttlSeconds?: number | null
}

export interface ChargePresentedCodeInput {
  readonly idempotencyKey: string
  readonly payload: string
  readonly merchant: MerchantId
  readonly amount: MoneyInput
  readonly terminal?: string | null
}

interface TokenInput {
  readonly reference: string
  readonly lastFour?: string | null
}

/** Refuses with EXACTLY_ONE or BAD_VALUE, or by the flaw of a currency or amount. */
export function readOrder(input: OrderInput): Order | Refusal {
  const target = readTarget(input)
  if (isRefusal(target)) return target
  const amount = readOptionalMoney(input.amount, 'amount')
  if (isRefusal(amount)) return amount
  const tip = readOptionalMoney(input.tip, 'tip')
  if (isRefusal(tip)) return tip
  const payerCurrency = readCurrency(input.payerCurrency ?? null)
  if (isRefusal(payerCurrency)) return payerCurrency
  if (input.entryMode === 'CPM') {
    return refuse('BAD_VALUE', 'use chargePresentedCode for a presented code', ['input', 'entryMode'])
  }
  return {
    target,
    amount,
    tip,
    side: input.side ?? 'FIXED_MERCHANT',
    payerCurrency,
    entryMode: input.entryMode ?? null,
  }
}

/** Refuses with EXACTLY_ONE or BAD_VALUE, or by the flaw of a currency or amount. */
export function readSubmission(input: SubmitPaymentInput): Submission | Refusal {
  const { idempotencyKey, reference, customer = null } = input
  const flaw =
    flawOfText(idempotencyKey, 'idempotencyKey') ??
    flawOfText(reference, 'reference') ??
    flawOfOptional(customer, 'customer')
  if (flaw) return flaw
  const token = readToken(input.token)
  if (isRefusal(token)) return token
  const basis = readBasis(input)
  if (isRefusal(basis)) return basis
  return { idempotencyKey, basis, reference, customer, token }
}

/** Refuses with BAD_VALUE. */
export function readAnswer({
  decision,
  reason,
  reference,
}: RespondAuthorizationInput): CounterpartyAnswer | Refusal {
  const flaw = flawOfOptional(reference, 'reference')
  if (flaw) return flaw
  const reasonText = reason ?? null
  const ownReference = reference ?? null
  if (decision !== 'DECLINE') {
    if (reasonText !== null) return badValue('a reason is only for DECLINE', 'reason')
    return { decision, reason: null, reference: ownReference }
  }
  const code = reasonText === null ? 'UNSPECIFIED' : parseReason(reasonText)
  if (code === null) {
    return badValue(`${quoteInput(reasonText!)} is no ReasonCode and no ISO 20022 code of one`, 'reason')
  }
  return { decision, reason: code, reference: ownReference }
}

/** Refuses with BAD_VALUE. */
export function readCancellation(input: CancelPaymentInput): Cancellation | Refusal {
  const { idempotencyKey, payment, reason } = input
  const note = reason ?? null
  const flaw = flawOfText(idempotencyKey, 'idempotencyKey') ?? (note === null ? null : flawOfNote(note))
  return flaw ?? { idempotencyKey, payment, note }
}

/** Refuses with BAD_VALUE, or by the flaw of the amount. */
export function readRefund(input: RefundPaymentInput): RefundOrder | Refusal {
  const order = readCancellation(input)
  if (isRefusal(order)) return order
  const amount = readOptionalMoney(input.amount, 'amount')
  if (isRefusal(amount)) return amount
  return { ...order, amount, reason: order.note === null ? null : parseReason(order.note) }
}

/** Refuses with BAD_VALUE, or by the flaw of the limit. */
export function readPresentation(input: PresentCodeInput): Presentation | Refusal {
  const { idempotencyKey } = input
  const flaw = flawOfText(idempotencyKey, 'idempotencyKey')
  if (flaw) return flaw
  const token = readToken(input.token)
  if (isRefusal(token)) return token
  const limit = readOptionalMoney(input.limit, 'limit')
  if (isRefusal(limit)) return limit
  const ttlSeconds = input.ttlSeconds ?? 120
  if (ttlSeconds < 30 || ttlSeconds > 300) {
    return badValue(`ttlSeconds must be 30–300, not ${ttlSeconds}`, 'ttlSeconds')
  }
  return { idempotencyKey, token: token!, limit, ttlSeconds }
}

/** Refuses with BAD_VALUE, or by the flaw of the amount. */
export function readCharge(input: ChargePresentedCodeInput): Charge | Refusal {
  const { idempotencyKey, payload, merchant } = input
  const terminal = input.terminal ?? null
  const flaw =
    flawOfText(idempotencyKey, 'idempotencyKey') ??
    flawOfOptional(terminal, 'terminal') ??
    (terminal !== null && terminal.length > 25
      ? badValue('terminal must have at most 25 characters', 'terminal')
      : null)
  if (flaw) return flaw
  const amount = parseMoney(input.amount, ['input', 'amount'])
  if (isRefusal(amount)) return amount
  return { idempotencyKey, payload, merchant, amount, terminal }
}

function readBasis(input: SubmitPaymentInput): Submission['basis'] | Refusal {
  const present = [input.quote, input.payload, input.merchant].filter((id) => id !== null && id !== undefined)
  if (present.length !== 1) {
    return refuse('EXACTLY_ONE', `give one of quote, payload and merchant, not ${present.length} of them`, [
      'input',
    ])
  }
  if (typeof input.quote === 'string') {
    const fixed = input.amount ? 'amount' : input.payerCurrency ? 'payerCurrency' : null
    if (fixed) return badValue(`the quote fixes ${fixed}; leave it out`, fixed)
    return { kind: 'QUOTE', id: input.quote }
  }
  const order = readOrder(input)
  return isRefusal(order) ? order : { kind: 'ORDER', order }
}

function readTarget({ payload, merchant }: OrderInput): Order['target'] | Refusal {
  if (typeof payload === 'string' && typeof merchant !== 'string') return { kind: 'CODE', payload }
  if (typeof merchant === 'string' && typeof payload !== 'string') {
    return { kind: 'MERCHANT', id: merchant }
  }
  return refuse('EXACTLY_ONE', 'give one of payload and merchant', ['input'])
}

function readCurrency(code: string | null): Currency | null | Refusal {
  if (code === null || isCurrency(code)) return code
  return unknownCurrency(code, ['input', 'payerCurrency'])
}

function readToken(token: SubmitPaymentInput['token']): AccountToken | null | Refusal {
  if (!token) return null
  const { reference, lastFour = null } = token
  const flaw = flawOfText(reference, 'token', 'reference')
  if (flaw) return flaw
  // A token that only may be a card number is refused too: an account has one, so a mistake would not be rare.
  if (mayBeCardNumber(reference)) {
    return refuse('PAN_REFUSED', undefined, ['input', 'token', 'reference'])
  }
  if (lastFour !== null && !/^\d{4}$/.test(lastFour)) {
    return badValue('lastFour must be four digits', 'token', 'lastFour')
  }
  return { reference, lastFour }
}

const readOptionalMoney = (input: MoneyInput | null | undefined, field: string): Money | null | Refusal =>
  input ? parseMoney(input, ['input', field]) : null

const badValue = (details: string, ...field: readonly string[]): Refusal =>
  refuse('BAD_VALUE', details, ['input', ...field])

const flawOfOptional = (text: string | null | undefined, ...field: string[]): Refusal | null =>
  text === null || text === undefined ? null : flawOfText(text, ...field)

function flawOfNote(text: string): Refusal | null {
  if (holdsCardNumber(text)) return refuse('PAN_REFUSED', undefined, ['input', 'reason'])
  if (text.length >= 1 && text.length <= 500 && !/\p{Cc}/u.test(text)) return null
  return badValue('reason must have 1–500 characters, and no control character', 'reason')
}

function flawOfText(text: string, ...field: string[]): Refusal | null {
  if (holdsCardNumber(text)) return refuse('PAN_REFUSED', undefined, ['input', ...field])
  if (text.length >= 1 && text.length <= 64 && !/\p{Cc}/u.test(text)) return null
  return badValue(`${field.at(-1)} must have 1–64 characters, and no control character`, ...field)
}
