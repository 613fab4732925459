// What a viewer sees of transactions: single ones, pages, the log, and live streams.

import type { Db } from 'mongodb'
import type {
  MerchantId,
  ParticipantId,
  PaymentId,
  QuoteId,
  RefundId,
  TransactionId,
} from '../../../schema/values/id.ts'
import { orThrow, refuse, type Refusal } from '../../../schema/values/problems.ts'
import type { LogEntry } from '../../log/entry.ts'
import { mapStream, type MappedStream } from '../../platform/async/map-stream.ts'
import type { ResumableStream } from '../../platform/async/resumable-stream.ts'
import { isOperator, visibilityOf } from '../../shared/access.ts'
import { countOnce, type Counted } from '../../shared/count.ts'
import { pagesOf, type Connection, type PageArguments } from '../../shared/page.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import { withPositions } from '../../shared/backlog-stream.ts'
import type { TransactionUpdate } from '../live/event-streams.ts'
import { awaited, type RequestKind } from '../payment/counterparty-request.ts'
import type { Payment } from '../payment/payment.ts'
import type { Quote } from '../price/quote.ts'
import type { PaymentReceipt } from '../service/idempotent-payments.ts'
import { readPositions, type SettlementPosition } from '../settlement/positions.ts'
import type { RefundOf } from '../store/payment-loaders.ts'
import type { PaymentQuery } from '../store/payment-search.ts'
import {
  followEvents,
  readLogPage,
  type LogArguments,
  type LogPage,
  type LogQueryDependencies,
} from './log-queries.ts'
import {
  findByNumber,
  findPayment,
  findQuote,
  findRefund,
  findTransaction,
  inquirePayment,
  isRefund,
  type InquireInput,
  type LookupDependencies,
  type Transaction,
} from './lookups.ts'
import {
  queryAtMerchant,
  transactionQuery,
  type TransactionFilterInput,
  type TransactionReferenceInput,
} from './transaction-filter.ts'

export { isRefund, type Transaction } from './lookups.ts'

/** A request that the viewer has to answer. At `position` of the log the request had been sent. */
export interface AuthorizationRequest {
  readonly kind: RequestKind
  readonly payment: Payment
  readonly position: bigint
}

type PaymentConnection = Connection<Payment> & Counted

type PaymentPageArguments = PageArguments & { readonly where?: TransactionFilterInput | null }

interface UpdateArguments {
  readonly id: TransactionId
  readonly afterSequence?: number | null
}

/**
 * Reads answer plain queries and subscriptions, whose types have no room for a refusal: they throw it as a
 * ProblemError. What the viewer may not see is null, as if it did not exist.
 */
export interface TransactionQueries {
  transaction(context: RequestContext, id: TransactionId): Promise<Transaction | null>
  payment(context: RequestContext, id: PaymentId): Promise<Payment | null>
  refund(context: RequestContext, id: RefundId): Promise<RefundOf | null>
  quote(context: RequestContext, id: QuoteId): Promise<Quote | null>
  byNumber(context: RequestContext, number: TransactionReferenceInput): Promise<Payment | null>
  inquire(context: RequestContext, input: InquireInput): Promise<PaymentReceipt | Refusal>
  page(context: RequestContext, args: PaymentPageArguments): Promise<PaymentConnection>
  atMerchant(context: RequestContext, merchant: MerchantId, args: PageArguments): Promise<PaymentConnection>
  /** Of one settlement date, or of all dates when `date` is null. */
  positions(
    context: RequestContext,
    participant: ParticipantId,
    date: string | null,
  ): Promise<readonly SettlementPosition[]>
  log(context: RequestContext, args: LogArguments & { readonly first: number }): Promise<LogPage>
  events(context: RequestContext, args: LogArguments): Promise<ResumableStream<LogEntry>>
  updates(context: RequestContext, args: UpdateArguments): Promise<ResumableStream<TransactionUpdate>>
  requests(context: RequestContext, kinds: readonly RequestKind[]): MappedStream<AuthorizationRequest>
}

export interface TransactionQueriesDependencies extends LookupDependencies, LogQueryDependencies {
  readonly db: Db
}

export const createTransactionQueries = (
  dependencies: TransactionQueriesDependencies,
): TransactionQueries => ({
  transaction: (context, id) => findTransaction(dependencies, context, id),
  payment: (context, id) => findPayment(dependencies, context, id),
  refund: (context, id) => findRefund(dependencies, context, id),
  quote: (context, id) => findQuote(dependencies, context, id),
  byNumber: (context, number) => findByNumber(dependencies, context, number),
  inquire: (context, input) => inquirePayment(dependencies, context, input),
  page: (context, args) => readPayments(dependencies, context, args),
  atMerchant: (context, merchant, args) => readPaymentsAt(dependencies, context, merchant, args),
  positions: (context, participant, date) => readOwnPositions(dependencies, context, participant, date),
  log: (context, args) => readLogPage(dependencies, context, args),
  events: (context, args) => followEvents(dependencies, context, args),
  updates: (context, args) => followUpdates(dependencies, context, args),
  requests: (context, kinds) => followRequests(dependencies, context, kinds),
})

type Dependencies = TransactionQueriesDependencies

async function readPayments(
  dependencies: Dependencies,
  context: RequestContext,
  { where, ...args }: PaymentPageArguments,
): Promise<PaymentConnection> {
  const { registry } = dependencies
  const wallets = [...registry.participants.values()].filter(({ roles }) => roles.includes('WALLET'))
  const query = transactionQuery(
    where,
    visibilityOf(context, registry),
    wallets.map(({ id }) => id),
  )
  return readPage(dependencies, context, orThrow(query), args)
}

async function readPaymentsAt(
  dependencies: Dependencies,
  context: RequestContext,
  merchant: MerchantId,
  args: PageArguments,
): Promise<PaymentConnection> {
  const visibility = visibilityOf(context, dependencies.registry)
  return readPage(dependencies, context, queryAtMerchant(merchant, visibility), args)
}

async function readPage(
  { store }: Dependencies,
  { deadline }: RequestContext,
  query: PaymentQuery,
  args: PageArguments,
): Promise<PaymentConnection> {
  const page = orThrow(pages.read(args))
  const signal = deadline?.signal
  const { rows, readTo } = await store.search(query, {
    after: (page.after?.[0] ?? null) as PaymentId | null,
    max: page.size + 1,
    signal,
  })
  const connection = pages.connection(page, rows, ({ _id }) => [_id])
  const count = countOnce(() => store.count(query, signal))
  if (readTo === null) return { ...connection, count }
  const pageInfo = { ...connection.pageInfo, hasNextPage: true, endCursor: pages.cursor([readTo]) }
  return { ...connection, pageInfo, count }
}

const pages = pagesOf('transactions', ['string'], 100)

async function readOwnPositions(
  { db }: Dependencies,
  context: RequestContext,
  participant: ParticipantId,
  date: string | null,
): Promise<readonly SettlementPosition[]> {
  if (!isOperator(context) && context.viewer.participant !== participant) return []
  return readPositions(db, participant, date)
}

async function followUpdates(
  dependencies: Dependencies,
  context: RequestContext,
  { id, afterSequence = null }: UpdateArguments,
): Promise<ResumableStream<TransactionUpdate>> {
  if (!(await findTransaction(dependencies, context, id))) {
    orThrow(refuse('PAYMENT_UNKNOWN', undefined, ['id']))
  }
  if (afterSequence !== null && afterSequence < 0) {
    orThrow(refuse('BAD_VALUE', '`afterSequence` is 0 or more', ['afterSequence']))
  }
  const updates = dependencies.eventStreams.updates(id, afterSequence, async () => {
    const found = await findTransaction(dependencies, context, id)
    return found && isRefund(found) ? found.refund : found
  })
  return withPositions(
    updates,
    (update) => update,
    ({ sequence }) => ({ ordinal: sequence, cursor: String(sequence) }),
  )
}

function followRequests(
  { store, eventStreams }: Dependencies,
  { viewer: { participant } }: RequestContext,
  kinds: readonly RequestKind[],
): MappedStream<AuthorizationRequest> {
  const readPending = async () =>
    (await store.waiting([participant])).flatMap(({ _id, status }) => {
      const kind = awaited[status]
      return kind ? [{ kind, payment: _id }] : []
    })
  const requests = eventStreams.sent(participant, new Set(kinds), readPending)
  return mapStream(requests, async ({ kind, payment: id, position }) => {
    const payment = await store.byId.load(id)
    // A request that was answered meanwhile is left out.
    return payment && awaited[payment.status] === kind ? { kind, payment, position } : null
  })
}
