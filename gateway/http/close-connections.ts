// Closes the long-lived connections of a hub that stops.

import { setTimeout as sleep } from 'node:timers/promises'
import { closeSpread } from '../../subgraphs/platform/async/close-spread.ts'

interface ConnectionMethods<Connection> {
  /** Begins to close a connection; its client may take its time to respond. */
  close(connection: Connection): void
  /** Resolves when a connection is closed. */
  closed(connection: Connection): Promise<unknown>
  /** Closes a connection at once. */
  destroy(connection: Connection): void
}

/** A client that does not respond to the closing does not delay the hub for longer. */
const patienceMs = 1_000

/**
 * Closes all `connections`, spread over at most `spreadMs`, and destroys those that are still open a second
 * later.
 */
export async function closeConnections<Connection>(
  connections: readonly Connection[],
  { close, closed, destroy }: ConnectionMethods<Connection>,
  spreadMs: number,
): Promise<void> {
  const allClosed = Promise.all(connections.map(closed))
  await closeSpread(connections, close, spreadMs)
  await Promise.race([allClosed, sleep(patienceMs, undefined, { ref: false })])
  connections.forEach(destroy)
  await allClosed
}
