// Slabs in MongoDB. Whoever counts writes here; whoever answers reads here, in any number of processes.
//
// Exactly once: a slab says up to which log position it has counted, in the same document as its counts, and is written only
// over the state that it was read in. So counting a batch again adds nothing, whether after a crash, after an answer that was
// lost, or beside another process that counts the same. The place in the log (see ../projection.ts) is saved after a batch's
import type { Results } from '../log/checkpoint.ts'

// slabs; it only says where to go on.

import { MongoBulkWriteError, type Collection } from 'mongodb'
import { createLoader } from '../platform/async/batching.ts'
import { monthStart, type Range } from './range.ts'
import { OpenCounterBlock, type CounterBlockContent } from './counter-block.ts'
import type { MerchantId } from '../../schema/values/id.ts'

/** `_id` is the span's name, "#", and the part: a span that fills its slab goes on in the next part. */
type SlabDocument = CounterBlockContent & { readonly _id: string }

/** A slab that is counted into, and how MongoDB has it. */
export interface Draft {
  readonly part: number
  readonly block: OpenCounterBlock
  isNew: boolean
  savedUpTo: bigint
}

/** The slabs of one collection, for who counts. */
export interface BlockStore {
  /** The last part of each span, from `starts` by name: what was saved, or an empty slab. */
  open(starts: ReadonlyMap<string, Date>): Promise<ReadonlyMap<string, Draft>>
  /** Writes those in which something was counted; false when another process has changed one of them: then open anew. */
  save(drafts: ReadonlyMap<string, Draft>): Promise<boolean>
}

export interface ActivityStore {
  readonly hours: BlockStore
  readonly merchants: BlockStore
  /** Hours in which something after `position` has been counted. */
  hoursCountedAfter(position: bigint): Promise<readonly SlabDocument[]>
  /** Slabs of one merchant's months. Calls of all requests in flight are grouped. */
  monthsOf(merchant: MerchantId, range: Range): Promise<readonly CounterBlockContent[]>
}

export const hourName = (start: Date): string => start.toISOString().slice(0, 13)
export const merchantMonthName = (merchant: MerchantId, month: Date): string =>
  `${merchant}#${month.toISOString().slice(0, 7)}`

/** Hours that stay open for the next batch. A merchant's next payment is too far away to wait for. */
const openHoursMax = 48

export interface ActivityStoreOptions {
  /** A part with so many cells or more is not written again: a bound on what one event makes the hub write. */
  readonly cellsMax?: number
}

/** The slabs of one epoch. Open a new one to count after others may have: what is open here would be out of date. */
export async function createActivityStore(
  results: Results,
  options: ActivityStoreOptions = {},
): Promise<ActivityStore> {
  const { hours } = slabsOf(results)
  await hours.createIndex({ upTo: 1 })
  return openActivity(results, options)
}

/** The same for who only reads. */
export function openActivity(
  results: Results,
  { cellsMax = 4096 }: ActivityStoreOptions = {},
): ActivityStore {
  const { hours, merchants } = slabsOf(results)

  const months = createLoader<{ merchant: MerchantId; range: Range }, readonly CounterBlockContent[]>({
    key: ({ merchant, range }) => `${range.from} ${range.to} ${merchant}`,
    load: async (asked) => {
      const found = await merchants
        .find({ $or: asked.map(monthsBetween) }, { promoteBuffers: true })
        .sort({ _id: 1 })
        .toArray()
      const byMerchant = Map.groupBy(found, ({ _id }) => _id.replace(/#[^#]*#[^#]*$/, ''))
      // More months than a caller asked for do no harm: questions look at the range.
      return asked.map(({ merchant }) => byMerchant.get(merchant) ?? [])
    },
  })

  return {
    hours: shelf(hours, cellsMax, openHoursMax),
    merchants: shelf(merchants, cellsMax, 0),
    hoursCountedAfter: (position) =>
      hours.find({ upTo: { $gt: position } }, { promoteBuffers: true }).toArray(),
    monthsOf: async (merchant, range) => (await months.load({ merchant, range })) ?? [],
  }
}

const slabsOf = ({ collection }: Results) => ({
  hours: collection<SlabDocument>('activityHours'),
  merchants: collection<SlabDocument>('activityMerchants'),
})

const monthsBetween = ({ merchant, range }: { readonly merchant: MerchantId; readonly range: Range }) => ({
  _id: {
    $gte: `${merchantMonthName(merchant, new Date(monthStart(range.from)))}#`,
    $lt: `${merchantMonthName(merchant, new Date(range.to))}#~`,
  },
})

function shelf(collection: Collection<SlabDocument>, cellsMax: number, keepOpen: number): BlockStore {
  const opened = new Map<string, Draft>()

  return {
    async open(starts) {
      const drafts = new Map<string, Draft>()
      for (const name of starts.keys()) if (opened.has(name)) drafts.set(name, opened.get(name)!)
      for (;;) {
        // The first part of what is not open yet; the next part where one is full, from what that one has counted.
        const wanted = [...starts].flatMap(([name, start]) => {
          const { part, block } = drafts.get(name) ?? { part: -1 }
          if (block && block.size < cellsMax) return []
          return { name, start, part: part + 1, upTo: block?.upTo ?? 0n }
        })
        if (wanted.length === 0) return drafts
        const ids = wanted.map(({ name, part }) => partName(name, part))
        const found = await collection.find({ _id: { $in: ids } }, { promoteBuffers: true }).toArray()
        const byId = new Map(found.map((document) => [document._id, document]))
        for (const { name, start, part, upTo } of wanted) {
          const content = byId.get(partName(name, part))
          const block = new OpenCounterBlock(content ?? { start, upTo })
          drafts.set(name, { part, block, isNew: !content, savedUpTo: block.upTo })
        }
      }
    },

    async save(drafts) {
      const changed = [...drafts].filter(([, { block, savedUpTo }]) => block.upTo !== savedUpTo)
      if (changed.length > 0 && !(await write(collection, changed))) {
        opened.clear()
        return false
      }
      for (const [name, draft] of changed) {
        draft.isNew = false
        draft.savedUpTo = draft.block.upTo
        opened.delete(name)
        opened.set(name, draft)
      }
      for (const name of opened.keys()) {
        if (opened.size <= keepOpen) break
        opened.delete(name)
      }
      return true
    },
  }
}

const partName = (name: string, part: number): string => `${name}#${part}`

async function write(
  collection: Collection<SlabDocument>,
  drafts: readonly (readonly [string, Draft])[],
): Promise<boolean> {
  const operations = drafts.map(([name, { part, block, isNew, savedUpTo }]) => {
    const content = block.content()
    const _id = partName(name, part)
    return isNew
      ? { insertOne: { document: { _id, ...content } } }
      : { replaceOne: { filter: { _id, upTo: savedUpTo }, replacement: content } }
  })
  try {
    const { insertedCount, matchedCount } = await collection.bulkWrite(operations, { ordered: false })
    return insertedCount + matchedCount === operations.length
  } catch (error) {
    // Somebody else has made one of the new slabs.
    if (error instanceof MongoBulkWriteError && error.code === 11_000) return false
    throw error
  }
}
