// Counter blocks in MongoDB. The projection writes them; any number of processes read them.
//
// Exactly once: a block stores its counts and the position of the last entry counted in one document, and is
// replaced only if that position is still the one that was read. So a batch that is counted again adds
// nothing, be it after a crash, after a lost reply or by a second process. The projection's checkpoint is
// stored after the blocks of a batch and only marks where to resume.

import type { Collection } from 'mongodb'
import type { MerchantId, ParticipantId } from '../../schema/values/id.ts'
import type { Results } from '../log/checkpoint.ts'
import { createLoader } from '../platform/async/batching.ts'
import { isDuplicateKey } from '../platform/mongo/errors.ts'
import { OpenCounterBlock, type CounterBlockContent } from './counter-block.ts'
import { monthStart, type Range } from './range.ts'

/**
 * `_id` is the name of the span, "#" and the number of the part: a span whose block is full continues in the
 * next part.
 */
export type StoredBlock = CounterBlockContent & { readonly _id: string }

/** A block to count into, and its state in MongoDB. */
export interface OpenedBlock {
  /** 0, 1, 2 … within the span. */
  readonly part: number
  readonly block: OpenCounterBlock
  isNew: boolean
  savedUpTo: bigint
}

/** The blocks of one collection, for the projection. */
export interface BlockStore {
  /**
   * Opens the last part of each span; `starts` has the spans by name. A span without a block gets an empty
   * one.
   */
  open(starts: ReadonlyMap<string, Date>): Promise<ReadonlyMap<string, OpenedBlock>>
  /**
   * Writes the blocks that were counted into; false when another process has changed one of them: then open
   * them again.
   */
  save(blocks: ReadonlyMap<string, OpenedBlock>): Promise<boolean>
}

export interface ActivityStore {
  readonly hours: BlockStore
  readonly merchants: BlockStore
  /** The last entry that is counted in each day of UTC, by its start, where it is after `position`. */
  daysCountedAfter(position: bigint): Promise<ReadonlyMap<number, bigint>>
  /** The blocks of the hours in a range, newest first, where an entry after `position` has been counted. */
  hoursIn(range: Range, position?: bigint): AsyncIterable<StoredBlock>
  /** Blocks of merchants' months, in order of merchant and month. */
  merchantsAfter(page: MerchantBlocksPage): Promise<readonly MerchantBlock[]>
  /**
   * Blocks of one merchant's months that overlap `range`, and possibly more. Concurrent calls share one read.
   */
  monthsOf(merchant: MerchantId, range: Range): Promise<readonly CounterBlockContent[]>
}

export interface MerchantBlocksPage {
  /** Null: the merchants of all acquirers. */
  readonly acquirer: ParticipantId | null
  readonly after: MerchantId | null
  /** Months that begin earlier are left out. */
  readonly from: number
  readonly max: number
}

/** A block of a merchant's month. */
export type MerchantBlock = StoredBlock

/** The merchant of a block: its name without the month and the part. */
export const merchantOfBlock = ({ _id }: MerchantBlock): MerchantId =>
  _id.replace(/#[^#]*#[^#]*$/, '') as MerchantId

export const hourName = (start: Date): string => start.toISOString().slice(0, 13)
export const monthName = (start: Date): string => start.toISOString().slice(0, 7)
/** `month` is the name of the month. */
export const merchantMonthName = (merchant: MerchantId, month: string): string => `${merchant}#${month}`

/**
 * Hours kept open for the next batch. Months of merchants are not: the next payment of one merchant is mostly
 * far away.
 */
const openHoursMax = 48

export interface ActivityStoreOptions {
  /** A part with this many cells and tallies is full: a bound on what one entry makes the hub write. */
  readonly cellsMax?: number
}

/** Opens the blocks of one epoch for counting. Open a new store after another process may have counted. */
export async function createActivityStore(
  results: Results,
  options: ActivityStoreOptions = {},
): Promise<ActivityStore> {
  const { hours } = blocksOf(results)
  await hours.createIndex(byChange)
  return openActivity(results, options)
}

/** Opens the blocks of one epoch without making indexes: enough for reading. */
export function openActivity(
  results: Results,
  { cellsMax = 4096 }: ActivityStoreOptions = {},
): ActivityStore {
  const { hours, merchants } = blocksOf(results)
  const months = createLoader<MonthsRequest, readonly CounterBlockContent[]>({
    key: ({ merchant, range }) => `${range.from} ${range.to} ${merchant}`,
    load: (requests) => readMonths(merchants, requests),
  })
  return {
    hours: createBlockStore(hours, cellsMax, openHoursMax),
    merchants: createBlockStore(merchants, cellsMax, 0),
    daysCountedAfter: (position) => readDays(hours, position),
    hoursIn: (range, position = 0n) => readHours(hours, range, position),
    merchantsAfter: ({ acquirer, after, from, max }) => {
      const lower = after === null ? (acquirer === null ? '' : `${acquirer}.`) : `${after}#~`
      // "/" is the character after ".", so the ids of an acquirer's merchants lie between the two.
      const upper = acquirer === null ? {} : { $lt: `${acquirer}/` }
      const filter = { _id: { $gte: lower, ...upper }, start: { $gte: new Date(from) } }
      return merchants.find(filter, { sort: { _id: 1 }, limit: max, promoteBuffers: true }).toArray()
    },
    monthsOf: async (merchant, range) => (await months.load({ merchant, range })) ?? [],
  }
}

/** The collections of the blocks of one epoch. */
export const blocksOf = ({ collection }: Results) => ({
  hours: collection<StoredBlock>('activityHours'),
  merchants: collection<StoredBlock>('activityMerchants'),
})

/** Has all that is read of the hours to find what has changed. */
const byChange = { upTo: 1, _id: 1 } as const

async function readDays(
  hours: Collection<StoredBlock>,
  position: bigint,
): Promise<ReadonlyMap<number, bigint>> {
  const day = { $substrBytes: ['$_id', 0, 'YYYY-MM-DD'.length] }
  const found = await hours
    .aggregate<{ readonly _id: string; readonly last: bigint }>([
      { $match: { upTo: { $gt: position } } },
      { $group: { _id: day, last: { $max: '$upTo' } } },
    ])
    .toArray()
  return new Map(found.map(({ _id, last }) => [Date.parse(_id), last]))
}

/** In replies of at most this many blocks: to read one takes less than a millisecond. */
const hoursEach = 24

const readHours = (
  hours: Collection<StoredBlock>,
  { from, to }: Range,
  position: bigint,
): AsyncIterable<StoredBlock> =>
  hours
    .find(
      {
        _id: { $gte: hourName(new Date(from)), $lt: `${hourName(new Date(to - 1))}#~` },
        ...(position > 0n && { upTo: { $gt: position } }),
      },
      { promoteBuffers: true, batchSize: hoursEach },
    )
    .sort({ _id: -1 })

interface MonthsRequest {
  readonly merchant: MerchantId
  readonly range: Range
}

/**
 * A merchant's blocks may be those of other requests' ranges too: questions check the range of every cell.
 */
async function readMonths(
  merchants: Collection<StoredBlock>,
  requests: readonly MonthsRequest[],
): Promise<(readonly CounterBlockContent[])[]> {
  const found = await merchants
    .find({ $or: requests.map(monthsBetween) }, { promoteBuffers: true })
    .sort({ _id: 1 })
    .toArray()
  const byMerchant = Map.groupBy(found, merchantOfBlock)
  return requests.map(({ merchant }) => byMerchant.get(merchant) ?? [])
}

const monthsBetween = ({ merchant, range }: MonthsRequest) => ({
  _id: {
    $gte: `${merchantMonthName(merchant, monthName(new Date(monthStart(range.from))))}#`,
    $lt: `${merchantMonthName(merchant, monthName(new Date(range.to)))}#~`,
  },
})

interface BlockStoreState {
  readonly collection: Collection<StoredBlock>
  readonly cellsMax: number
  readonly openMax: number
  /** Blocks as this process has saved them, least recently saved first. */
  readonly saved: Map<string, OpenedBlock>
}

function createBlockStore(
  collection: Collection<StoredBlock>,
  cellsMax: number,
  openMax: number,
): BlockStore {
  const state = { collection, cellsMax, openMax, saved: new Map<string, OpenedBlock>() }
  return {
    open: (starts) => openBlocks(state, starts),
    save: (blocks) => saveBlocks(state, blocks),
  }
}

async function openBlocks(
  { collection, cellsMax, saved }: BlockStoreState,
  starts: ReadonlyMap<string, Date>,
): Promise<ReadonlyMap<string, OpenedBlock>> {
  const blocks = new Map<string, OpenedBlock>()
  for (const name of starts.keys()) if (saved.has(name)) blocks.set(name, saved.get(name)!)
  for (;;) {
    // The first part of each span that is not open, and the next part of each span whose block is full.
    const missing = [...starts].flatMap(([name, start]) => {
      const { part, block } = blocks.get(name) ?? { part: -1 }
      if (block && block.size < cellsMax) return []
      return { name, start, part: part + 1, upTo: block?.upTo ?? 0n }
    })
    if (missing.length === 0) return blocks
    const ids = missing.map(({ name, part }) => partName(name, part))
    const found = await collection.find({ _id: { $in: ids } }, { promoteBuffers: true }).toArray()
    const byId = new Map(found.map((document) => [document._id, document]))
    for (const { name, start, part, upTo } of missing) {
      const content = byId.get(partName(name, part))
      const block = new OpenCounterBlock(content ?? { start, upTo })
      blocks.set(name, { part, block, isNew: !content, savedUpTo: block.upTo })
    }
  }
}

async function saveBlocks(
  { collection, openMax, saved }: BlockStoreState,
  blocks: ReadonlyMap<string, OpenedBlock>,
): Promise<boolean> {
  const changed = [...blocks].filter(([, { block, savedUpTo }]) => block.upTo !== savedUpTo)
  if (changed.length > 0 && !(await writeBlocks(collection, changed))) {
    saved.clear()
    return false
  }
  for (const [name, opened] of changed) {
    opened.isNew = false
    opened.savedUpTo = opened.block.upTo
    saved.delete(name)
    saved.set(name, opened)
  }
  for (const name of saved.keys()) {
    if (saved.size <= openMax) break
    saved.delete(name)
  }
  return true
}

/** The id of part `part` of the span `name`. */
export const partName = (name: string, part: number): string => `${name}#${part}`

/** Writes each block over the state that it was read in; false when the state of any block has changed. */
async function writeBlocks(
  collection: Collection<StoredBlock>,
  blocks: readonly (readonly [string, OpenedBlock])[],
): Promise<boolean> {
  const operations = blocks.map(([name, { part, block, isNew, savedUpTo }]) => {
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
    // Another process has inserted one of the new blocks.
    if (isDuplicateKey(error)) return false
    throw error
  }
}
