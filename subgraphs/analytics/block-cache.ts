// Blocks that were read from MongoDB, in memory up to a number of bytes.

import type { CounterBlock } from './counter-block.ts'

/** What one name stands for: the parts of a sum, or of an hour. */
export interface CachedBlocks {
  readonly blocks: readonly CounterBlock[]
  /** Every entry up to this position is counted. */
  readonly upTo: bigint
}

/** Drops what was used least recently when there is too much. */
export class BlockCache {
  readonly #bytesMax: number
  /** Least recently used first. */
  readonly #found = new Map<string, CachedBlocks & { readonly bytes: number }>()
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  get(name: string): CachedBlocks | undefined {
    const found = this.#found.get(name)
    if (!found) return undefined
    this.#found.delete(name)
    this.#found.set(name, found)
    return found
  }

  set(name: string, cached: CachedBlocks): void {
    this.#drop(name)
    const bytes = entryBytes + bytesOf(cached.blocks)
    this.#found.set(name, { ...cached, bytes })
    this.#bytes += bytes
    for (const oldest of this.#found.keys()) {
      if (this.#bytes <= this.#bytesMax) break
      this.#drop(oldest)
    }
  }

  #drop(name: string): void {
    this.#bytes -= this.#found.get(name)?.bytes ?? 0
    this.#found.delete(name)
  }
}

/** Bytes of an entry besides its blocks. */
const entryBytes = 200

export const bytesOf = (blocks: Iterable<CounterBlock>): number => {
  let bytes = 0
  for (const block of blocks) bytes += block.bytes
  return bytes
}
