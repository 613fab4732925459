// The log as a viewer reads it: a page at a time, or as a stream that can be resumed by cursor.

import { orThrow, refuse } from '../../../schema/values/problems.ts'
import type { LogEntry } from '../../log/entry.ts'
import type { LogReader } from '../../log/reader.ts'
import type { ResumableStream, StreamPosition } from '../../platform/async/resumable-stream.ts'
import { visibilityOf } from '../../shared/access.ts'
import type { Registry } from '../../shared/registry.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import { withPositions } from '../../shared/backlog-stream.ts'
import { demandFirst } from '../../shared/page.ts'
import type { EventStreams } from '../live/event-streams.ts'
import type { Cursors } from '../../shared/cursor.ts'
import { eventFilter, type TransactionEventFilterInput } from './transaction-filter.ts'

export interface LogPage {
  readonly events: readonly LogEntry[]
  readonly endCursor: string | null
  readonly hasMore: boolean
}

export interface LogArguments {
  readonly where?: TransactionEventFilterInput | null
  readonly after?: string | null
}

export interface LogQueryDependencies {
  readonly registry: Registry
  readonly logReader: LogReader
  readonly eventStreams: EventStreams
  readonly cursors: Cursors
}

const pageMax = 1000

export async function readLogPage(
  { registry, logReader, cursors }: LogQueryDependencies,
  context: RequestContext,
  { where, after, first }: LogArguments & { readonly first: number },
): Promise<LogPage> {
  demandFirst(first, pageMax)
  const filter = orThrow(eventFilter(where, visibilityOf(context, registry)))
  const start = after ? orThrow(cursors.decode(after)) : 0n
  const tip = logReader.tip()
  if (start >= tip) return { events: [], endCursor: after ?? null, hasMore: false }
  if (after) await checkRetained(logReader, start)
  const signal = context.deadline?.signal
  const found = await logReader.find(filter.query, { after: start, upTo: tip, max: first + 1, signal })
  const events = found.slice(0, first)
  const hasMore = found.length > first
  // No other entry up to the tip matches, so the next call starts there.
  const end = hasMore ? events.at(-1)!._id : tip
  return { events, endCursor: cursors.encode(end), hasMore }
}

export async function followEvents(
  { registry, logReader, eventStreams, cursors }: LogQueryDependencies,
  context: RequestContext,
  { where, after }: LogArguments,
): Promise<ResumableStream<LogEntry>> {
  const visibility = visibilityOf(context, registry)
  const filter = orThrow(eventFilter(where, visibility))
  const start = after ? orThrow(cursors.decode(after)) : logReader.tip()
  await checkRetained(logReader, start)
  return withPositions(
    eventStreams.events(filter, visibility, start),
    ({ value }) => value,
    ({ position }) => new LogStreamPosition(position, cursors),
  )
}

/** Throws CURSOR_EXPIRED when the log no longer holds the entry after `position`. */
async function checkRetained(logReader: LogReader, position: bigint): Promise<void> {
  const [next] = await logReader.read(position, 1)
  if (next && next._id !== position + 1n) orThrow(refuse('CURSOR_EXPIRED', undefined, ['after']))
}

/**
 * A position in the log. Its cursor is signed on first use, because signing takes as long as much of a
 * response.
 */
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
