// The sums of days and months in MongoDB. A sum stores the position of a checkpoint at which it was made: it
// contains every entry up to there. So it is current while no hour of its span has counted a later entry, and
// nothing has to be written when it becomes stale.

import type { AnyBulkWriteOperation } from 'mongodb'
import type { Results } from '../log/checkpoint.ts'
import { inSlices } from '../platform/async/slices.ts'
import type { BlockSum, CounterBlockContent } from './counter-block.ts'

/** `_id` is the name of the sum, "#" and the number of the part. */
interface SumPart extends CounterBlockContent {
  readonly _id: string
  /** How many parts there are; the others have the same `upTo`. */
  readonly parts: number
}

export interface StoredSum {
  /** Every entry up to this position is counted. */
  readonly upTo: bigint
  readonly contents: readonly CounterBlockContent[]
}

export interface SumStore {
  /** The sums with these names, in their order; null where there is none. */
  read(names: readonly string[]): Promise<(StoredSum | null)[]>
  /** The position of each sum, by its name. */
  positions(): Promise<ReadonlyMap<string, bigint>>
  /** Replaces sums, by their names. Whatever order processes write in, what is stored is true. */
  replace(sums: ReadonlyMap<string, BlockSum>, upTo: bigint): Promise<void>
}

export interface SumStoreOptions {
  /** A part has at most this many cells: to read one takes less than a millisecond. */
  readonly cellsMax?: number
}

export const sumsName = 'activitySums'

const byPosition = { upTo: 1, _id: 1 } as const

/** The sums of one epoch. */
export function openSums(results: Results, { cellsMax = 8192 }: SumStoreOptions = {}): SumStore {
  const collection = results.collection<SumPart>(sumsName)
  return {
    async read(names) {
      const found = await collection
        .find({ $or: names.map((name) => ({ _id: partsOf(name) })) }, { promoteBuffers: true, batchSize: 8 })
        .sort({ _id: 1 })
        .toArray()
      const byName = Map.groupBy(found, ({ _id }) => nameOf(_id))
      return names.map((name) => wholeOf(byName.get(name) ?? []))
    },
    async positions() {
      await collection.createIndex(byPosition)
      const found = await collection
        .find({ _id: /#0$/ }, { projection: { upTo: 1 }, hint: byPosition })
        .toArray()
      return new Map(found.map(({ _id, upTo }) => [nameOf(_id), upTo]))
    },
    async replace(sums, upTo) {
      const writes: AnyBulkWriteOperation<SumPart>[] = []
      for (const [name, sum] of sums) {
        const contents = await inSlices(sum.contents(cellsMax))
        const parts = contents.length
        for (const [part, content] of contents.entries()) {
          const replacement = { upTo, parts, ...content }
          writes.push({ replaceOne: { filter: { _id: `${name}#${part}` }, replacement, upsert: true } })
        }
        writes.push({ deleteMany: { filter: { _id: partsOf(name), parts: { $gt: parts } } } })
      }
      // Unordered, it is two commands, and else two for each sum: a sum whose parts differ is not read.
      await collection.bulkWrite(writes, { ordered: false })
    },
  }
}

const nameOf = (id: string): string => id.slice(0, id.lastIndexOf('#'))

const partsOf = (name: string) => ({ $gte: `${name}#`, $lt: `${name}#~` })

/** Null when a part is missing, or was written with others. */
function wholeOf(found: readonly SumPart[]): StoredSum | null {
  const [first] = found
  if (!first) return null
  const contents = found.filter(({ upTo, parts }) => upTo === first.upTo && parts === first.parts)
  return contents.length === first.parts ? { upTo: first.upTo, contents } : null
}
