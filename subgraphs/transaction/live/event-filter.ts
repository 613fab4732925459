// Decides which entries of the log a stream delivers.

import type { Filter } from 'mongodb'
import type { LogEntry } from '../../log/entry.ts'

export interface EventFilter {
  matches(entry: LogEntry): boolean
  /** The same test as a MongoDB query. */
  readonly query: Filter<LogEntry>
}
