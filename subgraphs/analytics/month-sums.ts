// The blocks of all hours by month, and their sums over whole months. Most questions are about months and
// need neither the minute nor every facet, so they read thousands of cells in place of millions.

import type { Steps } from '../platform/async/slices.ts'
import type { BlockSource, CellUse } from './activity.ts'
import { sumBlocks, type CounterBlock, type Facet } from './counter-block.ts'
import type { Names } from './names.ts'
import { monthStart, nextMonthStart, type Range } from './range.ts'

/** The facets that the cells of a sum keep apart. Only the first one has tallies. */
const kept = {
  parties: ['lane', 'wallet', 'acquirer'],
  goods: ['lane', 'mcc', 'entryMode'],
} as const satisfies Record<string, readonly Facet[]>

/** Never changes: a month that is counted further is another one. */
interface Month {
  /** By the name of the block. */
  readonly blocks: ReadonlyMap<string, CounterBlock>
  /** Computed at the first use. */
  readonly sums: Map<keyof typeof kept, CounterBlock>
}

/** All hours at one moment. Never changes. */
export class MonthSums {
  readonly #months: ReadonlyMap<number, Month>
  readonly #names: Names

  constructor(names: Names, months: ReadonlyMap<number, Month> = new Map()) {
    this.#names = names
    this.#months = months
  }

  /** With these blocks in place of the ones of the same names. */
  with(changed: ReadonlyMap<string, CounterBlock>): MonthSums {
    if (changed.size === 0) return this
    const months = new Map(this.#months)
    for (const [start, blocks] of Map.groupBy(changed, ([, block]) => monthStart(block.start))) {
      const before = months.get(start)?.blocks ?? []
      months.set(start, { blocks: new Map([...before, ...blocks]), sums: new Map() })
    }
    return new MonthSums(this.#names, months)
  }

  get source(): BlockSource {
    return (range, use) => this.#blocksIn(range, use)
  }

  *#blocksIn({ from, to }: Range, use: CellUse): Steps<readonly CounterBlock[]> {
    const by = sumFor(use)
    const found: CounterBlock[] = []
    for (const [start, month] of this.#months) {
      const end = nextMonthStart(start)
      if (start >= to || end <= from) continue
      if (by && start >= from && end <= to) found.push(yield* this.#sumOf(start, month, by))
      else found.push(...month.blocks.values())
    }
    return found
  }

  *#sumOf(start: number, { blocks, sums }: Month, by: keyof typeof kept): Steps<CounterBlock> {
    let sum = sums.get(by)
    if (sum) return sum
    const order = { start, facets: kept[by], tallies: by === 'parties' }
    sum = yield* sumBlocks([...blocks.values()], this.#names, order)
    sums.set(by, sum)
    return sum
  }
}

/** The smallest sum that has what is used; null when none has it. */
function sumFor({ facets, minutes, tallies }: CellUse): keyof typeof kept | null {
  if (minutes) return null
  const has = (by: keyof typeof kept) => facets.every((facet) => kept[by].some((one) => one === facet))
  if (has('parties')) return 'parties'
  return has('goods') && !tallies ? 'goods' : null
}
