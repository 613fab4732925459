// Who hears of which event at once. Subscribers are found by the parties of a payment and by its id, never by asking each.

import { ProblemError, refuse } from '../../../schema/values/problems.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { Visibility } from '../../shared/access.ts'
import type { LogReader } from '../../log/reader.ts'
import { isFinal } from '../payment/lifecycle.ts'
import type { PaymentEvent } from '../payment/payment.ts'
import type { LogEntry, StepKind, TransactionStatus } from '../../log/entry.ts'
import type { EventFilter } from './event-filter.ts'
import { requestOf, type RequestKind } from '../payment/counterparty-request.ts'
import type { Positioned } from '../../platform/async/resumable-stream.ts'
import { openBacklogStream, type BacklogStream } from './backlog-stream.ts'
import type { CorridorId, ParticipantId, TransactionId } from '../../../schema/values/id.ts'

/** A step of an event stream: the entry at `position`, or null when the stream has advanced to `position` without one. */
export type LogStep = Positioned<LogEntry | null, bigint>

/** Where a followed transaction stands, or one move of it. */
export interface TransactionUpdate {
  readonly transaction: TransactionId
  readonly sequence: number
  readonly at: Date
  readonly kind: StepKind
  readonly from: TransactionStatus | null
  readonly to: TransactionStatus
  readonly reason: ReasonCode | null
}

/** A request to a counterparty; `position` is a place in the log by which it was sent. */
export interface SentRequest {
  readonly kind: RequestKind
  readonly transaction: TransactionId
  readonly position: bigint
}

export interface EventStreams {
  /**
   * Events after position `after` that match, then those that come. A step without an entry comes when the stream has
   * caught up, and every few seconds in which others' events alone have moved the log on.
   */
  events(filter: EventFilter, visibility: Visibility, after: bigint): BacklogStream<LogStep>
  /**
   * Where a transaction stands, then each move; or each move after `afterSequence`. `read` reads the transaction and gives
   * null when there is none.
   */
  updates(id: TransactionId, afterSequence: number | null, read: ReadEvents): BacklogStream<TransactionUpdate>
  /** Requests that `readWaiting` gives, then those that are sent to `counterparty`: some may have been answered meanwhile. */
  sent(
    counterparty: ParticipantId,
    kinds: ReadonlySet<RequestKind>,
    readWaiting: () => Promise<readonly Omit<SentRequest, 'position'>[]>,
  ): BacklogStream<SentRequest>
  close(): void
}

type ReadEvents = () => Promise<{
  readonly status: TransactionStatus
  readonly events: readonly PaymentEvent[]
} | null>
type Listener = (entry: LogEntry) => void

export function createEventStreams(
  logReader: LogReader,
  { checkpointMs = 5_000 }: { readonly checkpointMs?: number } = {},
): EventStreams {
  const checkpoints = new Set<() => void>()
  // One timer for all streams.
  const checking = setInterval(() => checkpoints.forEach((tell) => tell()), checkpointMs).unref()
  const all = new Set<Listener>()
  const by = {
    wallet: new Listeners<ParticipantId>(),
    acquirer: new Listeners<ParticipantId>(),
    corridor: new Listeners<CorridorId>(),
    transaction: new Listeners<TransactionId>(),
  }
  const stop = logReader.subscribe((entries) => {
    for (const entry of entries) {
      for (const listener of all) listener(entry)
      by.wallet.tell(entry.payment.wallet, entry)
      by.acquirer.tell(entry.payment.acquirer, entry)
      by.corridor.tell(entry.payment.corridor, entry)
      by.transaction.tell(entry.transaction, entry)
    }
  })

  /** Registers for what `visibility` takes in. A listener may be told of an entry more than once. */
  const listen = (visibility: Visibility, listener: Listener): (() => void) => {
    if (visibility.kind === 'all') {
      all.add(listener)
      return () => all.delete(listener)
    }
    const { wallet, acquirer, corridors } = visibility
    const leaving = [
      wallet === null ? null : by.wallet.add(wallet, listener),
      acquirer === null ? null : by.acquirer.add(acquirer, listener),
      ...[...corridors].map((corridor) => by.corridor.add(corridor, listener)),
    ]
    return () => leaving.forEach((leave) => leave?.())
  }

  return {
    events(filter, visibility, after) {
      let taken = after
      let readTo = after
      return openBacklogStream<LogStep>({
        async refill(seat) {
          if (readTo < taken) readTo = taken
          // No await between this look and the attaching: nothing can come in between.
          if (readTo >= logReader.tip()) {
            seat.attach()
            return [{ position: readTo, value: null }]
          }
          const entries = await logReader.read(readTo, pageMax)
          if (entries[0]?._id !== readTo + 1n)
            throw new ProblemError(refuse('CURSOR_EXPIRED', undefined, ['after']))
          readTo = entries.at(-1)!._id
          return entries.filter(filter.matches).map(stepOf)
        },
        attach(seat) {
          const tell = () => {
            const position = logReader.tip()
            if (position > taken) seat.push({ position, value: null })
          }
          const push = (entry: LogEntry) => void (filter.matches(entry) && seat.push(stepOf(entry)))
          const leave = listen(visibility, push)
          checkpoints.add(tell)
          return () => {
            checkpoints.delete(tell)
            leave()
          }
        },
        take({ position, value }) {
          if (position < taken || (value !== null && position === taken)) return false
          taken = position
          return true
        },
        fellBehind: ({ position }) => {
          readTo = position - 1n
        },
      })
    },

    updates(id, afterSequence, read) {
      let taken = afterSequence
      const updateOf = (event: PaymentEvent | LogEntry): TransactionUpdate => {
        const { sequence, at, kind, from, to, reason } = event
        return { transaction: id, sequence, at, kind, from, to, reason }
      }
      return openBacklogStream<TransactionUpdate>({
        // The document is ahead of the log, so it is read after attaching, and what the log repeats is not taken.
        async refill(seat) {
          seat.attach()
          const found = await read()
          if (!found) return null
          const from = taken ?? found.events.length - 1
          const events = found.events.filter(({ sequence }) => sequence > from)
          return events.length === 0 && isFinal(found.status) ? null : events.map(updateOf)
        },
        attach: (seat) => by.transaction.add(id, (entry) => seat.push(updateOf(entry))),
        take: ({ sequence }) => {
          if (sequence <= (taken ?? 0)) return false
          taken = sequence
          return true
        },
        isLast: ({ to }) => isFinal(to),
      })
    },

    sent(counterparty, kinds, readWaiting) {
      // By what was asked, and how often: what is asked again is delivered again.
      const delivered = new Map<string, bigint>()
      const nameOf = ({ kind, transaction }: Omit<SentRequest, 'position'>) => `${kind} ${transaction}`
      return openBacklogStream<SentRequest>({
        async refill(seat) {
          seat.attach()
          const position = logReader.tip()
          const waiting = await readWaiting()
          const still = new Set(waiting.map(nameOf))
          for (const name of delivered.keys()) if (!still.has(name)) delivered.delete(name)
          return waiting.filter(({ kind }) => kinds.has(kind)).map((request) => ({ ...request, position }))
        },
        attach: (seat) => {
          const push = (entry: LogEntry) => {
            const request = requestOf(entry)
            if (request?.counterparty !== counterparty || !kinds.has(request.kind)) return
            seat.push({ kind: request.kind, transaction: entry.transaction, position: entry._id })
          }
          const leaving = [by.acquirer.add(counterparty, push), by.wallet.add(counterparty, push)]
          return () => leaving.forEach((leave) => leave())
        },
        take: (request) => {
          const name = nameOf(request)
          const known = delivered.get(name)
          // An authorization is sent once; an inquiry or a reversal has a place of its own each time.
          if (known !== undefined && (request.kind === 'AUTHORIZE' || request.position <= known)) return false
          delivered.set(name, request.position)
          if (delivered.size > deliveredMax) delivered.delete(delivered.keys().next().value!)
          return true
        },
      })
    },

    close() {
      clearInterval(checking)
      stop()
    },
  }
}

/** Entries read at a time by a stream that is behind: so many are all that it holds. */
const pageMax = 512
/** So many delivered requests are known, lest a request come twice: from the documents and from the log. */
const deliveredMax = 10_000

const stepOf = (entry: LogEntry): LogStep => ({ value: entry, position: entry._id })

/** Listeners by some id. */
class Listeners<Id extends string> {
  readonly #byId = new Map<Id, Set<Listener>>()

  add(id: Id, listener: Listener): () => void {
    const known = this.#byId.get(id)
    const listeners = known ?? new Set()
    if (!known) this.#byId.set(id, listeners)
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#byId.get(id) === listeners) this.#byId.delete(id)
    }
  }

  tell(id: Id, entry: LogEntry): void {
    for (const listener of this.#byId.get(id) ?? none) listener(entry)
  }
}

const none: readonly Listener[] = []
