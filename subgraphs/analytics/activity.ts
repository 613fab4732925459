// Figures from counter blocks: which cells a question selects, and their sums. No MongoDB, no GraphQL.

import type { CorridorId, ParticipantId, ProjectId } from '../../schema/values/id.ts'
import type { Visibility } from '../shared/access.ts'
import { facetFields, type Cell, type CounterBlock, type Facet } from './counter-block.ts'
import { percentilesOf, type Percentiles } from './histogram.ts'
import { laneOf, type Names } from './names.ts'
import type { Range } from './range.ts'

/**
 * A payment must match every given list by any of its entries; a list that is undefined matches all payments.
 */
export interface Filters {
  readonly directions?: readonly string[] | undefined
  readonly wallets?: readonly ParticipantId[] | undefined
  readonly acquirers?: readonly ParticipantId[] | undefined
  readonly corridors?: readonly CorridorId[] | undefined
  readonly projects?: readonly ProjectId[] | undefined
  readonly merchantCountries?: readonly string[] | undefined
  readonly mccs?: readonly string[] | undefined
  readonly entryModes?: readonly string[] | undefined
}

/**
 * Selects payments by the time of their creation, by filters, and by the participants that take part in them.
 */
export interface Question {
  readonly range: Range
  readonly where: Filters
  /**
   * A payment must be within each: the viewer's payments, and those of the participant that the question is
   * about.
   */
  readonly within: readonly Visibility[]
}

export interface Figures {
  readonly payments: number
  readonly approved: number
  readonly declined: number
  /** Fen. */
  readonly value: bigint
}

export interface Share extends Figures {
  readonly key: string
}

export type Dimension =
  'CORRIDOR' | 'WALLET' | 'ACQUIRER' | 'MERCHANT_COUNTRY' | 'MCC' | 'ENTRY_MODE' | 'DECLINE_REASON'

type FacetDimension = Exclude<Dimension, 'DECLINE_REASON'>

/**
 * Answers `question` from `blocks`, whose names are numbered by `names`. Each call reads all cells in the
 * range once.
 */
export function answerActivity(blocks: readonly CounterBlock[], names: Names, question: Question) {
  const selection = new Selection(blocks, names, question)
  return {
    totals: (): Figures => totalsOf(selection),
    /** Latency of the payments that the counterparty answered; null without any. */
    authorizeMs: (): Percentiles | null => percentilesOf(countTallies(selection, 'latency')),
    /** One row per start, in order; each row reaches to the next start. */
    series: (starts: readonly number[]): Figures[] => seriesOf(selection, starts),
    /** Parts that have payments, most payments first, then by key. */
    breakdown: (by: Dimension): Share[] =>
      largestFirst(
        by === 'DECLINE_REASON' ? declineReasons(selection, names) : partsOf(selection, names, by),
      ),
  }
}

export type ActivityAnswer = ReturnType<typeof answerActivity>

/** The cells that a question selects. */
class Selection {
  readonly #blocks: readonly CounterBlock[]
  readonly #range: Range
  /** Null when every cell in the range matches. */
  readonly #matches: ((cell: Cell) => boolean) | null

  constructor(blocks: readonly CounterBlock[], names: Names, question: Question) {
    const { from, to } = question.range
    this.#blocks = blocks.filter(({ start, end }) => start < to && end > from)
    this.#range = question.range
    this.#matches = matcher(names, question)
  }

  /**
   * Visits each block that has a selected cell. `isSelected` holds 1 for each selected cell, until `visit`
   * returns.
   */
  forEachBlock(visit: (block: CounterBlock, isSelected: Uint8Array) => void): void {
    const { from, to } = this.#range
    let isSelected = new Uint8Array(1024)
    for (const block of this.#blocks) {
      if (isSelected.length < block.size) isSelected = new Uint8Array(block.size * 2)
      if (!this.#matches && block.start >= from && block.end <= to) {
        visit(block, isSelected.fill(1, 0, block.size))
      } else if (this.#select(block, isSelected)) {
        visit(block, isSelected)
      }
    }
  }

  /** Writes a flag for each cell; true when any cell is selected. */
  #select(block: CounterBlock, isSelected: Uint8Array): boolean {
    const { from, to } = this.#range
    const matches = this.#matches
    const cell = block.cells()
    let hasAny = false
    while (cell.next()) {
      const { time } = cell
      const selected = time >= from && time < to && (!matches || matches(cell))
      isSelected[cell.index] = selected ? 1 : 0
      hasAny ||= selected
    }
    return hasAny
  }
}

function totalsOf(selection: Selection): Figures {
  const total = new Sum()
  selection.forEachBlock((block, isSelected) => {
    const cell = block.cells()
    while (cell.next()) if (isSelected[cell.index] === 1) total.add(cell)
  })
  return total.figures()
}

function seriesOf(selection: Selection, starts: readonly number[]): Figures[] {
  const sums = starts.map(() => new Sum())
  let bucket = 0
  selection.forEachBlock((block, isSelected) => {
    const cell = block.cells()
    while (cell.next()) {
      if (isSelected[cell.index] === 0) continue
      const { time } = cell
      // Consecutive cells mostly fall into the same bucket.
      if (time < starts[bucket]! || time >= (starts[bucket + 1] ?? Infinity)) {
        bucket = lastAtOrBefore(starts, time)
      }
      sums[bucket]!.add(cell)
    }
  })
  return sums.map((sum) => sum.figures())
}

/** Sums by the key of a dimension. */
function partsOf(selection: Selection, names: Names, by: FacetDimension): Share[] {
  const { facet, keyOf } = dimensions[by]
  const field = facetFields[facet]
  // Several lanes may have the same key: `sums` has one sum per key, and `sumByNumber` finds it by number.
  const sums = new Map<string, Sum>()
  const sumByNumber: Sum[] = []
  const addSum = (number: number): Sum => {
    const key = keyOf(names.list[number]!)
    const sum = sums.get(key) ?? new Sum()
    sums.set(key, sum)
    return (sumByNumber[number] = sum)
  }
  selection.forEachBlock((block, isSelected) => {
    const cell = block.cells()
    while (cell.next()) {
      if (isSelected[cell.index] === 0) continue
      const number = cell.numberIn(field)
      ;(sumByNumber[number] ?? addSum(number)).add(cell)
    }
  })
  return Array.from(sums, ([key, sum]) => ({ key, ...sum.figures() }))
}

/** The facet of a cell that gives the key of a dimension, and how. */
const dimensions: Readonly<
  Record<FacetDimension, { readonly facet: Facet; readonly keyOf: (name: string) => string }>
> = {
  CORRIDOR: { facet: 'lane', keyOf: (name) => laneOf(name).corridor },
  MERCHANT_COUNTRY: { facet: 'lane', keyOf: (name) => laneOf(name).merchantCountry },
  WALLET: { facet: 'wallet', keyOf: (name) => name },
  ACQUIRER: { facet: 'acquirer', keyOf: (name) => name },
  MCC: { facet: 'mcc', keyOf: (name) => name },
  ENTRY_MODE: { facet: 'entryMode', keyOf: (name) => name },
}

const declineReasons = (selection: Selection, names: Names): Share[] =>
  Array.from(countTallies(selection, 'reason'), ([reason, count]) => ({
    key: names.list[reason]!,
    payments: count,
    approved: 0,
    declined: count,
    value: 0n,
  }))

/** Counts by bucket of the latency, or by number of the reason's name. */
function countTallies(selection: Selection, kind: 'latency' | 'reason'): Map<number, number> {
  const wantsReasons = kind === 'reason'
  const counts = new Map<number, number>()
  selection.forEachBlock((block, isSelected) => {
    const tally = block.tallies()
    while (tally.next()) {
      if (isSelected[tally.cell] === 0 || tally.isReason !== wantsReasons) continue
      counts.set(tally.number, (counts.get(tally.number) ?? 0) + tally.count)
    }
  })
  return counts
}

const largestFirst = (shares: readonly Share[]): Share[] =>
  shares
    .filter(({ payments }) => payments > 0)
    .toSorted((a, b) => b.payments - a.payments || (a.key < b.key ? -1 : 1))

/**
 * Sums cells. The value is summed as two halves, ten times faster than a bigint; both stay below 2⁵³ and so
 * exact.
 */
class Sum {
  #payments = 0
  #approved = 0
  #declined = 0
  #valueLow = 0
  #valueHigh = 0

  add(cell: Cell): void {
    this.#payments += cell.payments
    this.#approved += cell.approved
    this.#declined += cell.declined
    this.#valueLow += cell.valueLow
    this.#valueHigh += cell.valueHigh
    if (this.#valueLow >= 2 ** 52) {
      const carry = Math.floor(this.#valueLow / 2 ** 32)
      this.#valueHigh += carry
      this.#valueLow -= carry * 2 ** 32
    }
  }

  figures(): Figures {
    return {
      payments: this.#payments,
      approved: this.#approved,
      declined: this.#declined,
      value: BigInt(this.#valueHigh) * 2n ** 32n + BigInt(this.#valueLow),
    }
  }
}

/**
 * A test of cells by one flag per number, so that no name is compared per cell; null when every cell passes.
 */
function matcher({ list }: Names, { where, within }: Question): ((cell: Cell) => boolean) | null {
  const isUnfiltered = Object.values(where).every((wanted) => wanted === undefined)
  if (isUnfiltered && within.every(({ kind }) => kind === 'all')) return null

  const flagsFor = (wanted: readonly string[] | undefined) => flagsOf(list, (name) => isAmong(wanted, name))
  const lanes = list.map(laneOf)
  const laneFlags = flagsOf(
    lanes,
    ({ corridor, direction, merchantCountry, project }) =>
      isAmong(where.corridors, corridor) &&
      isAmong(where.directions, direction) &&
      isAmong(where.merchantCountries, merchantCountry) &&
      isAmong(where.projects, project),
  )
  const walletFlags = flagsFor(where.wallets)
  const acquirerFlags = flagsFor(where.acquirers)
  const mccFlags = flagsFor(where.mccs)
  const entryModeFlags = flagsFor(where.entryModes)
  const parties = within.flatMap((party) =>
    party.kind === 'all'
      ? []
      : {
          wallet: party.wallet === null ? -1 : list.indexOf(party.wallet),
          acquirer: party.acquirer === null ? -1 : list.indexOf(party.acquirer),
          laneFlags: flagsOf(lanes, ({ corridor }) => party.corridors.has(corridor)),
        },
  )
  return (cell) => {
    const { lane, wallet, acquirer } = cell
    return (
      laneFlags[lane] === 1 &&
      walletFlags[wallet] === 1 &&
      acquirerFlags[acquirer] === 1 &&
      mccFlags[cell.mcc] === 1 &&
      entryModeFlags[cell.entryMode] === 1 &&
      parties.every(
        (party) => wallet === party.wallet || acquirer === party.acquirer || party.laneFlags[lane] === 1,
      )
    )
  }
}

const isAmong = (wanted: readonly string[] | undefined, name: string): boolean =>
  wanted === undefined || wanted.includes(name)

const flagsOf = <Name>(names: readonly Name[], isWanted: (name: Name) => boolean): Uint8Array =>
  Uint8Array.from(names, (name) => (isWanted(name) ? 1 : 0))

/** The index of the last start that is not after `time`; `starts` is in order. */
function lastAtOrBefore(starts: readonly number[], time: number): number {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (starts[middle]! <= time) low = middle
    else high = middle - 1
  }
  return low
}
