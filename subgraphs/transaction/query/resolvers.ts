// Resolvers of the reads of transactions: queries, subscriptions and entities.

import type {
  MerchantId,
  ParticipantId,
  PaymentId,
  QuoteId,
  RefundId,
  TransactionId,
} from '../../../schema/values/id.ts'
import { reasons, type ReasonCode } from '../../../schema/values/reasons.ts'
import type { Scope } from '../../../schema/values/scopes.ts'
import { money } from '../../../schema/values/money.ts'
import type { LogEntry, Posting } from '../../log/entry.ts'
import { demandScope, isOperator, requireScope } from '../../shared/access.ts'
import { countFields } from '../../shared/count.ts'
import type { PageArguments } from '../../shared/page.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import type { TransactionUpdate } from '../live/event-streams.ts'
import type { Cursors } from '../../shared/cursor.ts'
import type { RequestKind } from '../payment/counterparty-request.ts'
import { outcomes } from '../payment/lifecycle.ts'
import type { Payment, PaymentEvent } from '../payment/payment.ts'
import { postingsOf } from '../payment/posting.ts'
import { refundable } from '../payment/refund.ts'
import { feesOf } from '../price/pricing.ts'
import type { PaymentTerms, Quote } from '../price/quote.ts'
import type { RefundOf } from '../store/payment-loaders.ts'
import { findNode, type NodeDependencies, type NodeReference } from './node.ts'
import type {
  TransactionEventFilterInput,
  TransactionFilterInput,
  TransactionReferenceInput,
} from './transaction-filter.ts'
import {
  isRefund,
  type AuthorizationRequest,
  type Transaction,
  type TransactionQueries,
} from './transaction-queries.ts'

export interface QueryResolverDependencies extends NodeDependencies {
  readonly transactionQueries: TransactionQueries
  readonly cursors: Cursors
}

type Context = RequestContext

interface Reference<Id> {
  readonly id: Id
}

export const queryResolvers = ({
  transactionQueries,
  cursors,
  registry,
  directory,
}: QueryResolverDependencies) => ({
  Query: {
    ...queries(transactionQueries),
    node: (_: unknown, { id }: Reference<string>, context: Context) =>
      findNode({ transactionQueries, registry, directory }, context, id),
  },
  Node: {
    __resolveType: (node: Transaction | NodeReference) =>
      '__typename' in node ? node.__typename : transactionType(node),
  },
  Mutation: {
    inquirePayment: (
      _: unknown,
      { input }: { readonly input: { payment?: PaymentId } & TransactionReferenceInput },
      context: Context,
    ) => requireScope(context, 'payments:read') ?? transactionQueries.inquire(context, input),
  },
  Subscription: subscriptions(transactionQueries),
  ...transactionTypes(transactionQueries),
  ...eventTypes(transactionQueries, cursors),
  Quote: quoteType(transactionQueries),
  Participant: {
    __owner: ({ id }: Reference<ParticipantId>) => id,
    positions: ({ id }: Reference<ParticipantId>, { date }: { date?: string | null }, context: Context) => {
      demandScope(context, 'payments:read')
      return transactionQueries.positions(context, id, date ?? null)
    },
  },
  Merchant: {
    transactions: ({ id }: Reference<MerchantId>, args: PageArguments, context: Context) => {
      demandScope(context, 'payments:read')
      return transactionQueries.atMerchant(context, id, args)
    },
  },
})

const queries = (transactionQueries: TransactionQueries) => ({
  transaction: scoped('payments:read', (context, { id }: Reference<TransactionId>) =>
    transactionQueries.transaction(context, id),
  ),
  transactionByReference: scoped(
    'payments:read',
    (context, { reference }: { reference: TransactionReferenceInput }) =>
      transactionQueries.byNumber(context, reference),
  ),
  transactions: scoped('payments:read', (context, args: PageArguments & { where?: TransactionFilterInput }) =>
    transactionQueries.page(context, args),
  ),
  transactionLog: scoped(
    'payments:read',
    (context, args: { first: number; after?: string; where?: TransactionEventFilterInput }) =>
      transactionQueries.log(context, args),
  ),
})

const subscriptions = (transactionQueries: TransactionQueries) => ({
  transactionEvents: {
    subscribe: scoped(
      'payments:read',
      (context, args: { where?: TransactionEventFilterInput; after?: string }) =>
        transactionQueries.events(context, args),
    ),
    resolve: (event: LogEntry) => event,
  },
  transactionUpdated: {
    subscribe: scoped('payments:read', (context, args: { id: TransactionId; afterSequence?: number }) =>
      transactionQueries.updates(context, args),
    ),
    resolve: (update: TransactionUpdate) => update,
  },
  authorizationRequests: {
    subscribe: scoped('authorizations:write', (context, { kinds }: { kinds: readonly RequestKind[] }) =>
      transactionQueries.requests(context, kinds),
    ),
    resolve: (request: AuthorizationRequest) => request,
  },
})

const transactionType = (transaction: Transaction) => (isRefund(transaction) ? 'Refund' : 'Payment')

const transactionTypes = (transactionQueries: TransactionQueries) => ({
  TransactionConnection: countFields,
  Transaction: {
    __resolveType: transactionType,
  },
  Payment: {
    ...termsFields((payment: Payment) => payment),
    __resolveReferences: (references: readonly Reference<PaymentId>[], context: Context) =>
      Promise.all(references.map(({ id }) => transactionQueries.payment(context, id))),
    id: ({ _id }: Payment) => _id,
    kind: () => 'PAYMENT',
    outcome: ({ status }: Payment) => outcomes[status],
    reportingValue: ({ reporting }: Payment) => reporting,
    fees: feesOf,
    postings: visiblePostings,
    refundedTotal: ({ refunded }: Payment) => refunded,
    refundable,
    refunds: (payment: Payment): RefundOf[] => payment.refunds.map((refund) => ({ refund, payment })),
    settlementDate: (payment: Payment) => ('settlementDate' in payment ? payment.settlementDate : null),
    settlementStatus: (payment: Payment) => ('settlement' in payment ? payment.settlement : 'NONE'),
    reason: (payment: Payment) => ('reason' in payment ? reasonOf(payment.reason ?? null) : null),
  },
  Refund: {
    ...termsFields(({ payment }: RefundOf) => payment),
    __resolveReferences: (references: readonly Reference<RefundId>[], context: Context) =>
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
  Posting: {
    participant: ({ participant }: Posting) => ({ id: participant }),
    amount: ({ minor, currency }: Posting) => money(minor, currency),
  },
  TransactionStep: { reason: ({ reason }: PaymentEvent) => reasonOf(reason) },
})

const eventTypes = (transactionQueries: TransactionQueries, cursors: Cursors) => ({
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
})

const quoteType = (transactionQueries: TransactionQueries) => ({
  __resolveReferences: (references: readonly Reference<QuoteId>[], context: Context) =>
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
})

/** A field for callers whose key has `scope`: throws FORBIDDEN for all others. */
const scoped =
  <Args, Result>(scope: Scope, resolve: (context: Context, args: Args) => Result) =>
  (_: unknown, args: Args, context: Context): Result => {
    demandScope(context, scope)
    return resolve(context, args)
  }

/** The references to other entities, equal for a payment and its refunds. */
const termsFields = <Of>(termsOf: (transaction: Of) => PaymentTerms & Pick<Payment, 'wallet'>) => ({
  merchant: (of: Of) => ({ id: termsOf(of).merchant }),
  wallet: (of: Of) => ({ id: termsOf(of).wallet }),
  acquirer: (of: Of) => ({ id: termsOf(of).acquirer }),
  corridor: (of: Of) => ({ id: termsOf(of).corridor }),
  entryMode: (of: Of) => termsOf(of).entryMode,
})

/** What the completion of a payment booked, as far as the viewer may read it. */
function visiblePostings(payment: Payment, _: unknown, context: Context): Posting[] {
  if (!('settlement' in payment)) return []
  const all = postingsOf(payment, payment)
  return isOperator(context)
    ? all
    : all.filter(({ participant }) => participant === context.viewer.participant)
}

const reasonOf = (code: ReasonCode | null) => (code === null ? null : { code, ...reasons[code] })
