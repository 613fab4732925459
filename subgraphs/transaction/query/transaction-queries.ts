// What a viewer sees of transactions: each read is checked against the viewer here, because reads are shared by all requests.

import type { Db } from 'mongodb'
import { isRefusal, orThrow, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { isOperator, sees, visibilityOf } from '../../shared/access.ts'
import type { LogReader } from '../../log/reader.ts'
import type { StreamPosition, ResumableStream } from '../../platform/async/resumable-stream.ts'
import { pagesOf, type Connection, type PageArguments } from '../../shared/page.ts'
import type { Registry } from '../../shared/registry.ts'
import type { Cursors } from '../log/cursor.ts'
import {
  eventFilter,
  numberQuery,
  transactionQuery,
  visibleClauses,
  type TransactionEventFilterInput,
  type TransactionFilterInput,
  type TransactionReferenceInput,
} from './transaction-filter.ts'
import type { EventStreams, TransactionUpdate } from '../live/event-streams.ts'
import type { PaymentService } from '../service/payment-service.ts'
import type { PaymentReceipt } from '../service/idempotent-payments.ts'
import type { Payment } from '../payment/payment.ts'
import type { Quote } from '../price/quote.ts'
import { readPositions, type SettlementPosition } from '../settlement/positions.ts'
import type { RefundOf } from '../store/payment-loaders.ts'
import type { Clause, PaymentStore } from '../store/payment-store.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import type { LogEntry } from '../../log/entry.ts'
import { awaited, type RequestKind } from '../payment/counterparty-request.ts'
import { mapStream, withPositions, type BacklogStream } from '../live/backlog-stream.ts'
import type { MerchantId, ParticipantId, PaymentId } from '../../../schema/values/id.ts'

export type Transaction = Payment | RefundOf

export const isRefund = (transaction: Transaction): transaction is RefundOf => 'refund' in transaction

export interface LogPage {
  readonly events: readonly LogEntry[]
  readonly endCursor: string | null
  readonly hasMore: boolean
}

/** What the viewer is asked to do with a payment; `position` is a place in the log at which it was. */
export interface AuthorizationRequest {
  readonly kind: RequestKind
  readonly payment: Payment
  readonly position: bigint
}

interface LogArguments {
  readonly where?: TransactionEventFilterInput | null
  readonly after?: string | null
}

/** Reads throw ProblemErrors: they answer plain queries and subscriptions, which have no union to put a refusal in. */
export interface TransactionQueries {
  /** Null when there is none that the viewer may see. */
  transaction(context: RequestContext, id: string): Promise<Transaction | null>
  payment(context: RequestContext, id: string): Promise<Payment | null>
  refund(context: RequestContext, id: string): Promise<RefundOf | null>
  quote(context: RequestContext, id: string): Promise<Quote | null>
  byNumber(context: RequestContext, number: TransactionReferenceInput): Promise<Payment | null>
  inquire(
    context: RequestContext,
    input: { readonly payment?: PaymentId | null } & TransactionReferenceInput,
  ): Promise<PaymentReceipt | Refusal>
  page(
    context: RequestContext,
    args: PageArguments & { readonly where?: TransactionFilterInput | null },
  ): Promise<Connection<Payment>>
  atMerchant(context: RequestContext, merchant: MerchantId, args: PageArguments): Promise<Connection<Payment>>
  positions(
    context: RequestContext,
    participant: ParticipantId,
    date: string | null,
  ): Promise<readonly SettlementPosition[]>
  log(context: RequestContext, args: LogArguments & { readonly first: number }): Promise<LogPage>
  events(context: RequestContext, args: LogArguments): Promise<ResumableStream<LogEntry>>
  updates(
    context: RequestContext,
    args: { readonly id: string; readonly afterSequence?: number | null },
  ): Promise<ResumableStream<TransactionUpdate>>
  requests(context: RequestContext, kinds: readonly RequestKind[]): BacklogStream<AuthorizationRequest>
}

export interface TransactionQueriesDependencies {
  readonly db: Db
  readonly store: PaymentStore
  readonly paymentService: Pick<PaymentService, 'inquire'>
  readonly registry: Registry
  readonly logReader: LogReader
  readonly eventStreams: EventStreams
  readonly cursors: Cursors
}

export function createTransactionQueries(dependencies: TransactionQueriesDependencies): TransactionQueries {
  const { db, store, paymentService, registry, logReader, eventStreams, cursors } = dependencies
  const visibility = (context: RequestContext) => visibilityOf(context, registry)
  const pages = pagesOf('transactions', ['string'], 100)

  const pageOf = async (clauses: readonly Clause[], args: PageArguments): Promise<Connection<Payment>> => {
    const page = orThrow(pages.read(args))
    const rows = await store.page(clauses, { after: page.after?.[0] ?? null, max: page.size + 1 })
    return pages.connection(page, rows, ({ _id }) => [_id])
  }

  const positionOf = (cursor: string): bigint => orThrow(cursors.decode(cursor))

  const transactionQueries: TransactionQueries = {
    async transaction(context, id) {
      return (await transactionQueries.payment(context, id)) ?? transactionQueries.refund(context, id)
    },
    async payment(context, id) {
      const payment = await store.byId.load(id)
      return payment && sees(visibility(context), payment) ? payment : null
    },
    async refund(context, id) {
      const found = await store.refundById.load(id)
      return found && sees(visibility(context), found.payment) ? found : null
    },
    async quote(context, id) {
      const quote = await store.quoteById(id)
      return quote && (isOperator(context) || quote.wallet === context.viewer.participant) ? quote : null
    },
    async byNumber(context, number) {
      const own = registry.participants.get(context.viewer.participant)
      const wallets = own?.roles.includes('WALLET') ? [own.id] : [...registry.participants.keys()]
      const clauses = [...orThrow(numberQuery(number, wallets)), ...visibleClauses(visibility(context), '')]
      const [found] = await store.page(clauses, { after: null, max: 1 })
      return found ?? null
    },
    async inquire(context, { payment: id, ...number }) {
      const isById = typeof id === 'string'
      const isByNumber = Object.values(number).some((part) => typeof part === 'string')
      if (isById === isByNumber) {
        return refuse('EXACTLY_ONE', 'give one of payment, reference, and rrn with settlementDate', ['input'])
      }
      const clauses = isById ? [] : numberQuery(number, [])
      if (isRefusal(clauses)) return { ...clauses, path: ['input'] }
      const found = await (isById
        ? transactionQueries.payment(context, id)
        : transactionQueries.byNumber(context, number))
      if (!found) return refuse('PAYMENT_UNKNOWN', undefined, ['input', isById ? 'payment' : 'reference'])
      const payment =
        found.status === 'IN_DOUBT' ? ((await paymentService.inquire(found._id)) ?? found) : found
      return { __typename: 'PaymentReceipt', replayed: false, payment }
    },
    page: (context, { where, ...args }) =>
      pageOf(orThrow(transactionQuery(where, visibility(context))), args),
    atMerchant: (context, merchant, args) =>
      pageOf([{ merchant }, ...visibleClauses(visibility(context), '')], args),
    async positions(context, participant, date) {
      if (!isOperator(context) && context.viewer.participant !== participant) return []
      return readPositions(db, participant, date)
    },
    async log(context, { where, after, first }) {
      if (!Number.isInteger(first) || first < 1 || first > logPageMax) {
        return orThrow<never>(refuse('BAD_PAGE', `\`first\` is 1–${logPageMax}, not ${first}`, ['first']))
      }
      const filter = orThrow(eventFilter(where, visibility(context)))
      const start = after ? positionOf(after) : 0n
      const tip = logReader.tip()
      if (start >= tip) return { events: [], endCursor: after ?? null, hasMore: false }
      if (after) await checkKept(start)
      const found = await logReader.find(filter.query, { after: start, upTo: tip, max: first + 1 })
      const events = found.slice(0, first)
      const hasMore = found.length > first
      // Nothing else up to the tip matches, so the next call need not look there again.
      const end = hasMore ? events.at(-1)!._id : tip
      return { events, endCursor: cursors.encode(end), hasMore }
    },
    async events(context, { where, after }) {
      const own = visibility(context)
      const filter = orThrow(eventFilter(where, own))
      const start = after ? positionOf(after) : logReader.tip()
      await checkKept(start)
      return withPositions(
        eventStreams.events(filter, own, start),
        ({ value }) => value,
        ({ position }) => new LogStreamPosition(position, cursors),
      )
    },
    async updates(context, { id, afterSequence = null }) {
      if (!(await transactionQueries.transaction(context, id)))
        orThrow(refuse('PAYMENT_UNKNOWN', undefined, ['id']))
      if (afterSequence !== null && afterSequence < 0) {
        orThrow(refuse('BAD_VALUE', '`afterSequence` is 0 or more', ['afterSequence']))
      }
      const updates = eventStreams.updates(id, afterSequence, async () => {
        const found = await transactionQueries.transaction(context, id)
        return found && isRefund(found) ? found.refund : found
      })
      return withPositions(
        updates,
        (update) => update,
        ({ sequence }) => ({ ordinal: sequence, cursor: String(sequence) }),
      )
    },
    requests({ viewer: { participant } }, kinds) {
      const readWaiting = async () =>
        (await store.waiting([participant])).flatMap(({ _id, status }) => {
          const kind = awaited[status]
          return kind ? [{ kind, transaction: _id }] : []
        })
      return mapStream(
        eventStreams.sent(participant, new Set(kinds), readWaiting),
        async ({ kind, transaction, position }) => {
          const payment = await store.byId.load(transaction as PaymentId)
          return payment && awaited[payment.status] === kind ? { kind, payment, position } : null
        },
      )
    },
  }

  const checkKept = async (position: bigint) => {
    const [next] = await logReader.read(position, 1)
    if (next && next._id !== position + 1n) orThrow(refuse('CURSOR_EXPIRED', undefined, ['after']))
  }
  return transactionQueries
}

/** A place in the log. Its cursor is made when somebody asks for it: signing takes as long as much of an answer. */
class LogStreamPosition implements StreamPosition {
  readonly ordinal: number
  readonly #position: bigint
  readonly #cursors: Cursors
  #cursor: string | null = null

  constructor(position: bigint, cursors: Cursors) {
    this.ordinal = Number(position)
    this.#position = position
    this.#cursors = cursors
  }

  get cursor(): string {
    return (this.#cursor ??= this.#cursors.encode(this.#position))
  }
}

const logPageMax = 1000
