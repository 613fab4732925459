// Counts of the matches of a list. A count is made when a client reads it, and once for a page.

import type { Collection, Document, Filter } from 'mongodb'
import { readForClient } from '../platform/mongo/client-reads.ts'

/** A number of matches, and whether it is exact. */
export interface Count {
  readonly value: number
  readonly kind: 'EXACT' | 'AT_LEAST' | 'ESTIMATED'
}

/** A page whose matches can be counted. */
export interface Counted {
  readonly count: () => Promise<Count>
}

/** Makes a count at most once. */
export function countOnce(read: () => Promise<Count>): () => Promise<Count> {
  let made: Promise<Count> | null = null
  return () => (made ??= read())
}

/** The most matches that a count reads. */
export const countMax = 10_000

/** Counts matches of an indexed filter, and stops at `countMax`. */
export const countUpTo = <Row extends Document>(
  collection: Collection<Row>,
  filter: Filter<Row>,
): (() => Promise<Count>) =>
  countOnce(async () => {
    const read = () => collection.countDocuments(filter, { limit: countMax + 1 })
    const value = await readForClient(collection.db, 'list', read)
    return value > countMax ? { value: countMax, kind: 'AT_LEAST' } : { value, kind: 'EXACT' }
  })

/** Resolvers of a connection with a count. */
export const countFields = {
  totalCount: async ({ count }: Counted) => (await count()).value,
  totalCountKind: async ({ count }: Counted) => (await count()).kind,
}
