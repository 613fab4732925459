// The unit that counts are kept in: all cells of one span of time. A cell counts the payments that were created in one
// minute and agree in every facet; cells add up to any figure. No MongoDB, no GraphQL.
import type { Delta } from './delta.ts'
import type { LoggedPayment } from '../log/entry.ts'
import { bucketOf } from './histogram.ts'
import { minuteMs } from './range.ts'
import type { CorridorId, ProjectId } from '../../schema/values/id.ts'

/** A slab as MongoDB has it. */
export interface CounterBlockContent {
  /** Start of the span. */
  readonly start: Date
  /** Position of the last log entry that is counted here: entries up to it are never counted again. */
  readonly upTo: bigint
  /** What the numbers in `words` stand for, from 0. */
  readonly names: readonly string[]
  readonly cells: number
  /** 32-bit little-endian: eight for each cell, then three for each tally, as described below. */
  readonly words: Uint8Array
}

/** What a cell's payments agree in. A lane is what a corridor settles: its countries, direction and project. */
export type Facet = 'lane' | 'wallet' | 'acquirer' | 'mcc' | 'entryMode'

/** A cell: minute from `start` and lane, wallet and acquirer, mcc and entry mode (low and high half of a word each), counts, value. */
export const cellWidth = 8
export const paymentsAt = 3
export const approvedAt = 4
export const declinedAt = 5
/** Fen of the approved: low word, then high word. */
export const valueAt = 6

/** A tally counts one latency bucket or one decline reason of a cell: the cell's number, the kind, how many. */
export const tallyWidth = 3
/** Kinds below this are latency buckets; from here on, numbers of the names of reasons. */
export const reasonKind = 100_000
const kindsMax = 2 ** 18

/** Where a facet's number is: the word of the cell, and how far to shift it right. */
export const placeOf: Readonly<Record<Facet, { readonly word: number; readonly shift: number }>> = {
  lane: { word: 0, shift: 16 },
  wallet: { word: 1, shift: 0 },
  acquirer: { word: 1, shift: 16 },
  mcc: { word: 2, shift: 0 },
  entryMode: { word: 2, shift: 16 },
}

export const halfMask = 0xffff

export interface Lane {
  readonly corridor: CorridorId
  readonly direction: string
  readonly merchantCountry: string
  /** Empty for none. */
  readonly project: ProjectId
}

const laneName = ({ corridor, direction, merchantCountry, project }: LoggedPayment): string =>
  `${corridor} ${direction} ${merchantCountry} ${project ?? ''}`

export function laneOf(name: string): Lane {
  const [corridor = '', direction = '', merchantCountry = '', project = ''] = name.split(' ')
  return { corridor, direction, merchantCountry, project }
}

/** Numbers for names, from 0, in the order in which they come. */
export class Names {
  readonly list: string[]
  readonly #numbers: Map<string, number>

  constructor(list: readonly string[] = []) {
    this.list = [...list]
    this.#numbers = new Map(list.map((name, number) => [name, number]))
  }

  /** The name's number; a new name gets the next. Throws when half a word cannot hold it. */
  numberOf(name: string): number {
    let number = this.#numbers.get(name)
    if (number === undefined) {
      number = this.list.length
      if (number > halfMask) throw new RangeError(`more than ${number} names: "${name}" has no place`)
      this.list.push(name)
      this.#numbers.set(name, number)
    }
    return number
  }
}

/** A slab that is being counted into. */
export class OpenCounterBlock {
  readonly start: Date
  upTo: bigint
  readonly #names: Names
  readonly #cells: Words
  readonly #tallies: Words
  /** Cells that were looked for since it was opened: most of an old slab is never looked at again. */
  readonly #cellByKey = new Map<string, number>()
  readonly #tallyByKey = new Map<number, number>()

  constructor(content: Pick<CounterBlockContent, 'start' | 'upTo'> & Partial<CounterBlockContent>) {
    const { start, upTo, names, cells = 0, words = new Uint8Array() } = content
    this.start = start
    this.upTo = upTo
    this.#names = new Names(names)
    const all = wordsOf(words)
    this.#cells = new Words(all.subarray(0, cells * cellWidth))
    this.#tallies = new Words(all.subarray(cells * cellWidth))
  }

  /** How many cells and tallies it holds. */
  get size(): number {
    return this.#cells.length / cellWidth + this.#tallies.length / tallyWidth
  }

  add(payment: LoggedPayment, delta: Delta): void {
    const at = this.#cellOf(payment)
    const cells = this.#cells.all
    cells[at + paymentsAt]! += delta.payments
    cells[at + approvedAt]! += delta.approved
    cells[at + declinedAt]! += delta.declined
    if (delta.value !== 0n) {
      const value =
        (BigInt(cells[at + valueAt + 1]!) << 32n) + BigInt(cells[at + valueAt]! >>> 0) + delta.value
      cells[at + valueAt] = Number(BigInt.asIntN(32, value))
      cells[at + valueAt + 1] = Number(value >> 32n)
    }
    const cell = at / cellWidth
    if (delta.authorizeMs !== null) this.#tally(cell, bucketOf(delta.authorizeMs))
    if (delta.reason !== null) this.#tally(cell, reasonKind + this.#names.numberOf(delta.reason))
  }

  content(): CounterBlockContent {
    return {
      start: this.start,
      upTo: this.upTo,
      names: this.#names.list,
      cells: this.#cells.length / cellWidth,
      words: Buffer.concat([this.#cells.bytes(), this.#tallies.bytes()]),
    }
  }

  #tally(cell: number, kind: number): void {
    const key = cell * kindsMax + kind
    let at = this.#tallyByKey.get(key)
    if (at === undefined) {
      at = this.#tallies.find(tallyWidth, cell, kind) ?? this.#tallies.push(cell, kind, 0)
      this.#tallyByKey.set(key, at)
    }
    this.#tallies.all[at + 2]!++
  }

  /** Where the payment's cell begins. */
  #cellOf(payment: LoggedPayment): number {
    const number = (name: string): number => this.#names.numberOf(name)
    const minute = Math.floor((payment.createdAt.getTime() - this.start.getTime()) / minuteMs)
    const when = minute | (number(laneName(payment)) << 16)
    const who = number(payment.wallet) | (number(payment.acquirer) << 16)
    const how = number(payment.mcc) | (number(payment.entryMode) << 16)
    const key = `${when} ${who} ${how}`
    let at = this.#cellByKey.get(key)
    if (at === undefined) {
      at = this.#cells.find(cellWidth, when, who, how) ?? this.#cells.push(when, who, how, 0, 0, 0, 0, 0)
      this.#cellByKey.set(key, at)
    }
    return at
  }
}

/** Words in a row, to which more can be added. */
class Words {
  /** What lies after `length` means nothing. Adding words replaces it. */
  all: Int32Array
  length: number

  constructor(words: Int32Array) {
    this.all = words
    this.length = words.length
  }

  /** Adds words, and gives the place of the first. */
  push(...words: readonly number[]): number {
    const at = this.length
    this.length += words.length
    if (this.length > this.all.length) {
      const old = this.all
      this.all = new Int32Array(Math.max(64, 2 * this.length))
      this.all.set(old)
    }
    this.all.set(words, at)
    return at
  }

  /** The last of the rows of `width` words that begins with `head`; undefined when none does. */
  find(width: number, ...head: readonly number[]): number | undefined {
    for (let at = this.length - width; at >= 0; at -= width) {
      if (head.every((word, n) => this.all[at + n] === word)) return at
    }
    return undefined
  }

  bytes(): Buffer {
    return Buffer.from(this.all.buffer, this.all.byteOffset, this.length * 4)
  }
}

/** A slab as it is read: words to run over, with names numbered as in many others. */
export interface CounterBlock {
  /** Milliseconds since 1970. */
  readonly start: number
  /** After its last cell. */
  readonly end: number
  readonly cells: number
  readonly words: Int32Array
}

/** Makes words of `content` that can be read with `names`, where new names get a number. */
export function readCounterBlock(content: CounterBlockContent, names: Names): CounterBlock {
  const numbers = content.names.map((name) => names.numberOf(name))
  const words = wordsOf(content.words)
  const tallies = content.cells * cellWidth
  const renumber = (word: number): number => numbers[word & halfMask]! | (numbers[word >>> 16]! << 16)
  let lastMinute = 0
  for (let at = 0; at < tallies; at += cellWidth) {
    lastMinute = Math.max(lastMinute, words[at]! & halfMask)
    words[at] = (words[at]! & halfMask) | (numbers[words[at]! >>> 16]! << 16)
    words[at + 1] = renumber(words[at + 1]!)
    words[at + 2] = renumber(words[at + 2]!)
  }
  for (let at = tallies + 1; at < words.length; at += tallyWidth) {
    if (words[at]! >= reasonKind) words[at] = reasonKind + numbers[words[at]! - reasonKind]!
  }
  const start = content.start.getTime()
  return { start, end: start + (lastMinute + 1) * minuteMs, cells: content.cells, words }
}

/** Bytes from MongoDB lie anywhere in its answer; an Int32Array wants its own aligned copy. */
const wordsOf = (bytes: Uint8Array): Int32Array => new Int32Array(new Uint8Array(bytes).buffer)
