// Reads what clients write: every field checked, each with a refusal of its own. No lookups, no clock.

import { isCurrency, type Currency } from '../../../schema/values/currency.ts'
import { parseMoney } from '../../../schema/values/money.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { parseReason } from '../../../schema/values/reasons.ts'
import type { EntryMode } from '../../../schema/values/entry-mode.ts'
import type { Order } from '../price/order.ts'
import type {
  CounterpartyDecision,
  AccountToken,
  Submission,
  CounterpartyAnswer,
  Cancellation,
  RefundOrder,
  Presentation,
  Charge,
} from '../payment/commands.ts'
import type { QuoteSide } from '../price/pricing.ts'

interface MoneyInput {
  readonly amount: string
  readonly currency: string
}

/** `quotePayment` takes these; `submitPayment` takes some of them in place of a quote. */
export interface OrderInput {
  readonly payload?: string | null
  readonly merchant?: string | null
  readonly amount?: MoneyInput | null
  readonly tip?: MoneyInput | null
  readonly side?: QuoteSide | null
  readonly payerCurrency?: string | null
  readonly entryMode?: EntryMode | null
}

export interface SubmitPaymentInput {
  readonly idempotencyKey: string
  readonly quote?: string | null
  readonly payload?: string | null
  readonly merchant?: string | null
  readonly amount?: MoneyInput | null
  readonly payerCurrency?: string | null
  readonly reference: string
  readonly customer?: string | null
  readonly token?: TokenInput | null
}

export interface RespondAuthorizationInput {
  readonly payment: string
  readonly decision: CounterpartyDecision
  readonly reason?: string | null
  readonly reference?: string | null
}

export interface CancelPaymentInput {
  readonly idempotencyKey: string
  readonly payment: string
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
  readonly merchant: string
  readonly amount: MoneyInput
  readonly terminal?: string | null
}

interface TokenInput {
  readonly reference: string
  readonly lastFour?: string | null
}

/** Refuses with EXACTLY_ONE, BAD_VALUE, or what is wrong with a currency or an amount. */
export function readOrder(input: OrderInput): Order | Refusal {
  const target = readTarget(input)
  if (isRefusal(target)) return target
  const amount = input.amount ? parseMoney(input.amount, ['input', 'amount']) : null
  if (isRefusal(amount)) return amount
  const tip = input.tip ? parseMoney(input.tip, ['input', 'tip']) : null
  if (isRefusal(tip)) return tip
  const payerCurrency = readCurrency(input.payerCurrency ?? null)
  if (isRefusal(payerCurrency)) return payerCurrency
  if (input.entryMode === 'CPM') {
    return refuse('BAD_VALUE', 'a presented code is charged by the merchant’s acquirer', [
      'input',
      'entryMode',
    ])
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

/** Refuses with EXACTLY_ONE, BAD_VALUE, or what is wrong with a currency or an amount. */
export function readSubmission(input: SubmitPaymentInput): Submission | Refusal {
  const { idempotencyKey, reference, customer = null } = input
  const flaw =
    flawOfText(idempotencyKey, 'idempotencyKey') ??
    flawOfText(reference, 'reference') ??
    flawOfOptional(customer, 'customer')
  if (flaw) return flaw
  const token = readToken(input.token)
  if (isRefusal(token)) return token
  const what = readWhat(input)
  if (isRefusal(what)) return what
  return { idempotencyKey, what, reference, customer, token }
}

/** Refuses with BAD_VALUE. */
export function readAnswer({
  decision,
  reason,
  reference,
}: RespondAuthorizationInput): CounterpartyAnswer | Refusal {
  const flaw = flawOfOptional(reference, 'reference')
  if (flaw) return flaw
  const named = reason ?? null
  const own = reference ?? null
  if (decision !== 'DECLINE') {
    if (named !== null) return refuse('BAD_VALUE', 'only a refusal has a reason', ['input', 'reason'])
    return { decision, reason: null, reference: own }
  }
  const code = named === null ? 'UNSPECIFIED' : parseReason(named)
  if (code === null) {
    return refuse('BAD_VALUE', 'neither a name of ReasonCode nor an ISO 20022 code of one', [
      'input',
      'reason',
    ])
  }
  return { decision, reason: code, reference: own }
}

/** Refuses with BAD_VALUE. */
export function readCancellation(input: CancelPaymentInput): Cancellation | Refusal {
  const { idempotencyKey, payment, reason } = input
  const note = reason ?? null
  const flaw = flawOfText(idempotencyKey, 'idempotencyKey') ?? (note === null ? null : flawOfNote(note))
  return flaw ?? { idempotencyKey, payment, note }
}

/** Refuses with BAD_VALUE, or what is wrong with the amount. */
export function readRefund(input: RefundPaymentInput): RefundOrder | Refusal {
  const wish = readCancellation(input)
  if (isRefusal(wish)) return wish
  const amount = input.amount ? parseMoney(input.amount, ['input', 'amount']) : null
  if (isRefusal(amount)) return amount
  return { ...wish, amount, reason: wish.note === null ? null : parseReason(wish.note) }
}

/** Refuses with BAD_VALUE, or what is wrong with the limit. */
export function readPresentation(input: PresentCodeInput): Presentation | Refusal {
  const { idempotencyKey } = input
  const flaw = flawOfText(idempotencyKey, 'idempotencyKey')
  if (flaw) return flaw
  const token = readToken(input.token)
  if (isRefusal(token)) return token
  const limit = input.limit ? parseMoney(input.limit, ['input', 'limit']) : null
  if (isRefusal(limit)) return limit
  const ttlSeconds = input.ttlSeconds ?? 120
  if (ttlSeconds < 30 || ttlSeconds > 300) {
    return refuse('BAD_VALUE', `ttlSeconds is 30–300, not ${ttlSeconds}`, ['input', 'ttlSeconds'])
  }
  return { idempotencyKey, token: token!, limit, ttlSeconds }
}

/** Refuses with BAD_VALUE, or what is wrong with the amount. */
export function readCharge(input: ChargePresentedCodeInput): Charge | Refusal {
  const { idempotencyKey, payload, merchant } = input
  const terminal = input.terminal ?? null
  const flaw =
    flawOfText(idempotencyKey, 'idempotencyKey') ??
    flawOfOptional(terminal, 'terminal') ??
    (terminal !== null && terminal.length > 25
      ? refuse('BAD_VALUE', 'terminal is at most 25 characters', ['input', 'terminal'])
      : null)
  if (flaw) return flaw
  const amount = parseMoney(input.amount, ['input', 'amount'])
  if (isRefusal(amount)) return amount
  return { idempotencyKey, payload, merchant, amount, terminal }
}

function readWhat(input: SubmitPaymentInput): Submission['what'] | Refusal {
  const given = [input.quote, input.payload, input.merchant].filter(
    (one) => one !== null && one !== undefined,
  )
  if (given.length !== 1) {
    return refuse('EXACTLY_ONE', `give one of quote, payload and merchant, not ${given.length} of them`, [
      'input',
    ])
  }
  if (typeof input.quote === 'string') {
    const named = input.amount ? 'amount' : input.payerCurrency ? 'payerCurrency' : null
    if (named) return refuse('BAD_VALUE', `the quote says the ${named}`, ['input', named])
    return { kind: 'QUOTE', id: input.quote }
  }
  const order = readOrder(input)
  return isRefusal(order) ? order : { kind: 'ORDER', order }
}

function readTarget({ payload, merchant }: OrderInput): Order['target'] | Refusal {
  if (typeof payload === 'string' && typeof merchant !== 'string') return { kind: 'CODE', payload }
  if (typeof merchant === 'string' && typeof payload !== 'string') return { kind: 'MERCHANT', id: merchant }
  return refuse('EXACTLY_ONE', 'give one of payload and merchant', ['input'])
}

function readCurrency(code: string | null): Currency | null | Refusal {
  if (code === null || isCurrency(code)) return code
  return refuse('UNKNOWN_CURRENCY', 'the hub does not know this currency', ['input', 'payerCurrency'])
}

function readToken(token: SubmitPaymentInput['token']): AccountToken | null | Refusal {
  if (!token) return null
  const { reference, lastFour = null } = token
  const flaw = flawOfText(reference, 'token', 'reference')
  if (flaw) return flaw
  if (looksLikeCardNumber(reference)) {
    return refuse('BAD_VALUE', 'this looks like a card number, which the hub never takes', [
      'input',
      'token',
      'reference',
    ])
  }
  if (lastFour !== null && !/^\d{4}$/.test(lastFour)) {
    return refuse('BAD_VALUE', 'lastFour is four digits', ['input', 'token', 'lastFour'])
  }
  return { reference, lastFour }
}

const flawOfOptional = (text: string | null | undefined, ...field: string[]): Refusal | null =>
  text === null || text === undefined ? null : flawOfText(text, ...field)

function flawOfNote(text: string): Refusal | null {
  if (text.length >= 1 && text.length <= 500 && !/\p{Cc}/u.test(text)) return null
  return refuse('BAD_VALUE', 'reason is 1–500 characters, none of them a control character', [
    'input',
    'reason',
  ])
}

function flawOfText(text: string, ...field: string[]): Refusal | null {
  if (text.length >= 1 && text.length <= 64 && !/\p{Cc}/u.test(text)) return null
  return refuse('BAD_VALUE', `${field.at(-1)} is 1–64 characters, none of them a control character`, [
    'input',
    ...field,
  ])
}

/** 13 to 19 digits, spaced or not, that pass the Luhn check (ISO/IEC 7812-1, annex B). */
function looksLikeCardNumber(text: string): boolean {
  const digits = text.replace(/[ -]/g, '')
  if (!/^\d{13,19}$/.test(digits)) return false
  const sum = digits
    .split('')
    .toReversed()
    .reduce((total, digit, place) => {
      const doubled = Number(digit) * (place % 2 === 0 ? 1 : 2)
      return total + (doubled > 9 ? doubled - 9 : doubled)
    }, 0)
  return sum % 10 === 0
}
