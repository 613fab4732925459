// GraphQL to the cashier and to what a viewer sees, and back. No rules.

import { toSvg } from '../../schema/qr/index.ts'
import { money, type Money } from '../../schema/values/money.ts'
import { isRefusal, orThrow, refuse } from '../../schema/values/problems.ts'
import { reasons, type ReasonCode } from '../../schema/values/reasons.ts'
import { demandScope, requireScope } from '../shared/access.ts'
import type { AuditEntry, AuditLog } from '../shared/audit-log.ts'
import type { MerchantDirectory } from '../shared/merchant-directory.ts'
import type { Resolvers } from '../shared/federated-schema.ts'
import type { PageArguments } from '../shared/page.ts'
import type { Registry } from '../shared/registry.ts'
import { considerRoute, type Candidate, type Hop } from '../shared/routing.ts'
import { values } from '../shared/values.ts'
import { auditPage, type AuditFilterInput } from './query/audit-page.ts'
import type { PaymentService } from './service/payment-service.ts'
import type { Cursors } from './log/cursor.ts'
import type {
  TransactionEventFilterInput,
  TransactionFilterInput,
  TransactionReferenceInput,
} from './query/transaction-filter.ts'
import type {
  CancelPaymentInput,
  ChargePresentedCodeInput,
  OrderInput,
  PresentCodeInput,
  RefundPaymentInput,
  RespondAuthorizationInput,
  SubmitPaymentInput,
} from './service/read-input.ts'
import { outcomes } from './payment/lifecycle.ts'
import type { TransactionUpdate } from './live/event-streams.ts'
import type { Payment, PaymentEvent } from './payment/payment.ts'
import type { Price } from './price/pricing.ts'
import type { PresentedCode } from './payment/presented-code.ts'
import type { PresentedCodeService } from './service/presented-code-service.ts'
import type { Quote, Terms } from './price/quote.ts'
import type { SettlementPosition } from './settlement/positions.ts'
import type { RateBook, SetTable } from './price/rate-book.ts'
import { ratesInto, setRates, type RatesArguments, type SetRatesInput } from './price/rate-service.ts'
import { tableRates, type RateProvider } from './price/rates.ts'
import type { RefundOf } from './store/payment-loaders.ts'
import type { SettlementBatch } from './settlement/batch.ts'
import type { SettlementQueries } from './settlement/settlement-queries.ts'
import type { CloseInput } from './settlement/batch-closer.ts'
import {
  isRefund,
  type AuthorizationRequest,
  type Transaction,
  type TransactionQueries,
} from './query/transaction-queries.ts'
import type { WebhookService } from './webhooks/webhook-service.ts'
import type { EntryMode } from '../../schema/values/entry-mode.ts'
import type { RequestContext } from '../shared/viewer.ts'
import type { LogEntry } from '../log/entry.ts'
import type { RequestKind } from './payment/counterparty-request.ts'
import { webhookResolvers } from './webhooks/resolvers.ts'
import type { MerchantId, ParticipantId, PaymentId } from '../../schema/values/id.ts'

export interface ResolverDependencies {
  readonly paymentService: PaymentService
  readonly audit: AuditLog
  readonly rates: RateProvider
  /** Null when the rates come from a provider of their own. */
  readonly rateBook: RateBook | null
  readonly presentedCodeService: PresentedCodeService
  readonly transactionQueries: TransactionQueries
  readonly cursors: Cursors
  readonly webhooks: WebhookService
  readonly settlementQueries: SettlementQueries
  readonly registry: Registry
  readonly directory: MerchantDirectory
  readonly now: () => Date
}

interface Input<Of> {
  readonly input: Of
}
type Context = RequestContext
interface Keyed {
  readonly id: string
}

export function createResolvers(dependencies: ResolverDependencies): Resolvers {
  const { paymentService, presentedCodeService, transactionQueries, cursors, settlementQueries } =
    dependencies
  const webhooks = webhookResolvers(dependencies.webhooks)

  return {
    ...values,
    Query: {
      transaction: (_: unknown, { id }: Keyed, context: Context) => {
        demandScope(context, 'payments:read')
        return transactionQueries.transaction(context, id)
      },
      transactionByReference: (
        _: unknown,
        { reference }: { reference: TransactionReferenceInput },
        context: Context,
      ) => {
        demandScope(context, 'payments:read')
        return transactionQueries.byNumber(context, reference)
      },
      transactions: (
        _: unknown,
        args: PageArguments & { where?: TransactionFilterInput },
        context: Context,
      ) => {
        demandScope(context, 'payments:read')
        return transactionQueries.page(context, args)
      },
      transactionLog: (
        _: unknown,
        args: { first: number; after?: string; where?: TransactionEventFilterInput },
        context: Context,
      ) => {
        demandScope(context, 'payments:read')
        return transactionQueries.log(context, args)
      },
      explainRoute: (
        _: unknown,
        args: { wallet: ParticipantId; merchant: MerchantId; entryMode: EntryMode },
      ) => explainRoute(args, dependencies),
      settlementBatches: (_: unknown, args: PageArguments, context: Context) =>
        settlementQueries.page(context, args),
      ...webhooks.Query,
      auditLog: async (_: unknown, args: PageArguments & { where?: AuditFilterInput }, context: Context) => {
        demandScope(context, 'operator')
        return orThrow(await auditPage(dependencies.audit, dependencies.registry, args))
      },
      rates: (_: unknown, args: RatesArguments) => orThrow(ratesInto(args, dependencies.rates)),
    },
    Mutation: {
      quotePayment: (_: unknown, { input }: Input<OrderInput>, context: Context) =>
        requireScope(context, 'payments:write') ?? paymentService.quote(context.viewer.participant, input),
      submitPayment: (_: unknown, { input }: Input<SubmitPaymentInput>, context: Context) =>
        requireScope(context, 'payments:write') ?? paymentService.submit(context.viewer.participant, input),
      respondAuthorization: (_: unknown, { input }: Input<RespondAuthorizationInput>, context: Context) =>
        requireScope(context, 'authorizations:write') ??
        paymentService.respond(context.viewer.participant, input),
      inquirePayment: (
        _: unknown,
        { input }: Input<{ payment?: PaymentId } & TransactionReferenceInput>,
        context: Context,
      ) => requireScope(context, 'payments:read') ?? transactionQueries.inquire(context, input),
      cancelPayment: (_: unknown, { input }: Input<CancelPaymentInput>, context: Context) =>
        requireScope(context, 'payments:write') ?? paymentService.cancel(context.viewer.participant, input),
      refundPayment: (_: unknown, { input }: Input<RefundPaymentInput>, context: Context) =>
        requireScope(context, 'payments:write') ?? paymentService.refund(context.viewer.participant, input),
      presentCode: (_: unknown, { input }: Input<PresentCodeInput>, context: Context) =>
        requireScope(context, 'payments:write') ??
        presentedCodeService.present(context.viewer.participant, input),
      chargePresentedCode: (_: unknown, { input }: Input<ChargePresentedCodeInput>, context: Context) =>
        requireScope(context, 'payments:write') ?? paymentService.charge(context.viewer.participant, input),
      closeSettlement: (_: unknown, { input }: Input<CloseInput>, context: Context) =>
        settlementQueries.close(context, input),
      ...webhooks.Mutation,
      setRates: (_: unknown, { input }: Input<SetRatesInput>, context: Context) =>
        requireScope(context, 'operator') ?? setRates(dependencies.rateBook, input, context),
    },
    Subscription: {
      transactionEvents: {
        subscribe: (
          _: unknown,
          args: { where?: TransactionEventFilterInput; after?: string },
          context: Context,
        ) => {
          demandScope(context, 'payments:read')
          return transactionQueries.events(context, args)
        },
        resolve: (event: LogEntry) => event,
      },
      transactionUpdated: {
        subscribe: (_: unknown, args: { id: string; afterSequence?: number }, context: Context) => {
          demandScope(context, 'payments:read')
          return transactionQueries.updates(context, args)
        },
        resolve: (update: TransactionUpdate) => update,
      },
      authorizationRequests: {
        subscribe: (_: unknown, { kinds }: { kinds: readonly RequestKind[] }, context: Context) => {
          demandScope(context, 'authorizations:write')
          return transactionQueries.requests(context, kinds)
        },
        resolve: (request: AuthorizationRequest) => request,
      },
    },

    Transaction: {
      __resolveType: (transaction: Transaction) => (isRefund(transaction) ? 'Refund' : 'Payment'),
    },
    Payment: {
      ...termsFields((payment: Payment) => payment),
      __resolveReferences: (references: readonly Keyed[], context: Context) =>
        Promise.all(references.map(({ id }) => transactionQueries.payment(context, id))),
      id: ({ _id }: Payment) => _id,
      kind: () => 'PAYMENT',
      outcome: ({ status }: Payment) => outcomes[status],
      reportingValue: ({ reporting }: Payment) => reporting,
      fees: feesOf,
      refundedTotal: ({ refunded }: Payment) => refunded,
      refundable,
      refunds: (payment: Payment): RefundOf[] => payment.refunds.map((refund) => ({ refund, payment })),
      settlementDate: (payment: Payment) => ('settlementDate' in payment ? payment.settlementDate : null),
      settlementStatus: (payment: Payment) => ('settlement' in payment ? payment.settlement : 'NONE'),
      reason: (payment: Payment) => ('reason' in payment ? reasonOf(payment.reason ?? null) : null),
    },
    Refund: {
      ...termsFields(({ payment }: RefundOf) => payment),
      __resolveReferences: (references: readonly Keyed[], context: Context) =>
        Promise.all(references.map(({ id }) => transactionQueries.refund(context, id))),
      id: ({ refund }: RefundOf) => refund._id,
      kind: () => 'REFUND',
      status: ({ refund }: RefundOf) => refund.status,
      sequence: ({ refund }: RefundOf) => refund.sequence,
      createdAt: ({ refund }: RefundOf) => refund.createdAt,
      updatedAt: ({ refund }: RefundOf) => refund.updatedAt,
      amount: ({ refund }: RefundOf) => refund.merchantAmount,
      merchantAmount: ({ refund }: RefundOf) => refund.merchantAmount,
      payerAmount: ({ refund }: RefundOf) => refund.payerAmount,
      reportingValue: ({ refund }: RefundOf) => refund.reporting,
      settlementDate: ({ refund }: RefundOf) => refund.settlementDate,
      settlementStatus: ({ refund }: RefundOf) => refund.settlement,
      reason: ({ refund }: RefundOf) => reasonOf(refund.reason),
      events: ({ refund }: RefundOf) => refund.events,
    },
    TransactionStep: { reason: ({ reason }: PaymentEvent) => reasonOf(reason) },
    TransactionEvent: {
      cursor: ({ _id }: LogEntry) => cursors.encode(_id),
      reason: ({ reason }: LogEntry) => reasonOf(reason),
      transaction: ({ transaction }: LogEntry, _: unknown, context: Context) =>
        transactionQueries.transaction(context, transaction),
    },
    TransactionUpdate: {
      reason: ({ reason }: TransactionUpdate) => reasonOf(reason),
      transaction: ({ transaction }: TransactionUpdate, _: unknown, context: Context) =>
        transactionQueries.transaction(context, transaction),
    },
    AuthorizationRequest: {
      cursor: ({ position }: AuthorizationRequest) => cursors.encode(position),
      respondBy: ({ payment }: AuthorizationRequest) => payment.respondBy,
    },

    Quote: {
      __resolveReferences: (references: readonly Keyed[], context: Context) =>
        Promise.all(references.map(({ id }) => transactionQueries.quote(context, id))),
      id: ({ _id }: Quote) => _id,
      side: ({ terms }: Quote) => terms.side,
      entryMode: ({ terms }: Quote) => terms.entryMode,
      corridor: ({ terms }: Quote) => ({ id: terms.corridor }),
      merchant: ({ terms }: Quote) => ({ id: terms.merchant }),
      merchantAmount: ({ terms }: Quote) => terms.merchantAmount,
      payerAmount: ({ terms }: Quote) => terms.payerAmount,
      fees: ({ terms }: Quote) => feesOf(terms),
      rate: ({ terms }: Quote) => terms.rate,
    },
    SettlementBatch: {
      __resolveReferences: (references: readonly Keyed[], context: Context) =>
        Promise.all(references.map(({ id }) => settlementQueries.batch(context, id))),
      id: ({ _id }: SettlementBatch) => _id,
      payments: (batch: SettlementBatch, _: unknown, context: Context) =>
        settlementQueries.counts(context, batch).payments,
      refunds: (batch: SettlementBatch, _: unknown, context: Context) =>
        settlementQueries.counts(context, batch).refunds,
      net: (batch: SettlementBatch, _: unknown, context: Context) => settlementQueries.net(context, batch),
      file: async (batch: SettlementBatch, _: unknown, context: Context) =>
        (await settlementQueries.files(context, batch)).find(({ format }) => format === 'CSV') ?? null,
      files: (batch: SettlementBatch, _: unknown, context: Context) =>
        settlementQueries.files(context, batch),
    },
    PresentedCode: {
      id: ({ _id }: PresentedCode) => _id,
      svg: ({ payload }: PresentedCode) => toSvg(payload),
    },
    Participant: {
      positions: ({ id }: Keyed, { date }: { date?: string | null }, context: Context) =>
        transactionQueries.positions(context, id, date ?? null),
    },
    Position: {
      net: ({ debits, credits, currency }: SettlementPosition) => money(credits - debits, currency),
      debits: ({ debits, currency }: SettlementPosition) => money(debits, currency),
      credits: ({ credits, currency }: SettlementPosition) => money(credits, currency),
    },
    Merchant: {
      transactions: ({ id }: Keyed, args: PageArguments, context: Context) => {
        demandScope(context, 'payments:read')
        return transactionQueries.atMerchant(context, id, args)
      },
    },

    AuditEntry: {
      id: ({ _id }: AuditEntry) => _id,
      actor: ({ actor }: AuditEntry) => actor && { id: actor },
    },
    RatesSet: {
      rates: ({ cny, asOf, markupBasisPoints }: SetTable) =>
        orThrow(ratesInto({}, tableRates(cny, asOf, markupBasisPoints))),
    },

    SetRatesResult: { __resolveType: typeOr('RatesSet') },
    QuoteResult: { __resolveType: typeOr('Quote') },
    SubmitPaymentResult: { __resolveType: typeOr('PaymentReceipt') },
    PaymentResult: { __resolveType: typeOr('PaymentReceipt') },
    RefundResult: { __resolveType: typeOr('RefundReceipt') },
    PresentCodeResult: { __resolveType: typeOr('PresentedCode') },
    SettlementResult: { __resolveType: typeOr('SettlementBatch') },
    ...webhooks.types,
  }
}

/** Members of a result's union: a refusal says its own type. */
const typeOr = (name: string) => (value: object) => (isRefusal(value) ? value.__typename : name)

/** Fields that lead on into the graph, the same for a payment and its refunds. */
const termsFields = <Of>(termsOf: (transaction: Of) => Terms & Pick<Payment, 'wallet'>) => ({
  merchant: (of: Of) => ({ id: termsOf(of).merchant }),
  wallet: (of: Of) => ({ id: termsOf(of).wallet }),
  acquirer: (of: Of) => ({ id: termsOf(of).acquirer }),
  corridor: (of: Of) => ({ id: termsOf(of).corridor }),
  entryMode: (of: Of) => termsOf(of).entryMode,
})

const feesOf = ({ fee }: Pick<Price, 'fee'>) =>
  fee.minor === 0n ? [] : [{ kind: 'NETWORK', amount: fee, paidBy: 'PAYER' }]

const reasonOf = (code: ReasonCode | null) => (code === null ? null : { code, ...reasons[code] })

function refundable({ status, merchantAmount, refunded }: Payment): Money {
  const left = status === 'COMPLETED' ? merchantAmount.minor - refunded.minor : 0n
  return money(left, merchantAmount.currency)
}

async function explainRoute(
  asked: { readonly wallet: ParticipantId; readonly merchant: MerchantId; readonly entryMode: EntryMode },
  { registry, directory, now }: ResolverDependencies,
) {
  const merchant = orThrow(
    (await directory.merchant(asked.merchant)) ?? refuse('MERCHANT_UNKNOWN', undefined, ['merchant']),
  )
  const wallet = orThrow(
    registry.participants.get(asked.wallet) ?? refuse('PARTICIPANT_UNKNOWN', undefined, ['wallet']),
  )
  const acquirer = registry.participants.get(merchant.acquirer)
  const { entryMode } = asked
  const found = considerRoute({ wallet, acquirer, merchant, entryMode, registry, now: now() })
  return {
    accepted: found.accepted,
    corridor: found.corridor && { id: found.corridor.id },
    hops: found.hops.map(({ participant, role }: Hop) => ({ participant: { id: participant }, role })),
    considered: found.considered.map(({ corridor, accepted, refusal }: Candidate) => ({
      corridor: { id: corridor },
      accepted,
      reason: refusal,
    })),
  }
}
