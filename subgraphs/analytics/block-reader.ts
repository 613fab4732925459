// Reads what a question needs: the largest sums that have it, and hours where there is none. Blocks come from
// memory or from MongoDB, in groups that are dropped after use, so the memory of an answer is bounded too.

import { chunks } from '../platform/async/chunks.ts'
import { RecentMap } from '../platform/async/recent-map.ts'
import { Semaphore } from '../platform/async/semaphore.ts'
import { inSlices, type Steps } from '../platform/async/slices.ts'
import type { CellUse } from './activity.ts'
import { bytesOf, type BlockCache, type CachedBlocks } from './block-cache.ts'
import { hourName, type ActivityStore } from './block-store.ts'
import { CounterBlock, type CounterBlockContent } from './counter-block.ts'
import type { DayIndex, IndexedSpan } from './day-index.ts'
import type { Names } from './names.ts'
import { dayMs, hourMs, type Range } from './range.ts'
import type { RecentHours } from './recent-hours.ts'
import { hasSums, sumName, viewFor, type View } from './span-sums.ts'
import type { SumStore } from './sum-store.ts'

/** What is counted at one moment. Never changes. */
export interface Moment {
  /** Every entry up to this position is counted. */
  readonly position: bigint
  readonly index: DayIndex
  readonly recent: RecentHours
}

export interface BlockReaderDependencies {
  readonly store: ActivityStore
  readonly sums: SumStore
  readonly names: Names
  readonly cache: BlockCache
  /** Throws a BlocksReplacedError when blocks may have been missing, because a rebuild has replaced them. */
  readonly check: () => Promise<void>
}

/** A sum that is missing or stale is not read again for this long. */
const missingMs = 5_000
/** Sums in one group. */
const sumsEach = 8
/** Hours of a day are passed on when they have this many bytes, and are not cached then. */
const groupBytes = 4_000_000
/** How many answers read from MongoDB at once; each holds one group. */
const readersMax = 4
const readersWaitingMax = 2_000

interface WantedSum<One extends IndexedSpan = IndexedSpan> {
  readonly span: One
  readonly name: string
}

/** Reads the blocks of one epoch. */
export class BlockReader {
  readonly #dependencies: BlockReaderDependencies
  readonly #permits = new Semaphore(readersMax, readersWaitingMax)
  /** When each sum may be read again, by its name. */
  readonly #missing = new RecentMap<string, number>(4096)

  constructor(dependencies: BlockReaderDependencies) {
    this.#dependencies = dependencies
  }

  /** The blocks with the cells of a range, and possibly others, in groups. */
  async *blocksAt(
    { index, recent, position }: Moment,
    range: Range,
    use: CellUse,
  ): AsyncGenerator<readonly CounterBlock[], void> {
    const viewIn = (span: IndexedSpan): View | null =>
      hasSums(span, index.newest) ? viewFor(span, range, use) : null
    const months = yield* this.#sums(index.monthsIn(range), viewIn)
    const days = months.flatMap((month) => month.days)
    const isRecent = ({ start }: IndexedSpan): boolean => start >= recent.from
    const older = yield* this.#sums(
      days.filter((day) => !isRecent(day)),
      viewIn,
    )
    for (const day of older) {
      const from = Math.max(day.start, range.from - (range.from % hourMs))
      const to = Math.min(day.start + dayMs, range.to, recent.from)
      if (from < to) yield* this.#hours(day, { from, to }, position)
    }
    yield recent.ofDays(new Set([...older, ...days.filter(isRecent)].map(({ start }) => start)))
  }

  /** Passes on the sums of spans, and returns the spans that have none. */
  async *#sums<One extends IndexedSpan>(
    spans: readonly One[],
    viewIn: (span: One) => View | null,
  ): AsyncGenerator<readonly CounterBlock[], One[]> {
    const missing: One[] = []
    const read: WantedSum<One>[] = []
    for (const span of spans) {
      const view = viewIn(span)
      const name = view && sumName(span, view)
      const cached = name && this.#cached(name, span)
      if (cached) yield cached.blocks
      else if (name && (this.#missing.get(name) ?? 0) <= performance.now()) read.push({ span, name })
      else missing.push(span)
    }
    for (const group of chunks(read, sumsEach)) {
      await this.#permits.acquire()
      try {
        const found = await this.#loadSums(group)
        for (const { span, name } of group) {
          const blocks = found.get(name)
          if (blocks) yield blocks
          else missing.push(span)
        }
      } finally {
        this.#permits.release()
      }
    }
    return missing
  }

  /** The current sums among those of a group, by name. */
  async #loadSums(group: readonly WantedSum[]): Promise<ReadonlyMap<string, readonly CounterBlock[]>> {
    const { sums, names, cache, check } = this.#dependencies
    const found = new Map<string, readonly CounterBlock[]>()
    // Another answer may have read it while this one waited.
    const wanted = group.filter(({ span, name }) => {
      const cached = this.#cached(name, span)
      if (cached) found.set(name, cached.blocks)
      return !cached
    })
    if (wanted.length === 0) return found
    const stored = await sums.read(wanted.map(({ name }) => name))
    await check()
    for (const [n, { span, name }] of wanted.entries()) {
      const sum = stored[n]
      if (!sum || sum.upTo < span.last) {
        this.#missing.set(name, performance.now() + missingMs)
        continue
      }
      const blocks = await inSlices(decode(sum.contents, names))
      cache.set(name, { blocks, upTo: sum.upTo })
      found.set(name, blocks)
    }
    return found
  }

  /** Passes on the blocks of hours of one day. */
  async *#hours(
    day: IndexedSpan,
    range: Range,
    position: bigint,
  ): AsyncGenerator<readonly CounterBlock[], void> {
    const cached = this.#cachedHours(day, range)
    if (cached) {
      yield cached
      return
    }
    await this.#permits.acquire()
    try {
      yield* this.#loadHours(range, position)
    } finally {
      this.#permits.release()
    }
  }

  async *#loadHours(range: Range, position: bigint): AsyncGenerator<readonly CounterBlock[], void> {
    const { store, names, cache, check } = this.#dependencies
    let group: CounterBlock[] = []
    const hours = new Map<string, CounterBlock[]>()
    for (let hour = range.from; hour < range.to; hour += hourMs) hours.set(hourName(new Date(hour)), [])
    for await (const content of store.hoursIn(range)) {
      const [block] = await inSlices(decode([content], names))
      group.push(block!)
      hours.get(hourName(content.start))?.push(block!)
      if (bytesOf(group) < groupBytes) continue
      // They would fill the cache, and more memory than a group until then.
      hours.clear()
      await check()
      yield group
      group = []
    }
    await check()
    for (const [name, blocks] of hours) cache.set(name, { blocks, upTo: position })
    yield group
  }

  /** Null unless all are current. */
  #cachedHours(day: IndexedSpan, { from, to }: Range): readonly CounterBlock[] | null {
    const found: CounterBlock[] = []
    for (let hour = from; hour < to; hour += hourMs) {
      const cached = this.#cached(hourName(new Date(hour)), day)
      if (!cached) return null
      found.push(...cached.blocks)
    }
    return found
  }

  #cached(name: string, { last }: IndexedSpan): CachedBlocks | null {
    const cached = this.#dependencies.cache.get(name)
    return cached && cached.upTo >= last ? cached : null
  }
}

/** Reads blocks, a step for each. */
export function* decode(contents: readonly CounterBlockContent[], names: Names): Steps<CounterBlock[]> {
  const blocks: CounterBlock[] = []
  for (const content of contents) {
    blocks.push(new CounterBlock(content, names))
    yield
  }
  return blocks
}
