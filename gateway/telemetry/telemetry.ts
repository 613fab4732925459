// What a process measures of its operations and of the calls of its subgraphs.

import type { SubgraphConnection } from '../supergraph/connection.ts'
import { CallStats, counted } from './call-stats.ts'

export interface Telemetry {
  readonly operations: CallStats
  /** The connection, counted and traced. */
  observe<Connection extends SubgraphConnection>(connection: Connection): Connection
  /** All counts in Prometheus’ text format. */
  text(): string
}

export function createTelemetry(): Telemetry {
  const operations = new CallStats(
    'operation',
    'operation',
    'Seconds to run a query or mutation, by the name of the operation; "other" counts for all after 100 names.',
  )
  const subgraphs = new CallStats('subgraph', 'subgraph', 'Seconds of a call of a subgraph.')
  return {
    operations,
    observe: (connection) => counted(connection, subgraphs),
    text: () => operations.text() + subgraphs.text(),
  }
}

/** Whether a response of the engine has errors: they are its last member, and a list. */
export const endsWithErrors = (response: Buffer): boolean => response.at(-2) === ']'.charCodeAt(0)

/** The name under which an operation without one is counted. */
export const unnamed = 'anonymous'
