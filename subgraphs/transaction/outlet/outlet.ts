// The outlet: a projection that publishes the log to a message broker for data teams. Events arrive in
// the order of the log, each once, and the checkpoint moves after it has acknowledged them.

import type { IdempotentProjection, ProjectionOptions } from '../../log/projection.ts'
import { startProjection } from '../../log/projection.ts'
import { cloudEventOf, type OutletEvent } from './cloud-event.ts'

/**
 * A message broker. Every run of the projection begins with `begin`, and what `publish` then gets follows
 * without a gap. Both throw an OutageError while it is away.
 *
 * NATS JetStream is one (`nats.ts`). A Kafka topic of one partition fits as well: `begin` fences other
 * producers by a transactional id and reads the last record, and `publish` is one transaction.
 */
export interface MessageBroker {
  /** Returns the position of the latest event that it has; 0 when it has none. */
  begin(): Promise<bigint>
  /** Appends the events, which are after all that it has; resolves once it has acknowledged all. */
  publish(events: readonly OutletEvent[]): Promise<void>
  /** Ends waiting, and what comes later fails. */
  close(): Promise<void>
}

export const outletProjectionName = 'outlet'

export interface Outlet {
  close(): Promise<void>
}

/** Publishes the log to `broker`, in one process at a time; closes it at the end. */
export function startOutlet(options: ProjectionOptions, broker: MessageBroker, source: string): Outlet {
  const holder = startProjection(options, outletProjection(broker, source))
  return {
    async close() {
      const ended = holder.close()
      await broker.close()
      await ended
    },
  }
}

function outletProjection(broker: MessageBroker, source: string): IdempotentProjection {
  let published = 0n
  return {
    kind: 'idempotent',
    name: outletProjectionName,
    // An event is some 1.5 kB, and the process makes the bodies of a batch in a few milliseconds.
    batchMax: 256,
    gatherMs: () => 20,
    async begin() {
      published = await broker.begin()
    },
    async apply(entries) {
      // The others are acknowledged: the process ended before its checkpoint moved.
      const missing = entries.filter(({ _id }) => _id > published)
      if (missing.length === 0) return
      await broker.publish(missing.map((entry) => cloudEventOf(entry, source)))
      published = missing.at(-1)!._id
    },
  }
}
