// Counter blocks: the counters of one span of time, packed into 32-bit words. Nothing outside of this file
// reads the words.
//
// A cell counts the payments that were created in one minute and agree in every facet; any figure is a sum of
// cells. A tally counts one latency or one decline reason within a cell. The words are all cells, then all
// tallies:
//
//     cell   0  minute since the start of the span (low half), number of the lane (high half)
//            1  numbers of wallet (low) and acquirer (high)
//            2  numbers of mcc (low) and entry mode (high)
//            3  payments   4  approved   5  declined
//            6  value of the approved payments in fen: low word   7  high word
//     tally  0  number of the cell
//            1  bucket of the latency, or `reasonKind` plus the number of the reason
//            2  how many

import type { LoggedPayment } from '../log/entry.ts'
import type { Steps } from '../platform/async/slices.ts'
import type { Delta } from './delta.ts'
import { bucketOf } from './histogram.ts'
import { laneName, Names } from './names.ts'
import { minuteMs } from './range.ts'

/** A block as MongoDB stores it. */
export interface CounterBlockContent {
  /** Start of the span. */
  readonly start: Date
  /**
   * Position of the last log entry that is counted here; entries up to this position are never counted again.
   */
  readonly upTo: bigint
  /** The names that the numbers in `words` stand for, from 0. */
  readonly names: readonly string[]
  /** How many cells there are. */
  readonly cells: number
  /** Little-endian 32-bit words. */
  readonly words: Uint8Array
}

/** What all payments of a cell agree in, besides the minute. */
export type Facet = 'lane' | 'wallet' | 'acquirer' | 'mcc' | 'entryMode'

const cellWidth = 8
const tallyWidth = 3
const paymentsAt = 3
const approvedAt = 4
const declinedAt = 5
const valueAt = 6

/** Above every bucket of latencies. */
const reasonKind = 100_000
const kindsMax = 2 ** 18

const halfMask = 0xffff
const lowHalf = (word: number): number => word & halfMask
const highHalf = (word: number): number => word >>> 16
const pack = (low: number, high: number): number => low | (high << 16)

/** The half word that stores a facet's number; only `Cell` reads it. */
interface FacetField {
  readonly word: number
  readonly shift: number
}

export const facetFields: Readonly<Record<Facet, FacetField>> = {
  lane: { word: 0, shift: 16 },
  wallet: { word: 1, shift: 0 },
  acquirer: { word: 1, shift: 16 },
  mcc: { word: 2, shift: 0 },
  entryMode: { word: 2, shift: 16 },
}

/**
 * A view of one cell of a block. `next` moves the view to the following cell, so reading a whole block
 * allocates one object:
 *
 *     const cell = block.cells()
 *     while (cell.next()) total += cell.payments
 */
export class Cell {
  /** Number of the cell in its block; −1 before the first `next`. */
  index: number
  readonly #words: Int32Array
  readonly #count: number
  readonly #start: number

  constructor(words: Int32Array, count: number, start: number, index = -1) {
    this.#words = words
    this.#count = count
    this.#start = start
    this.index = index
  }

  /** Moves to the next cell; false after the last one. */
  next(): boolean {
    return ++this.index < this.#count
  }

  /** Start of the cell's minute, in milliseconds since 1970. */
  get time(): number {
    return this.#start + this.minute * minuteMs
  }

  /** Minutes since the start of the block. */
  get minute(): number {
    return lowHalf(this.#word(0))
  }

  get lane(): number {
    return highHalf(this.#word(0))
  }

  get wallet(): number {
    return lowHalf(this.#word(1))
  }

  get acquirer(): number {
    return highHalf(this.#word(1))
  }

  get mcc(): number {
    return lowHalf(this.#word(2))
  }

  get entryMode(): number {
    return highHalf(this.#word(2))
  }

  /** The number of the name that the cell has in one of `facetFields`. */
  numberIn({ word, shift }: FacetField): number {
    return lowHalf(this.#word(word) >>> shift)
  }

  get payments(): number {
    return this.#word(paymentsAt)
  }

  get approved(): number {
    return this.#word(approvedAt)
  }

  get declined(): number {
    return this.#word(declinedAt)
  }

  /** The value modulo 2³²: an unsigned number, for sums without a bigint. */
  get valueLow(): number {
    return this.#word(valueAt) >>> 0
  }

  /** The value divided by 2³², rounded down. */
  get valueHigh(): number {
    return this.#word(valueAt + 1)
  }

  /** The words that hold its facets, without those that are not in `masks`, and with another minute. */
  head(masks: readonly number[], minute: number): [number, number, number] {
    return [(this.#word(0) & masks[0]!) | minute, this.#word(1) & masks[1]!, this.#word(2) & masks[2]!]
  }

  add(delta: Delta): void {
    const at = this.index * cellWidth
    this.#words[at + paymentsAt]! += delta.payments
    this.#words[at + approvedAt]! += delta.approved
    this.#words[at + declinedAt]! += delta.declined
    if (delta.value === 0n) return
    const value = (BigInt(this.valueHigh) << 32n) + BigInt(this.valueLow) + delta.value
    this.#words[at + valueAt] = Number(BigInt.asIntN(32, value))
    this.#words[at + valueAt + 1] = Number(value >> 32n)
  }

  #word(n: number): number {
    return this.#words[this.index * cellWidth + n]!
  }
}

/** A view of one tally of a block, moved by `next` as a `Cell` is. */
export class Tally {
  readonly #words: Int32Array
  #at: number

  constructor(words: Int32Array, cells: number) {
    this.#words = words
    this.#at = cells * cellWidth - tallyWidth
  }

  /** Moves to the next tally; false after the last one. */
  next(): boolean {
    this.#at += tallyWidth
    return this.#at < this.#words.length
  }

  /** Number of the cell that the tally belongs to. */
  get cell(): number {
    return this.#words[this.#at]!
  }

  get isReason(): boolean {
    return this.#words[this.#at + 1]! >= reasonKind
  }

  /** The bucket of the latency, or `reasonKind` plus the number of the reason. */
  get kind(): number {
    return this.#words[this.#at + 1]!
  }

  /** The number of the reason's name, or the bucket of the latency. */
  get number(): number {
    const kind = this.#words[this.#at + 1]!
    return kind >= reasonKind ? kind - reasonKind : kind
  }

  get count(): number {
    return this.#words[this.#at + 2]!
  }
}

/**
 * A block for reading. The names of many blocks share their numbers, so that their cells can be summed
 * together.
 */
export class CounterBlock {
  /** Milliseconds since 1970. */
  readonly start: number
  /** End of the minute of its last cell. */
  readonly end: number
  /** How many cells there are. */
  readonly size: number
  readonly #words: Int32Array

  constructor(content: CounterBlockContent, names: Names) {
    this.start = content.start.getTime()
    this.size = content.cells
    this.#words = wordsOf(content.words)
    const numbers = content.names.map((name) => names.numberOf(name))
    const lastMinute = renumber(this.#words, this.size, numbers)
    this.end = this.start + (lastMinute + 1) * minuteMs
  }

  /** The memory that it takes, in bytes. */
  get bytes(): number {
    return this.#words.byteLength + blockOverhead
  }

  cells(): Cell {
    return new Cell(this.#words, this.size, this.start)
  }

  tallies(): Tally {
    return new Tally(this.#words, this.size)
  }
}

/** Bytes of a block besides its words: objects, and the buffer's own. */
const blockOverhead = 400

export interface SumOrder {
  /** The start of the sum, in milliseconds since 1970. */
  readonly start: number
  /** The facets that its cells keep apart. */
  readonly facets: readonly Facet[]
  /** Its cells are as long as this; null for the whole span in one, in its first minute. */
  readonly slotMinutes: number | null
  readonly tallies: boolean
}

/** The sum of blocks whose names have the numbers of `names`. */
export class BlockSum {
  readonly #order: SumOrder
  readonly #names: Names
  readonly #masks = [0, 0, 0]
  readonly #cells = new IndexedRows(cellWidth, 3)
  readonly #tallies = new IndexedRows(tallyWidth, 2)

  constructor(order: SumOrder, names: Names) {
    this.#order = order
    this.#names = names
    for (const facet of order.facets) {
      const { word, shift } = facetFields[facet]
      this.#masks[word]! |= halfMask << shift
    }
  }

  *add(block: CounterBlock): Steps<void> {
    const sumOf = new Int32Array(block.size)
    const cell = block.cells()
    while (cell.next()) {
      const row = this.#cells.rowOf(...cell.head(this.#masks, this.#minuteOf(block, cell)))
      sumOf[cell.index] = row
      addCell(this.#cells.words, row * cellWidth, cell)
      if (cell.index % rowsEach === 0) yield
    }
    if (!this.#order.tallies) return
    let rows = 0
    const tally = block.tallies()
    while (tally.next()) {
      const row = this.#tallies.rowOf(sumOf[tally.cell]!, tally.kind, 0)
      this.#tallies.words[row * tallyWidth + 2]! += tally.count
      if (++rows % rowsEach === 0) yield
    }
  }

  /** The sum as blocks of at most `cellsMax` cells. */
  *contents(cellsMax: number): Steps<Omit<CounterBlockContent, 'upTo'>[]> {
    const parts = Array.from({ length: Math.ceil(this.#cells.count / cellsMax) || 1 }, (_, part) => ({
      cells: this.#cells.bytes(part * cellsMax, (part + 1) * cellsMax),
      tallies: new Rows(tallyWidth, new Int32Array()),
    }))
    for (let row = 0; row < this.#tallies.count; row++) {
      const at = row * tallyWidth
      const cell = this.#tallies.words[at]!
      const { tallies } = parts[Math.floor(cell / cellsMax)]!
      tallies.push(cell % cellsMax, this.#tallies.words[at + 1]!, this.#tallies.words[at + 2]!)
      if (row % rowsEach === 0) yield
    }
    return parts.map(({ cells, tallies }) => ({
      start: new Date(this.#order.start),
      names: this.#names.list,
      cells: cells.length / (4 * cellWidth),
      words: Buffer.concat([cells, tallies.bytes()]),
    }))
  }

  #minuteOf(block: CounterBlock, cell: Cell): number {
    const { start, slotMinutes } = this.#order
    if (slotMinutes === null) return 0
    const minute = (block.start - start) / minuteMs + cell.minute
    return minute - (minute % slotMinutes)
  }
}

/** Rows of a sum between two yields: well below a millisecond. */
const rowsEach = 2048

function addCell(words: Int32Array, at: number, cell: Cell): void {
  words[at + paymentsAt]! += cell.payments
  words[at + approvedAt]! += cell.approved
  words[at + declinedAt]! += cell.declined
  const low = (words[at + valueAt]! >>> 0) + cell.valueLow
  words[at + valueAt] = low | 0
  words[at + valueAt + 1]! += cell.valueHigh + Math.floor(low / 2 ** 32)
}

/** Replaces each name's number by that of `numbers`, and returns the last minute that has a cell. */
function renumber(words: Int32Array, cells: number, numbers: readonly number[]): number {
  const both = (word: number): number => pack(numbers[lowHalf(word)]!, numbers[highHalf(word)]!)
  const tallies = cells * cellWidth
  let lastMinute = 0
  for (let at = 0; at < tallies; at += cellWidth) {
    const minute = lowHalf(words[at]!)
    if (minute > lastMinute) lastMinute = minute
    words[at] = pack(minute, numbers[highHalf(words[at]!)]!)
    words[at + 1] = both(words[at + 1]!)
    words[at + 2] = both(words[at + 2]!)
  }
  for (let at = tallies + 1; at < words.length; at += tallyWidth) {
    if (words[at]! >= reasonKind) words[at] = reasonKind + numbers[words[at]! - reasonKind]!
  }
  return lastMinute
}

/** A block to count into. */
export class OpenCounterBlock {
  readonly start: Date
  upTo: bigint
  readonly #names: Names
  readonly #cells: Rows
  readonly #tallies: Rows
  /** Rows that were searched since the block was opened: most rows of an old block are never needed again. */
  readonly #cellByKey = new Map<string, number>()
  readonly #tallyByKey = new Map<number, number>()

  constructor(content: Pick<CounterBlockContent, 'start' | 'upTo'> & Partial<CounterBlockContent>) {
    const { start, upTo, names, cells = 0, words = new Uint8Array() } = content
    this.start = start
    this.upTo = upTo
    this.#names = new Names(names)
    const all = wordsOf(words)
    this.#cells = new Rows(cellWidth, all.subarray(0, cells * cellWidth))
    this.#tallies = new Rows(tallyWidth, all.subarray(cells * cellWidth))
  }

  /** How many cells and tallies it has. */
  get size(): number {
    return this.#cells.count + this.#tallies.count
  }

  /** Counts what one log entry of `payment` changes. */
  add(payment: LoggedPayment, delta: Delta): void {
    const cell = this.#cellOf(payment)
    new Cell(this.#cells.words, this.#cells.count, this.start.getTime(), cell).add(delta)
    if (delta.authorizeMs !== null) this.#tally(cell, bucketOf(delta.authorizeMs))
    if (delta.reason !== null) this.#tally(cell, reasonKind + this.#names.numberOf(delta.reason))
  }

  content(): CounterBlockContent {
    return {
      start: this.start,
      upTo: this.upTo,
      names: this.#names.list,
      cells: this.#cells.count,
      words: Buffer.concat([this.#cells.bytes(), this.#tallies.bytes()]),
    }
  }

  #tally(cell: number, kind: number): void {
    const key = cell * kindsMax + kind
    let tally = this.#tallyByKey.get(key)
    if (tally === undefined) {
      tally = this.#tallies.find(cell, kind) ?? this.#tallies.push(cell, kind)
      this.#tallyByKey.set(key, tally)
    }
    this.#tallies.words[tally * tallyWidth + 2]!++
  }

  /** The number of the payment's cell. */
  #cellOf(payment: LoggedPayment): number {
    const number = (name: string): number => this.#names.numberOf(name)
    const minute = Math.floor((payment.createdAt.getTime() - this.start.getTime()) / minuteMs)
    const head = [
      pack(minute, number(laneName(payment))),
      pack(number(payment.wallet), number(payment.acquirer)),
      pack(number(payment.mcc), number(payment.entryMode)),
    ] as const
    const key = head.join(' ')
    let cell = this.#cellByKey.get(key)
    if (cell === undefined) {
      cell = this.#cells.find(...head) ?? this.#cells.push(...head)
      this.#cellByKey.set(key, cell)
    }
    return cell
  }
}

/** Rows of `width` words each, to which more can be added. */
class Rows {
  /** Longer than its rows; adding a row may replace it. */
  words: Int32Array
  count: number
  readonly #width: number

  constructor(width: number, words: Int32Array) {
    this.#width = width
    this.words = words
    this.count = words.length / width
  }

  /** Adds a row and returns its number. The words that are left out are 0. */
  push(...row: readonly number[]): number {
    const at = this.count * this.#width
    if (at + this.#width > this.words.length) {
      const previous = this.words
      this.words = new Int32Array(Math.max(64, 2 * (at + this.#width)))
      this.words.set(previous)
    }
    this.words.set(row, at)
    return this.count++
  }

  /** The number of the last row that begins with `head`; undefined when there is none. */
  find(...head: readonly number[]): number | undefined {
    for (let row = this.count - 1; row >= 0; row--) {
      const at = row * this.#width
      if (head.every((word, n) => this.words[at + n] === word)) return row
    }
    return undefined
  }

  /** The rows from `from` up to `to`, without a copy. */
  bytes(from = 0, to = this.count): Buffer {
    const size = this.#width * 4
    const count = Math.min(to, this.count) - from
    return Buffer.from(this.words.buffer, this.words.byteOffset + from * size, count * size)
  }
}

/** Rows that are found by their first `headWidth` words, in a hash table of row numbers. */
class IndexedRows extends Rows {
  readonly #rowWidth: number
  readonly #headWidth: number
  /** Number of the row plus 1; 0 where there is none. Its length is a power of 2. */
  #slots = new Int32Array(256)

  constructor(width: number, headWidth: number) {
    super(width, new Int32Array())
    this.#rowWidth = width
    this.#headWidth = headWidth
  }

  /** The number of the row with this head; adds one that is else 0. Without `c`, a head has two words. */
  rowOf(a: number, b: number, c: number): number {
    const mask = this.#slots.length - 1
    for (let slot = hashOf(a, b, c) & mask; ; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]! - 1
      if (row === -1) return this.#addRow(slot, a, b, c)
      if (this.#has(row, a, b, c)) return row
    }
  }

  #has(row: number, a: number, b: number, c: number): boolean {
    const at = row * this.#rowWidth
    const { words } = this
    return words[at] === a && words[at + 1] === b && (this.#headWidth === 2 || words[at + 2] === c)
  }

  #addRow(slot: number, a: number, b: number, c: number): number {
    const row = this.push(a, b, c)
    this.#slots[slot] = row + 1
    if (this.count * 2 > this.#slots.length) this.#grow()
    return row
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let row = 0; row < this.count; row++) {
      const at = row * this.#rowWidth
      const c = this.#headWidth === 2 ? 0 : this.words[at + 2]!
      let slot = hashOf(this.words[at]!, this.words[at + 1]!, c) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = row + 1
    }
    this.#slots = slots
  }
}

function hashOf(a: number, b: number, c: number): number {
  const hash =
    Math.imul(a, 0x9e37_79b1) ^ Math.imul(b, 0x85eb_ca6b) ^ Math.imul((c << 13) | (c >>> 19), 0xc2b2_ae35)
  return (hash ^ (hash >>> 15)) >>> 0
}

/** Copies the bytes: those of a reply of MongoDB are not aligned to words. */
const wordsOf = (bytes: Uint8Array): Int32Array => new Int32Array(new Uint8Array(bytes).buffer)
