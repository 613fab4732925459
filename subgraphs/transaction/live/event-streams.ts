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
import { openStream, type Stream } from './backlog-stream.ts'

/** What a stream of events gives: an entry, or how far it has come without one. */
export interface LogStep {
  /** Everything that was asked for up to this position has been given. */
  readonly position: bigint
  /** The entry at `position`; null when it is not asked for, or is none in particular. */
  readonly entry: LogEntry | null
}

/** Where a followed transaction stands, or one move of it. */
export interface TransactionUpdate {
  readonly transaction: string
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
  readonly transaction: string
  readonly position: bigint
}

export interface Live {
  /**
   * Events after position `after` that match, then those that come. A step without an entry comes when the stream has
   * caught up, and every few seconds in which others' events alone have moved the log on.
   */
  events(filter: EventFilter, visibility: Visibility, after: bigint): Stream<LogStep>
  /**
   * Where a transaction stands, then each move; or each move after `afterSequence`. `read` reads the transaction and gives
   * null when there is none.
   */
  updates(id: string, afterSequence: number | null, read: ReadEvents): Stream<TransactionUpdate>
  /** Requests that `readWaiting` gives, then those that are sent to `counterparty`: some may have been answered meanwhile. */
  sent(
    counterparty: string,
    kinds: ReadonlySet<RequestKind>,
    readWaiting: () => Promise<readonly Omit<SentRequest, 'position'>[]>,
  ): Stream<SentRequest>
  close(): void
}

type ReadEvents = () => Promise<{
  readonly status: TransactionStatus
  readonly events: readonly PaymentEvent[]
} | null>
type Listener = (entry: LogEntry) => void

export function createLive(
  reader: LogReader,
  { checkpointMs = 5_000 }: { readonly checkpointMs?: number } = {},
): Live {
  const checkpoints = new Set<() => void>()
  // One timer for all streams.
  const checking = setInterval(() => checkpoints.forEach((tell) => tell()), checkpointMs).unref()
  const all = new Set<Listener>()
  const by = {
    wallet: new Listeners(),
    acquirer: new Listeners(),
    corridor: new Listeners(),
    transaction: new Listeners(),
  }
  const stop = reader.subscribe((entries) => {
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
      return openStream<LogStep>({
        async refill(seat) {
          if (readTo < taken) readTo = taken
          // No await between this look and the attaching: nothing can come in between.
          if (readTo >= reader.tip()) {
            seat.attach()
            return [{ position: readTo, entry: null }]
          }
          const entries = await reader.read(readTo, pageMax)
          if (entries[0]?._id !== readTo + 1n)
            throw new ProblemError(refuse('CURSOR_EXPIRED', undefined, ['after']))
          readTo = entries.at(-1)!._id
          return entries.filter(filter.matches).map(stepOf)
        },
        attach(seat) {
          const tell = () => {
            const position = reader.tip()
            if (position > taken) seat.push({ position, entry: null })
          }
          const push = (entry: LogEntry) => void (filter.matches(entry) && seat.push(stepOf(entry)))
          const leave = listen(visibility, push)
          checkpoints.add(tell)
          return () => {
            checkpoints.delete(tell)
            leave()
          }
        },
        take({ position, entry }) {
          if (position < taken || (entry !== null && position === taken)) return false
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
      return openStream<TransactionUpdate>({
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
      return openStream<SentRequest>({
        async refill(seat) {
          seat.attach()
          const position = reader.tip()
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

const stepOf = (entry: LogEntry): LogStep => ({ position: entry._id, entry })

/** Listeners by some id. */
class Listeners {
  readonly #byId = new Map<string, Set<Listener>>()

  add(id: string, listener: Listener): () => void {
    const known = this.#byId.get(id)
    const listeners = known ?? new Set()
    if (!known) this.#byId.set(id, listeners)
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#byId.get(id) === listeners) this.#byId.delete(id)
    }
  }

  tell(id: string, entry: LogEntry): void {
    for (const listener of this.#byId.get(id) ?? none) listener(entry)
  }
}

const none: readonly Listener[] = []
