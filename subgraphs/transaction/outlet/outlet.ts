// The outlet: a projection that publishes the log to a message broker for data teams. Events arrive in
// the order of the log, each once, and the checkpoint moves after it has acknowledged them.

import type { IdempotentProjection, ProjectionOptions } from '../../log/projection.ts'
import { startProjection } from '../../log/projection.ts'
import type { MessageBroker } from './broker.ts'
import { cloudEventOf } from './cloud-event.ts'

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
