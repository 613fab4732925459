// Finds single payments, refunds and quotes. Documents are read for all requests together, so each result is
// checked here against what the viewer may see.

import type { PaymentId, QuoteId, RefundId, TransactionId } from '../../../schema/values/id.ts'
import { isRefusal, orThrow, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { isOperator, sees, visibilityOf } from '../../shared/access.ts'
import type { Registry } from '../../shared/registry.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import type { Payment } from '../payment/payment.ts'
import type { Quote } from '../price/quote.ts'
import type { PaymentReceipt } from '../service/idempotent-payments.ts'
import type { PaymentService } from '../service/payment-service.ts'
import type { RefundOf } from '../store/payment-loaders.ts'
import type { PaymentStore } from '../store/payment-store.ts'
import { visibleClauses } from './clauses.ts'
import { numberQuery, type TransactionReferenceInput } from './transaction-filter.ts'

export type Transaction = Payment | RefundOf

export const isRefund = (transaction: Transaction): transaction is RefundOf => 'refund' in transaction

export interface InquireInput extends TransactionReferenceInput {
  readonly payment?: PaymentId | null
}

export interface LookupDependencies {
  readonly store: PaymentStore
  readonly paymentService: Pick<PaymentService, 'inquire'>
  readonly registry: Registry
}

export async function findTransaction(
  dependencies: LookupDependencies,
  context: RequestContext,
  id: TransactionId,
): Promise<Transaction | null> {
  const payment = await findPayment(dependencies, context, id as PaymentId)
  return payment ?? findRefund(dependencies, context, id as RefundId)
}

export async function findPayment(
  { store, registry }: LookupDependencies,
  context: RequestContext,
  id: PaymentId,
): Promise<Payment | null> {
  const payment = await store.byId.load(id)
  return payment && sees(visibilityOf(context, registry), payment) ? payment : null
}

export async function findRefund(
  { store, registry }: LookupDependencies,
  context: RequestContext,
  id: RefundId,
): Promise<RefundOf | null> {
  const found = await store.refundById.load(id)
  return found && sees(visibilityOf(context, registry), found.payment) ? found : null
}

export async function findQuote(
  { store }: LookupDependencies,
  context: RequestContext,
  id: QuoteId,
): Promise<Quote | null> {
  const quote = await store.quoteById(id)
  return quote && (isOperator(context) || quote.wallet === context.viewer.participant) ? quote : null
}

/** Throws EXACTLY_ONE unless `number` holds `reference` alone, or `rrn` with `settlementDate`. */
export async function findByNumber(
  { store, registry }: LookupDependencies,
  context: RequestContext,
  number: TransactionReferenceInput,
): Promise<Payment | null> {
  const own = registry.participants.get(context.viewer.participant)
  const wallets = own?.roles.includes('WALLET') ? [own.id] : [...registry.participants.keys()]
  const clauses = [
    ...orThrow(numberQuery(number, wallets)),
    ...visibleClauses(visibilityOf(context, registry), ''),
  ]
  const [found] = await store.page(clauses, { after: null, max: 1 })
  return found ?? null
}

/** Finds a payment by id or number; when its outcome is in doubt, the counterparty is inquired first. */
export async function inquirePayment(
  dependencies: LookupDependencies,
  context: RequestContext,
  { payment: id, ...number }: InquireInput,
): Promise<PaymentReceipt | Refusal> {
  const isById = typeof id === 'string'
  const isByNumber = Object.values(number).some((part) => typeof part === 'string')
  if (isById === isByNumber) {
    return refuse('EXACTLY_ONE', 'give one of payment, reference, and rrn with settlementDate', ['input'])
  }
  const clauses = isById ? [] : numberQuery(number, [])
  if (isRefusal(clauses)) return { ...clauses, path: ['input'] }
  const found = await (isById
    ? findPayment(dependencies, context, id)
    : findByNumber(dependencies, context, number))
  if (!found) return refuse('PAYMENT_UNKNOWN', undefined, ['input', isById ? 'payment' : 'reference'])
  const isInDoubt = found.status === 'IN_DOUBT'
  const payment = isInDoubt ? ((await dependencies.paymentService.inquire(found._id)) ?? found) : found
  return { __typename: 'PaymentReceipt', replayed: false, payment }
}
