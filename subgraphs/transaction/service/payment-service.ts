// The operations on payments. A new payment takes four steps: read the input, gather the facts, decide its
// terms, write within the daily limit. A change of a payment takes two: read the input, move.

import { holdsCardNumber } from '../../../schema/values/card-number.ts'
import type { ParticipantId, PaymentId, RefundId } from '../../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import type { Logger } from '../../platform/logger.ts'
import { useOfKey, type UsedKey } from '../../shared/idempotency-key.ts'
import type { SubgraphDependencies } from '../../shared/subgraph.ts'
import { answer, isRepeated, undeliverable } from '../payment/answer.ts'
import { cancel, mayCancel } from '../payment/cancel.ts'
import type { Charge, CounterpartyAnswer, Submission } from '../payment/commands.ts'
import { shareOfDay, type DayShare } from '../payment/daily-limit.ts'
import { newId } from '../payment/new-id.ts'
import type { Payment } from '../payment/payment.ts'
import { checkCharge, readPresented, refusalForAcquirer } from '../payment/presented-code.ts'
import { refund } from '../payment/refund.ts'
import { defaultZone, type SettlementZone } from '../payment/settlement-date.ts'
import { submit, type Screening, type SubmissionDetails } from '../payment/submit.ts'
import { inquireEarly, moveDue } from '../payment/timeout.ts'
import type { Order } from '../price/order.ts'
import {
  agreeTerms,
  quoteOrder,
  termsOfQuote,
  type PaymentTarget,
  type PaymentTerms,
  type PricingContext,
  type Quote,
} from '../price/quote.ts'
import type { RateProvider } from '../price/rates.ts'
import type { RefundOf } from '../store/payment-loaders.ts'
import type { PaymentStore } from '../store/payment-store.ts'
import {
  createIdempotentPayments,
  receiptOf,
  unknownPayment,
  type IdempotentPayments,
  type PaymentReceipt,
} from './idempotent-payments.ts'
import {
  readAnswer,
  readCancellation,
  readCharge,
  readOrder,
  readRefund,
  readSubmission,
  type CancelPaymentInput,
  type ChargePresentedCodeInput,
  type OrderInput,
  type RefundPaymentInput,
  type RespondAuthorizationInput,
  type SubmitPaymentInput,
} from './read-input.ts'

export interface RefundReceipt {
  readonly __typename: 'RefundReceipt'
  readonly replayed: boolean
  readonly refund: RefundOf
}

/** Decides the answer to a payment; null leaves the payment unanswered. */
export type AnswerRule = (payment: Payment) => CounterpartyAnswer | null

export interface PaymentService {
  quote(wallet: ParticipantId, input: OrderInput): Promise<Quote | Refusal>
  submit(wallet: ParticipantId, input: SubmitPaymentInput): Promise<PaymentReceipt | Refusal>
  /** Charges a code that a customer presented. */
  charge(acquirer: ParticipantId, input: ChargePresentedCodeInput): Promise<PaymentReceipt | Refusal>
  cancel(participant: ParticipantId, input: CancelPaymentInput): Promise<PaymentReceipt | Refusal>
  refund(participant: ParticipantId, input: RefundPaymentInput): Promise<RefundReceipt | Refusal>
  respond(participant: ParticipantId, input: RespondAuthorizationInput): Promise<PaymentReceipt | Refusal>
  /** Answers payment `id` for its counterparty `participant`. */
  answer(participant: ParticipantId, id: PaymentId, decide: AnswerRule): Promise<PaymentReceipt | Refusal>
  /** Ends payment `id`, which could not be delivered to its counterparty. */
  undeliverable(id: PaymentId): Promise<void>
  /**
   * Makes the move that is due for payment `id`; none when it is not due, or another process has made it.
   * `overdue` is a due time that counts as past, also when it is ahead of the clock.
   */
  actOnDue(id: PaymentId, overdue?: Date): Promise<void>
  /**
   * Sends an inquiry about a payment in doubt unless one was sent just now; returns the payment after that.
   */
  inquire(id: PaymentId): Promise<Payment | null>
}

export interface PaymentServiceDependencies extends Pick<
  SubgraphDependencies,
  'registry' | 'directory' | 'now'
> {
  readonly store: PaymentStore
  readonly rates: RateProvider
  readonly screen: Screening
  readonly logger: Pick<Logger, 'error'>
}

interface Dependencies extends PaymentServiceDependencies {
  readonly idempotentPayments: IdempotentPayments
}

export function createPaymentService(outer: PaymentServiceDependencies): PaymentService {
  const idempotentPayments = createIdempotentPayments(outer)
  const dependencies = { ...outer, idempotentPayments }
  return {
    quote: (wallet, input) => quotePayment(dependencies, wallet, input),
    submit: (wallet, input) => submitPayment(dependencies, wallet, input),
    charge: (acquirer, input) => chargePresentedCode(dependencies, acquirer, input),
    cancel: (participant, input) => cancelPayment(dependencies, participant, input),
    refund: (participant, input) => refundPayment(dependencies, participant, input),
    respond: (participant, input) => respondToPayment(dependencies, participant, input),
    answer: (participant, id, decide) => answerPayment(dependencies, participant, id, decide),
    undeliverable: (id) => endUndeliverable(dependencies, id),
    actOnDue: (id, overdue) => actOnDue(dependencies, id, overdue),
    inquire: (id) => inquirePayment(dependencies, id),
  }
}

async function quotePayment(
  dependencies: Dependencies,
  wallet: ParticipantId,
  input: OrderInput,
): Promise<Quote | Refusal> {
  const order = requireRole(dependencies, wallet, 'WALLET') ?? readOrder(input)
  if (isRefusal(order)) return order
  const target = await findTarget(dependencies, order)
  if (isRefusal(target)) return target
  const context = pricingContext(dependencies)
  const quote = quoteOrder(newId(context.now), wallet, order, target, context)
  if (!isRefusal(quote)) await dependencies.store.addQuote(quote)
  return quote
}

async function submitPayment(
  dependencies: Dependencies,
  wallet: ParticipantId,
  input: SubmitPaymentInput,
): Promise<PaymentReceipt | Refusal> {
  const submission = requireRole(dependencies, wallet, 'WALLET') ?? readSubmission(input)
  if (isRefusal(submission)) return submission
  const key = useOfKey(wallet, 'submitPayment', submission.idempotencyKey, submission, dependencies.now())
  return startPayment(dependencies, key, await draftOfSubmission(dependencies, wallet, submission))
}

async function chargePresentedCode(
  dependencies: Dependencies,
  acquirer: ParticipantId,
  input: ChargePresentedCodeInput,
): Promise<PaymentReceipt | Refusal> {
  const charge = requireRole(dependencies, acquirer, 'ACQUIRER') ?? readCharge(input)
  if (isRefusal(charge)) return charge
  const key = useOfKey(acquirer, 'chargePresentedCode', charge.idempotencyKey, charge, dependencies.now())
  const result = await startPayment(dependencies, key, await draftOfCharge(dependencies, acquirer, charge))
  return isRefusal(result) ? refusalForAcquirer(result) : result
}

/** A payment whose terms are decided, before it is written. */
interface PaymentDraft {
  readonly wallet: ParticipantId
  readonly details: SubmissionDetails
  readonly terms: PaymentTerms
}

/** Gathers the quote, or the merchant of the order, and decides the terms. */
async function draftOfSubmission(
  dependencies: Dependencies,
  wallet: ParticipantId,
  { basis, reference, customer, token }: Submission,
): Promise<PaymentDraft | Refusal> {
  const details = { reference, customer, token }
  if (basis.kind === 'QUOTE') {
    const quote = await dependencies.store.quoteById(basis.id)
    const terms = termsOfQuote(quote, wallet, pricingContext(dependencies))
    return isRefusal(terms) ? terms : { wallet, details: { ...details, quote: basis.id }, terms }
  }
  const target = await findTarget(dependencies, basis.order)
  if (isRefusal(target)) return target
  const agreed = agreeTerms(wallet, basis.order, target, pricingContext(dependencies))
  return isRefusal(agreed) ? agreed : { wallet, details, terms: agreed.terms }
}

/** Gathers the merchant and the presented code, and decides the terms. */
async function draftOfCharge(
  dependencies: Dependencies,
  acquirer: ParticipantId,
  charge: Charge,
): Promise<PaymentDraft | Refusal> {
  const { directory, store } = dependencies
  const merchant = await directory.merchant(charge.merchant)
  if (merchant?.acquirer !== acquirer) return unknownMerchant
  const id = readPresented(charge.payload)
  if (isRefusal(id)) return id
  const code = await store.codeById(id)
  if (!code) return refuse('CODE_UNKNOWN', undefined, ['input', 'payload'])

  const { wallet, token } = code
  const order: Order = {
    target: { kind: 'MERCHANT', id: merchant.id },
    amount: charge.amount,
    tip: null,
    side: 'FIXED_MERCHANT',
    payerCurrency: null,
    entryMode: 'CPM',
  }
  const context = pricingContext(dependencies)
  const agreed = agreeTerms(wallet, order, { merchant, code: null }, context)
  if (isRefusal(agreed)) return agreed
  const { terms } = agreed
  const flaw = checkCharge(code, terms, context.rates, context.now)
  if (flaw) return flaw
  const terminal = charge.terminal === null ? {} : { terminal: charge.terminal }
  const details = { reference: id, customer: token.reference, token, presentedCode: id, ...terminal }
  return { wallet, details, terms }
}

/** The merchant that an order names, and the content of its code. */
async function findTarget({ directory }: Dependencies, { target }: Order): Promise<PaymentTarget | Refusal> {
  if (target.kind === 'MERCHANT') {
    const merchant = await directory.merchant(target.id)
    return merchant ? { merchant, code: null } : unknownMerchant
  }
  const scanned = await directory.scan(target.payload)
  if (isRefusal(scanned)) return { ...scanned, path: ['input', 'payload'] }
  const { merchant, ...code } = scanned
  if (code.referenceLabel !== null && holdsCardNumber(code.referenceLabel))
    return refuse('PAN_REFUSED', undefined, ['input', 'payload'])
  return { merchant, code }
}

/**
 * Writes the payment of `draft` under `key`, within its customer's daily limit. The key keeps the refusal of
 * a draft.
 */
async function startPayment(
  dependencies: Dependencies,
  key: UsedKey,
  draft: PaymentDraft | Refusal,
): Promise<PaymentReceipt | Refusal> {
  const { store, idempotentPayments, registry, screen } = dependencies
  if (isRefusal(draft)) return idempotentPayments.keep(key, draft)
  const share = shareOfDraft(dependencies, key, draft)
  if (isRefusal(share)) return idempotentPayments.keep(key, share)
  const { wallet, details, terms } = draft
  const payment = submit(wallet, details, terms, {
    id: newId<PaymentId>(key.at),
    rrn: await store.nextRrn(),
    key,
    now: key.at,
    authorizationTimeoutMs: registry.corridors.get(terms.corridor)!.authorizationTimeoutMs,
    screen,
  })
  return idempotentPayments.insert(payment, key, share)
}

/** Null without a customer. */
function shareOfDraft(
  { registry, rates }: Dependencies,
  key: UsedKey,
  { wallet, terms, details: { customer } }: PaymentDraft,
): DayShare | Refusal | null {
  if (customer === null) return null
  const corridor = registry.corridors.get(terms.corridor)!
  return shareOfDay({ wallet, customer }, terms.merchantAmount, corridor, rates, key.at)
}

async function cancelPayment(
  dependencies: Dependencies,
  participant: ParticipantId,
  input: CancelPaymentInput,
): Promise<PaymentReceipt | Refusal> {
  const { registry, idempotentPayments, now } = dependencies
  const cancellation = readCancellation(input)
  if (isRefusal(cancellation)) return cancellation
  const { idempotencyKey, note } = cancellation
  const key = useOfKey(participant, 'cancelPayment', idempotencyKey, cancellation, now())
  return idempotentPayments.move(key, cancellation.payment, (payment) => {
    if (!mayCancel(payment, participant)) return unknownPayment
    const cutoffMinutes = registry.corridors.get(payment.corridor)?.cancelCutoffMinutes ?? 0
    return cancel(payment, { now: now(), key, cutoffMinutes, zone: zoneOf(dependencies, payment), note })
  })
}

async function refundPayment(
  dependencies: Dependencies,
  participant: ParticipantId,
  input: RefundPaymentInput,
): Promise<RefundReceipt | Refusal> {
  const { registry, idempotentPayments, now } = dependencies
  const order = readRefund(input)
  if (isRefusal(order)) return order
  const { idempotencyKey, amount, reason, note } = order
  const key = useOfKey(participant, 'refundPayment', idempotencyKey, order, now())
  const id = newId<RefundId>(key.at)
  const receipt = await idempotentPayments.move(key, order.payment, (payment) => {
    if (participant !== payment.wallet && participant !== payment.acquirer) return unknownPayment
    const windowDays = registry.corridors.get(payment.corridor)?.refundWindowDays ?? 0
    const zone = zoneOf(dependencies, payment)
    return refund(payment, amount, { id, now: now(), key, windowDays, zone, reason, note })
  })
  if (isRefusal(receipt)) return receipt
  const { replayed, payment } = receipt
  const added = payment.refunds.find((one) => one.key === key.id)!
  return { __typename: 'RefundReceipt', replayed, refund: { refund: added, payment } }
}

async function respondToPayment(
  dependencies: Dependencies,
  participant: ParticipantId,
  input: RespondAuthorizationInput,
): Promise<PaymentReceipt | Refusal> {
  const received = readAnswer(input)
  if (isRefusal(received)) return received
  return answerPayment(dependencies, participant, input.payment, () => received)
}

async function answerPayment(
  dependencies: Dependencies,
  participant: ParticipantId,
  id: PaymentId,
  decide: AnswerRule,
): Promise<PaymentReceipt | Refusal> {
  const { store, now } = dependencies
  let received: CounterpartyAnswer | null = null
  const outcome = await store.move(id, (payment) => {
    received = payment.counterparty === participant ? decide(payment) : null
    return received && answer(payment, received, { now: now(), zone: zoneOf(dependencies, payment) })
  })
  if (!outcome || !received) return unknownPayment
  const { before, after } = outcome
  if (after.status !== before.status) return receiptOf(after, false)
  if (isRepeated(before, received)) return receiptOf(after, true)
  return refuse('NOT_WAITING', `the payment is ${after.status}`, ['input', 'payment'])
}

async function endUndeliverable({ store, now }: Dependencies, id: PaymentId): Promise<void> {
  await store.move(id, (payment) => undeliverable(payment, now()))
}

async function actOnDue({ store, now }: Dependencies, id: PaymentId, overdue?: Date): Promise<void> {
  await store.move(id, (payment) => moveDue(payment, now(), overdue))
}

async function inquirePayment({ store, now }: Dependencies, id: PaymentId): Promise<Payment | null> {
  const outcome = await store.move(id, (payment) => inquireEarly(payment, now()))
  return outcome && outcome.after
}

const pricingContext = ({ registry, rates, now }: Dependencies): PricingContext => ({
  registry,
  rates,
  now: now(),
})

const zoneOf = ({ registry }: Dependencies, { corridor }: Payment): SettlementZone =>
  registry.corridors.get(corridor)?.settlementZone ?? defaultZone

function requireRole(
  { registry }: Dependencies,
  participant: ParticipantId,
  role: 'WALLET' | 'ACQUIRER',
): Refusal | null {
  if (registry.participants.get(participant)?.roles.includes(role)) return null
  return refuse('FORBIDDEN', `this operation takes the role ${role}`)
}

const unknownMerchant = refuse('MERCHANT_UNKNOWN', undefined, ['input', 'merchant'])
