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

  /** The words that hold its facets, without the minute, and without what is not in `masks`. */
  head(masks: readonly number[]): number[] {
    return masks.map((mask, n) => this.#word(n) & mask)
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

  cells(): Cell {
    return new Cell(this.#words, this.size, this.start)
  }

  tallies(): Tally {
    return new Tally(this.#words, this.size)
  }
}

export interface SumOrder {
  /** The start of the sum, in milliseconds since 1970; its cells are all in the first minute. */
  readonly start: number
  /** The facets that its cells keep apart. */
  readonly facets: readonly Facet[]
  readonly tallies: boolean
}

/** The sum of blocks whose names have the numbers of `names`, as one block. */
export function* sumBlocks(
  blocks: readonly CounterBlock[],
  names: Names,
  { start, facets, tallies }: SumOrder,
): Steps<CounterBlock> {
  const masks = [0, 0, 0]
  for (const facet of facets) masks[facetFields[facet].word]! |= halfMask << facetFields[facet].shift
  const cells = new Rows(cellWidth, new Int32Array())
  const counts = new Rows(tallyWidth, new Int32Array())
  const cellByKey = new Map<string, number>()
  const tallyByKey = new Map<number, number>()
  for (const block of blocks) {
    const sumOf = new Int32Array(block.size)
    const cell = block.cells()
    while (cell.next()) {
      const head = cell.head(masks)
      const key = head.join()
      let row = cellByKey.get(key)
      if (row === undefined) cellByKey.set(key, (row = cells.push(...head, 0, 0, 0, 0, 0)))
      sumOf[cell.index] = row
      addCell(cells.words, row * cellWidth, cell)
    }
    const tally = block.tallies()
    while (tallies && tally.next()) {
      const key = sumOf[tally.cell]! * kindsMax + tally.kind
      let row = tallyByKey.get(key)
      if (row === undefined) tallyByKey.set(key, (row = counts.push(sumOf[tally.cell]!, tally.kind, 0)))
      counts.words[row * tallyWidth + 2]! += tally.count
    }
    yield
  }
  const words = Buffer.concat([cells.bytes(), counts.bytes()])
  return new CounterBlock(
    { start: new Date(start), upTo: 0n, names: names.list, cells: cells.count, words },
    names,
  )
}

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
      tally = this.#tallies.find(cell, kind) ?? this.#tallies.push(cell, kind, 0)
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
      cell = this.#cells.find(...head) ?? this.#cells.push(...head, 0, 0, 0, 0, 0)
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

  /** Adds a row and returns its number. */
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

  bytes(): Buffer {
    return Buffer.from(this.words.buffer, this.words.byteOffset, this.count * this.#width * 4)
  }
}

/** Copies the bytes: those of a reply of MongoDB are not aligned to words. */
const wordsOf = (bytes: Uint8Array): Int32Array => new Int32Array(new Uint8Array(bytes).buffer)
