// The hours of the last days in memory: most questions are about them, and they change all the time.

import { bytesOf } from './block-cache.ts'
import type { CounterBlock } from './counter-block.ts'
import { dayMs, hourMs } from './range.ts'

/** Every block of the hours from `from` on. Never changes. */
export class RecentHours {
  /** Milliseconds since 1970. */
  readonly from: number
  readonly #byName: ReadonlyMap<string, CounterBlock>

  constructor(from: number, byName: ReadonlyMap<string, CounterBlock> = new Map()) {
    this.from = from
    this.#byName = byName
  }

  get bytes(): number {
    return bytesOf(this.#byName.values())
  }

  /** The blocks of some days, by the starts of these. */
  ofDays(days: ReadonlySet<number>): CounterBlock[] {
    return [...this.#byName.values()].filter(({ start }) => days.has(start - (start % dayMs)))
  }

  /**
   * With these blocks in place of the ones of the same names, and without the hours before `from`. When they
   * have more than `bytesMax`, without the oldest ones.
   */
  with(changed: ReadonlyMap<string, CounterBlock>, from: number, bytesMax: number): RecentHours {
    if (changed.size === 0 && from === this.from) return this
    const newestFirst = [...new Map([...this.#byName, ...changed])].toSorted(
      ([, a], [, b]) => b.start - a.start,
    )
    let start = from
    let bytes = 0
    for (const [, block] of newestFirst) {
      bytes += block.bytes
      if (bytes <= bytesMax || block.start < start) continue
      start = block.start + hourMs
      break
    }
    return new RecentHours(start, new Map(newestFirst.filter(([, block]) => block.start >= start)))
  }
}
