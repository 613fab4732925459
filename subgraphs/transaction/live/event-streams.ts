// The live streams over the log: of events, of the updates of one transaction, and of requests to a
// counterparty.

import type { ParticipantId, PaymentId, TransactionId } from '../../../schema/values/id.ts'
import { ProblemError, refuse } from '../../../schema/values/problems.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { LogEntry, StepKind, TransactionStatus } from '../../log/entry.ts'
import type { LogReader } from '../../log/reader.ts'
import type { Positioned } from '../../platform/async/resumable-stream.ts'
import type { Visibility } from '../../shared/access.ts'
import { requestOf, type RequestKind } from '../payment/counterparty-request.ts'
import { isFinal } from '../payment/lifecycle.ts'
import type { PaymentEvent } from '../payment/payment.ts'
import { openBacklogStream, type BacklogSource, type BacklogStream } from '../../shared/backlog-stream.ts'
import { EntryListeners } from './entry-listeners.ts'
import type { EventFilter } from './event-filter.ts'

/**
 * An entry and its position, or null and the position up to which the stream has advanced without an entry.
 */
export type PositionedEntry = Positioned<LogEntry | null, bigint>

/** The status of one transaction after one of its events. */
export interface TransactionUpdate {
  readonly transaction: TransactionId
  readonly sequence: number
  readonly at: Date
  readonly kind: StepKind
  readonly from: TransactionStatus | null
  readonly to: TransactionStatus
  readonly reason: ReasonCode | null
}

/** A request to a counterparty. At `position` of the log the request had been sent. */
export interface SentRequest {
  readonly kind: RequestKind
  readonly payment: PaymentId
  readonly position: bigint
}

export interface EventStreams {
  /**
   * Delivers matching events after position `after`, then live ones. A null entry reports that the stream has
   * caught up, and later at intervals that the log has advanced without a matching event. `next` throws
   * CURSOR_EXPIRED when the log no longer holds the entries after `after`.
   */
  events(filter: EventFilter, visibility: Visibility, after: bigint): BacklogStream<PositionedEntry>
  /**
   * Delivers the present status of a transaction and then each update, or each update after `afterSequence`.
   * Ends after a final status, and at once when `read` finds no transaction.
   */
  updates(
    id: TransactionId,
    afterSequence: number | null,
    read: ReadTransaction,
  ): BacklogStream<TransactionUpdate>
  /**
   * Delivers the requests that `readPending` finds, then live ones to `counterparty`. Some may be answered by
   * then.
   */
  sent(
    counterparty: ParticipantId,
    kinds: ReadonlySet<RequestKind>,
    readPending: ReadPending,
  ): BacklogStream<SentRequest>
  /** True while this process delivers requests to `counterparty`. */
  isListening(counterparty: ParticipantId): boolean
  close(): void
}

type ReadTransaction = () => Promise<{
  readonly status: TransactionStatus
  readonly events: readonly PaymentEvent[]
} | null>

type ReadPending = () => Promise<readonly Omit<SentRequest, 'position'>[]>

export interface EventStreamOptions {
  /** How often the position of a stream without events is reported. */
  readonly checkpointMs?: number
}

interface Dependencies {
  readonly logReader: LogReader
  readonly listeners: EntryListeners
  /** Called every `checkpointMs`: one timer serves all streams. */
  readonly onCheckpoint: Set<() => void>
  /** Streams of requests, by counterparty. */
  readonly listening: Map<ParticipantId, number>
}

export function openEventStreams(logReader: LogReader, options: EventStreamOptions = {}): EventStreams {
  const { checkpointMs = 5_000 } = options
  const listeners = new EntryListeners()
  const onCheckpoint = new Set<() => void>()
  const listening = new Map<ParticipantId, number>()
  const dependencies: Dependencies = { logReader, listeners, onCheckpoint, listening }
  const unsubscribe = logReader.subscribe((entries) => listeners.notify(entries))
  const timer = setInterval(() => onCheckpoint.forEach((report) => report()), checkpointMs).unref()

  return {
    events: (filter, visibility, after) =>
      openBacklogStream(eventSource(dependencies, filter, visibility, after)),
    updates: (id, afterSequence, read) =>
      openBacklogStream(updateSource(dependencies, id, afterSequence, read)),
    sent: (counterparty, kinds, readPending) =>
      openBacklogStream(requestSource(dependencies, counterparty, kinds, readPending)),
    isListening: (counterparty) => listening.has(counterparty),
    close() {
      clearInterval(timer)
      unsubscribe()
    },
  }
}

function eventSource(
  { logReader, listeners, onCheckpoint }: Dependencies,
  filter: EventFilter,
  visibility: Visibility,
  after: bigint,
): BacklogSource<PositionedEntry> {
  let delivered = after
  let readTo = after
  return {
    async refill(backlog) {
      if (readTo < delivered) readTo = delivered
      // No `await` between this check and going live, so no entry is missed in between.
      if (readTo >= logReader.tip()) {
        backlog.goLive()
        return [{ position: readTo, value: null }]
      }
      const entries = await logReader.read(readTo, pageMax, { forClient: true })
      if (entries[0]?._id !== readTo + 1n)
        throw new ProblemError(refuse('CURSOR_EXPIRED', undefined, ['after']))
      readTo = entries.at(-1)!._id
      return entries.filter(filter.matches).map(positioned)
    },
    subscribe(backlog) {
      const reportPosition = () => {
        const position = logReader.tip()
        if (position > delivered) backlog.push({ position, value: null })
      }
      const push = (entry: LogEntry) => void (filter.matches(entry) && backlog.push(positioned(entry)))
      const remove = listeners.addVisible(visibility, push)
      onCheckpoint.add(reportPosition)
      return () => {
        onCheckpoint.delete(reportPosition)
        remove()
      }
    },
    accept({ position, value }) {
      if (position < delivered || (value !== null && position === delivered)) return false
      delivered = position
      return true
    },
    onOverflow: ({ position }) => {
      readTo = position - 1n
    },
  }
}

/** A stream that is behind reads, and holds, at most this many entries at a time. */
const pageMax = 512

const positioned = (entry: LogEntry): PositionedEntry => ({ value: entry, position: entry._id })

function updateSource(
  { listeners }: Dependencies,
  id: TransactionId,
  afterSequence: number | null,
  read: ReadTransaction,
): BacklogSource<TransactionUpdate> {
  let delivered = afterSequence
  const updateOf = (event: PaymentEvent | LogEntry): TransactionUpdate => {
    const { sequence, at, kind, from, to, reason } = event
    return { transaction: id, sequence, at, kind, from, to, reason }
  }
  return {
    // The document is ahead of the log, so it is read after going live, and events that the log repeats are
    // not accepted.
    async refill(backlog) {
      backlog.goLive()
      const found = await read()
      if (!found) return null
      const from = delivered ?? found.events.length - 1
      const events = found.events.filter(({ sequence }) => sequence > from)
      return events.length === 0 && isFinal(found.status) ? null : events.map(updateOf)
    },
    subscribe: (backlog) => listeners.addTransaction(id, (entry) => backlog.push(updateOf(entry))),
    accept: ({ sequence }) => {
      if (sequence <= (delivered ?? 0)) return false
      delivered = sequence
      return true
    },
    isLast: ({ to }) => isFinal(to),
  }
}

function requestSource(
  { logReader, listeners, listening }: Dependencies,
  counterparty: ParticipantId,
  kinds: ReadonlySet<RequestKind>,
  readPending: ReadPending,
): BacklogSource<SentRequest> {
  // The latest delivered position of each request: a request that is sent again is delivered again.
  const delivered = new Map<string, bigint>()
  const keyOf = ({ kind, payment }: Omit<SentRequest, 'position'>) => `${kind} ${payment}`
  return {
    async refill(backlog) {
      backlog.goLive()
      const position = logReader.tip()
      const pending = await readPending()
      const pendingKeys = new Set(pending.map(keyOf))
      for (const key of delivered.keys()) if (!pendingKeys.has(key)) delivered.delete(key)
      return pending.filter(({ kind }) => kinds.has(kind)).map((request) => ({ ...request, position }))
    },
    subscribe(backlog) {
      const remove = listeners.addParty(counterparty, (entry) => {
        const request = requestOf(entry)
        if (request?.counterparty !== counterparty || !kinds.has(request.kind)) return
        backlog.push({ kind: request.kind, payment: request.payment, position: entry._id })
      })
      listening.set(counterparty, (listening.get(counterparty) ?? 0) + 1)
      return () => {
        remove()
        const rest = listening.get(counterparty)! - 1
        if (rest > 0) listening.set(counterparty, rest)
        else listening.delete(counterparty)
      }
    },
    accept: (request) => {
      const key = keyOf(request)
      const before = delivered.get(key)
      // An authorization is sent once; each inquiry or reversal has a position of its own.
      if (before !== undefined && (request.kind === 'AUTHORIZE' || request.position <= before)) return false
      delivered.set(key, request.position)
      if (delivered.size > deliveredMax) delivered.delete(delivered.keys().next().value!)
      return true
    },
  }
}

/** A request is found both in the documents and in the log; at most this many are remembered as delivered. */
const deliveredMax = 10_000
