// Comparison of large sets in bounded memory. Hashes of 64 bits stand for their elements.

/** The two halves of the hash of the latest text; reading them costs no object. */
let low = 0
let high = 0

/** Hashes `text` into `low` and `high`. Source: “cyrb53”, bryc, public domain. */
function hash(text: string): void {
  let h1 = 0xdeadbeef
  let h2 = 0x41c6ce57
  for (let n = 0; n < text.length; n++) {
    const character = text.charCodeAt(n)
    h1 = Math.imul(h1 ^ character, 2654435761)
    h2 = Math.imul(h2 ^ character, 1597334677)
  }
  h1 = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909)
  h2 = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909)
  low = h1 | 0
  high = h2 | 0
}

/** The sum of a multiset of texts: equal for equal multisets in any order, and different for others. */
export class Sum {
  count = 0
  #low = 0
  #high = 0

  /** Adds `text`, `times` times; a negative number removes it. */
  add(text: string, times = 1): void {
    hash(text)
    this.count += times
    this.#low = (this.#low + Math.imul(low, times)) | 0
    this.#high = (this.#high + Math.imul(high, times)) | 0
  }

  equals(other: Sum): boolean {
    return this.count === other.count && this.#low === other.#low && this.#high === other.#high
  }
}

/** An element that is in one of two sets only. */
export interface Difference {
  readonly id: string
  readonly sequence: number
  /** 1: in the first set only; -1: in the second set only. */
  readonly side: 1 | -1
}

const cellsPerTable = 1 << 16
const tables = 3
/** Words of a cell: count, the id in four, sequence, and the hash of the element in two. */
const width = 8

/**
 * Finds the elements in which two large sets differ. An element is a UUID, a number and a content. Memory is
 * constant; up to about 100,000 differences are named. It is an invertible Bloom lookup table (Goodrich and
 * Mitzenmacher, 2011).
 */
export class SetDifference {
  readonly #cells = new Int32Array(tables * cellsPerTable * width)
  #size = 0
  readonly #id = new Int32Array(4)

  /** Elements of the first set minus those of the second. */
  get size(): number {
    return this.#size
  }

  /** Adds an element to the first set (1) or to the second (-1). False when `id` is no UUID. */
  add(side: 1 | -1, id: string, sequence: number, content: string): boolean {
    if (!uuid.test(id)) return false
    const hex = id.replaceAll('-', '')
    for (let n = 0; n < 4; n++) this.#id[n] = Number.parseInt(hex.slice(8 * n, 8 * n + 8), 16)
    hash(`${id}/${sequence}/${content}`)
    this.#put(side, this.#id, sequence, low, high)
    this.#size += side
    return true
  }

  /** The differences, and whether they are all; the table is empty afterwards. */
  differences(): { readonly found: readonly Difference[]; readonly isComplete: boolean } {
    const found: Difference[] = []
    const cells = this.#cells
    for (let hasFound = true; hasFound;) {
      hasFound = false
      for (let at = 0; at < cells.length; at += width) {
        const side = cells[at]!
        if (side !== 1 && side !== -1) continue
        const id = cells.slice(at + 1, at + 5)
        const [sequence, a, b] = [cells[at + 5]!, cells[at + 6]!, cells[at + 7]!]
        if (!this.#isAt(at, a, b)) continue
        found.push({ id: textOf(id), sequence, side })
        this.#put(-side as 1 | -1, id, sequence, a, b)
        hasFound = true
      }
    }
    return { found, isComplete: cells.findIndex(Boolean) === -1 }
  }

  /** True when an element with this hash belongs into the cell at `at`. */
  #isAt(at: number, a: number, b: number): boolean {
    for (let table = 0; table < tables; table++) if (cellOf(table, a, b) === at) return true
    return false
  }

  #put(side: 1 | -1, id: Int32Array, sequence: number, a: number, b: number): void {
    const cells = this.#cells
    for (let table = 0; table < tables; table++) {
      const at = cellOf(table, a, b)
      cells[at]! += side
      for (let n = 0; n < 4; n++) cells[at + 1 + n]! ^= id[n]!
      cells[at + 5]! ^= sequence
      cells[at + 6]! ^= a
      cells[at + 7]! ^= b
    }
  }
}

/** Index of the first word of the element's cell in `table`. */
function cellOf(table: number, a: number, b: number): number {
  const mixed = Math.imul(a ^ Math.imul(b, 0x9e3779b1 + 2 * table), 0x85ebca6b + 2 * table)
  return (table * cellsPerTable + ((mixed ^ (mixed >>> 15)) & (cellsPerTable - 1))) * width
}

const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/

function textOf(id: Int32Array): string {
  const hex = [...id].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

const filterBits = 2 ** 28

/**
 * Finds texts that may have been added twice, in 32 MB: of 2 million different texts, one in 17,000 is
 * suspected wrongly, and a query decides.
 */
export class RepeatFilter {
  readonly #bits = new Uint32Array(filterBits / 32)

  /** Adds `text`; true when it may have been there before. */
  add(text: string): boolean {
    hash(text)
    const first = this.#set(low >>> 4)
    return this.#set(high >>> 4) && first
  }

  #set(bit: number): boolean {
    const word = bit >>> 5
    const mask = 1 << (bit & 31)
    const isSet = (this.#bits[word]! & mask) !== 0
    this.#bits[word]! |= mask
    return isSet
  }
}
