// Figures from counter blocks: which cells a question selects, and their sums. No MongoDB, no GraphQL.

import type { CorridorId, ParticipantId, ProjectId } from '../../schema/values/id.ts'
import type { LoopTime } from '../platform/async/loop-time.ts'
import { inSlices, type Steps } from '../platform/async/slices.ts'
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

export type FacetDimension = Exclude<Dimension, 'DECLINE_REASON'>

/** What is tallied of one part of a breakdown. */
export interface PartDetails {
  /** Null without an answer of a counterparty. */
  readonly authorizeMs: Percentiles | null
  /** Declined payments by reason, most first, then by code. */
  readonly reasons: readonly Share[]
}

/** What a part of an answer reads of the cells. */
export interface CellUse {
  readonly facets: readonly Facet[]
  readonly tallies: boolean
  /** The starts of buckets, in order, between which times make no difference. */
  readonly starts: readonly number[]
}

/**
 * The blocks with the cells of a range, and possibly others, in groups. Cells that agree in what is used may
 * be summed, when the range has all of them.
 */
export type BlockSource = (range: Range, use: CellUse) => AsyncIterable<readonly CounterBlock[]>

/** A rebuild has replaced the blocks of a source while they were read; the source then has the new ones. */
export class BlocksReplacedError extends Error {
  override readonly name = 'BlocksReplacedError'
}

/** These blocks for every question. */
export const onlyBlocks = (blocks: readonly CounterBlock[]): BlockSource =>
  async function* all() {
    yield blocks
  }

/**
 * Answers `question` from the blocks of `source`, whose names are numbered by `names`. Each call reads the
 * cells in the range once, in slices, which count as `loopTime`.
 */
export function answerActivity(source: BlockSource, names: Names, question: Question, loopTime?: LoopTime) {
  const selection = new Selection(source, names, question, loopTime)
  return {
    totals: (): Promise<Figures> => untilRead(() => totalsOf(selection)),
    /** Latency of the payments that the counterparty answered; null without any. */
    async authorizeMs(): Promise<Percentiles | null> {
      return percentilesOf(await untilRead(() => countTallies(selection, 'latency')))
    },
    /** One row per start, in order; each row reaches to the next start. */
    series: (starts: readonly number[]): Promise<Figures[]> => untilRead(() => seriesOf(selection, starts)),
    /** Parts that have payments, most payments first, then by key. */
    async breakdown(by: Dimension): Promise<Share[]> {
      return largestFirst(
        await untilRead(() =>
          by === 'DECLINE_REASON' ? declineReasons(selection, names) : partsOf(selection, names, by),
        ),
      )
    },
    /** Latency and decline reasons of each part, by its key. */
    details: (by: FacetDimension): Promise<ReadonlyMap<string, PartDetails>> =>
      untilRead(() => detailsOf(selection, names, by)),
  }
}

async function untilRead<Result>(read: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof BlocksReplacedError)) throw error
    }
  }
}

export type ActivityAnswer = ReturnType<typeof answerActivity>

/** A block and its selected cells: `isSelected` holds 1 for each, until the next block. */
interface Selected {
  readonly block: CounterBlock
  readonly isSelected: Uint8Array
}

/** The cells that a question selects. */
class Selection {
  readonly #source: BlockSource
  readonly #names: Names
  readonly #question: Question
  readonly #loopTime: LoopTime | undefined
  /** The facets that the filter reads. */
  readonly #facets: readonly Facet[]
  /** A test of cells for this many names; reading a block may add names. */
  #matcher: { readonly names: number; readonly matches: ((cell: Cell) => boolean) | null } | null = null

  constructor(source: BlockSource, names: Names, question: Question, loopTime?: LoopTime) {
    this.#source = source
    this.#names = names
    this.#question = question
    this.#loopTime = loopTime
    this.#facets = facetsOf(question)
  }

  /** Null when every cell in the range matches. */
  get #matches(): ((cell: Cell) => boolean) | null {
    const names = this.#names.list.length
    if (this.#matcher?.names !== names) {
      this.#matcher = { names, matches: matcher(this.#names, this.#question) }
    }
    return this.#matcher.matches
  }

  /** Passes each block that has a selected cell to `visit`. */
  async visit(
    { facets = [], tallies = false, starts = [] }: Partial<CellUse>,
    visit: (selected: Selected) => void,
  ): Promise<void> {
    const use = { facets: [...facets, ...this.#facets], tallies, starts }
    for await (const blocks of this.#source(this.#question.range, use)) {
      await inSlices(this.#visitAll(blocks, visit), this.#loopTime)
    }
  }

  *#visitAll(blocks: readonly CounterBlock[], visit: (selected: Selected) => void): Steps<void> {
    const { from, to } = this.#question.range
    let isSelected = new Uint8Array(1024)
    for (const block of blocks) {
      if (block.start >= to || block.end <= from) continue
      if (isSelected.length < block.size) isSelected = new Uint8Array(block.size * 2)
      if (this.#matches === null && block.start >= from && block.end <= to) {
        visit({ block, isSelected: isSelected.fill(1, 0, block.size) })
      } else if (this.#select(block, isSelected)) {
        visit({ block, isSelected })
      }
      yield
    }
  }

  /** Writes a flag for each cell; true when any cell is selected. */
  #select(block: CounterBlock, isSelected: Uint8Array): boolean {
    const { from, to } = this.#question.range
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

async function totalsOf(selection: Selection): Promise<Figures> {
  const total = new Sum()
  await selection.visit({}, ({ block, isSelected }) => {
    const cell = block.cells()
    while (cell.next()) if (isSelected[cell.index] === 1) total.add(cell)
  })
  return total.figures()
}

async function seriesOf(selection: Selection, starts: readonly number[]): Promise<Figures[]> {
  const sums = starts.map(() => new Sum())
  let bucket = 0
  await selection.visit({ starts }, ({ block, isSelected }) => {
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
async function partsOf(selection: Selection, names: Names, by: FacetDimension): Promise<Share[]> {
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
  await selection.visit({ facets: [facet] }, ({ block, isSelected }) => {
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

const declineReasons = async (selection: Selection, names: Names): Promise<Share[]> =>
  reasonShares(await countTallies(selection, 'reason'), names)

/** Of counts by number of the reason’s name. */
const reasonShares = (counts: ReadonlyMap<number, number>, names: Names): Share[] =>
  Array.from(counts, ([reason, count]) => ({
    key: names.list[reason]!,
    payments: count,
    approved: 0,
    declined: count,
    value: 0n,
  }))

/** Counts by bucket of the latency, and by number of the reason’s name. */
class PartTallies {
  readonly latencies = new Map<number, number>()
  readonly reasons = new Map<number, number>()
}

async function detailsOf(
  selection: Selection,
  names: Names,
  by: FacetDimension,
): Promise<ReadonlyMap<string, PartDetails>> {
  const { facet, keyOf } = dimensions[by]
  const field = facetFields[facet]
  const parts = new Map<string, PartTallies>()
  const partByNumber: PartTallies[] = []
  const addPart = (number: number): PartTallies => {
    const key = keyOf(names.list[number]!)
    const part = parts.get(key) ?? new PartTallies()
    parts.set(key, part)
    return (partByNumber[number] = part)
  }
  await selection.visit({ facets: [facet], tallies: true }, ({ block, isSelected }) => {
    const numbers: number[] = []
    const cell = block.cells()
    while (cell.next()) numbers.push(cell.numberIn(field))
    const tally = block.tallies()
    while (tally.next()) {
      if (isSelected[tally.cell] === 0) continue
      const number = numbers[tally.cell]!
      const part = partByNumber[number] ?? addPart(number)
      const counts = tally.isReason ? part.reasons : part.latencies
      counts.set(tally.number, (counts.get(tally.number) ?? 0) + tally.count)
    }
  })
  return new Map(
    Array.from(parts, ([key, { latencies, reasons }]) => [
      key,
      { authorizeMs: percentilesOf(latencies), reasons: largestFirst(reasonShares(reasons, names)) },
    ]),
  )
}

/** Counts by bucket of the latency, or by number of the reason's name. */
async function countTallies(selection: Selection, kind: 'latency' | 'reason'): Promise<Map<number, number>> {
  const wantsReasons = kind === 'reason'
  const counts = new Map<number, number>()
  await selection.visit({ tallies: true }, ({ block, isSelected }) => {
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

/** The facets that the filter of a question reads. */
function facetsOf({ where, within }: Question): readonly Facet[] {
  const { wallets, acquirers, mccs, entryModes, ...ofLane } = where
  const parties = within.some(({ kind }) => kind !== 'all')
  const reads: Readonly<Record<Facet, boolean>> = {
    lane: parties || Object.values(ofLane).some((wanted) => wanted !== undefined),
    wallet: parties || wallets !== undefined,
    acquirer: parties || acquirers !== undefined,
    mcc: mccs !== undefined,
    entryMode: entryModes !== undefined,
  }
  return (Object.keys(reads) as Facet[]).filter((facet) => reads[facet])
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
