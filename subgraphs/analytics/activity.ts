// Figures from slabs: which cells a question means, and what they add up to. No MongoDB, no GraphQL.

import type { Visibility } from '../shared/access.ts'
import { percentilesOf, type Percentiles } from './histogram.ts'
import { minuteMs, type Range } from './range.ts'
import {
  approvedAt,
  cellWidth,
  declinedAt,
  halfMask,
  laneOf,
  paymentsAt,
  placeOf,
  reasonKind,
  tallyWidth,
  valueAt,
  type Facet,
  type Names,
  type CounterBlock,
} from './counter-block.ts'
import type { ParticipantId } from '../../schema/values/id.ts'

/** Every given list must match, by any of its entries; one that is left out asks for nothing in particular. */
export interface Filters {
  readonly directions?: readonly string[] | undefined
  readonly wallets?: readonly ParticipantId[] | undefined
  readonly acquirers?: readonly ParticipantId[] | undefined
  readonly corridors?: readonly string[] | undefined
  readonly projects?: readonly string[] | undefined
  readonly merchantCountries?: readonly string[] | undefined
  readonly mccs?: readonly string[] | undefined
  readonly entryModes?: readonly string[] | undefined
}

/** Which payments are asked for. */
export interface Question {
  readonly range: Range
  readonly where: Filters
  /** Each one narrows further: what the viewer may see, and whose payments are asked for. */
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

/** Where a dimension's key is found in a cell. */
const keyIn: Readonly<
  Record<
    Exclude<Dimension, 'DECLINE_REASON'>,
    { readonly facet: Facet; readonly key: (name: string) => string }
  >
> = {
  CORRIDOR: { facet: 'lane', key: (name) => laneOf(name).corridor },
  MERCHANT_COUNTRY: { facet: 'lane', key: (name) => laneOf(name).merchantCountry },
  WALLET: { facet: 'wallet', key: (name) => name },
  ACQUIRER: { facet: 'acquirer', key: (name) => name },
  MCC: { facet: 'mcc', key: (name) => name },
  ENTRY_MODE: { facet: 'entryMode', key: (name) => name },
}

/** What `slabs` say to `question`. Each figure is one run over the cells in range; nothing is done before it is asked for. */
export function answerActivity(blocks: readonly CounterBlock[], names: Names, question: Question) {
  const isWanted = matcher(names, question)
  const { from, to } = question.range
  const inRange = blocks.filter(({ start, end }) => start < to && end > from)

  /** Calls `visit` with each slab that has a match, and a flag per cell. */
  const eachMatch = (visit: (block: CounterBlock, matches: Uint8Array) => void): void => {
    let matches = new Uint8Array(1024)
    for (const block of inRange) {
      const { start, end, cells, words } = block
      if (matches.length < cells) matches = new Uint8Array(cells * 2)
      if (!isWanted && start >= from && end <= to) {
        visit(block, matches.fill(1, 0, cells))
        continue
      }
      let some = false
      for (let cell = 0, at = 0; cell < cells; cell++, at += cellWidth) {
        const time = start + (words[at]! & halfMask) * minuteMs
        const match = time >= from && time < to && (!isWanted || isWanted(words, at))
        matches[cell] = match ? 1 : 0
        some ||= match
      }
      if (some) visit(block, matches)
    }
  }

  /** Counts by tally kind, as `take` numbers them; kinds that it gives null for are left out. */
  const tallies = (take: (kind: number) => number | null): Map<number, number> => {
    const counts = new Map<number, number>()
    eachMatch(({ cells, words }, matches) => {
      for (let at = cells * cellWidth; at < words.length; at += tallyWidth) {
        if (matches[words[at]!] === 0) continue
        const kind = take(words[at + 1]!)
        if (kind !== null) counts.set(kind, (counts.get(kind) ?? 0) + words[at + 2]!)
      }
    })
    return counts
  }

  return {
    totals(): Figures {
      const total = new Sum()
      eachMatch(({ cells, words }, matches) => {
        for (let cell = 0; cell < cells; cell++) if (matches[cell] === 1) total.add(words, cell * cellWidth)
      })
      return total.figures()
    },

    /** Latency of those that were answered; null when none was. */
    authorizeMs: (): Percentiles | null =>
      percentilesOf(tallies((kind) => (kind < reasonKind ? kind : null))),

    /** One row per start, in their order; each reaches to the next one's. */
    series(starts: readonly number[]): Figures[] {
      const sums = starts.map(() => new Sum())
      let bucket = 0
      eachMatch(({ start, cells, words }, matches) => {
        for (let cell = 0; cell < cells; cell++) {
          if (matches[cell] === 0) continue
          const at = cell * cellWidth
          const time = start + (words[at]! & halfMask) * minuteMs
          if (time < starts[bucket]! || time >= (starts[bucket + 1] ?? Infinity)) {
            bucket = lastAtOrBefore(starts, time)
          }
          sums[bucket]!.add(words, at)
        }
      })
      return sums.map((sum) => sum.figures())
    },

    /** Parts that have payments, most payments first, then by key. */
    breakdown(by: Dimension): Share[] {
      if (by === 'DECLINE_REASON') {
        const counts = tallies((kind) => (kind < reasonKind ? null : kind - reasonKind))
        return largestFirst(
          [...counts].map(([reason, count]) => ({
            key: names.list[reason]!,
            payments: count,
            approved: 0,
            declined: count,
            value: 0n,
          })),
        )
      }
      const { facet, key } = keyIn[by]
      const { word, shift } = placeOf[facet]
      // Several lanes may have one key, so a sum belongs to the key and is found by the number.
      const sums = new Map<string, Sum>()
      const sumByNumber: Sum[] = []
      const sumOf = (number: number): Sum => {
        const its = key(names.list[number]!)
        const sum = sums.get(its) ?? new Sum()
        sums.set(its, sum)
        return (sumByNumber[number] = sum)
      }
      eachMatch(({ cells, words }, matches) => {
        for (let cell = 0; cell < cells; cell++) {
          if (matches[cell] === 0) continue
          const at = cell * cellWidth
          const number = (words[at + word]! >>> shift) & halfMask
          ;(sumByNumber[number] ?? sumOf(number)).add(words, at)
        }
      })
      return largestFirst([...sums].map(([one, sum]) => ({ key: one, ...sum.figures() })))
    },
  }
}

export type ActivityAnswer = ReturnType<typeof answerActivity>

const largestFirst = (shares: readonly Share[]): Share[] =>
  shares
    .filter(({ payments }) => payments > 0)
    .toSorted((a, b) => b.payments - a.payments || (a.key < b.key ? -1 : 1))

/** Adds up values as two halves, for a bigint a cell would be ten times slower; the halves stay exact below 2⁵³. */
class Sum {
  payments = 0
  approved = 0
  declined = 0
  #low = 0
  #high = 0

  add(words: Int32Array, at: number): void {
    this.payments += words[at + paymentsAt]!
    this.approved += words[at + approvedAt]!
    this.declined += words[at + declinedAt]!
    this.#low += words[at + valueAt]! >>> 0
    this.#high += words[at + valueAt + 1]!
    if (this.#low >= 2 ** 52) {
      const carry = Math.floor(this.#low / 2 ** 32)
      this.#high += carry
      this.#low -= carry * 2 ** 32
    }
  }

  figures(): Figures {
    const { payments, approved, declined } = this
    return { payments, approved, declined, value: BigInt(this.#high) * 2n ** 32n + BigInt(this.#low) }
  }
}

/** A test of a cell, by flags for each number: no name is compared while running over cells. Null when every cell passes. */
function matcher(
  { list }: Names,
  { where, within }: Question,
): ((words: Int32Array, at: number) => boolean) | null {
  const asksForAll = Object.values(where).every((wanted) => wanted === undefined)
  if (asksForAll && within.every(({ kind }) => kind === 'all')) return null

  const among = (wanted: readonly string[] | undefined) => flagsOf(list, (name) => isAmong(wanted, name))
  const lanes = list.map(laneOf)
  const laneFlags = flagsOf(
    lanes,
    ({ corridor, direction, merchantCountry, project }) =>
      isAmong(where.corridors, corridor) &&
      isAmong(where.directions, direction) &&
      isAmong(where.merchantCountries, merchantCountry) &&
      isAmong(where.projects, project),
  )
  const walletFlags = among(where.wallets)
  const acquirerFlags = among(where.acquirers)
  const mccFlags = among(where.mccs)
  const entryModeFlags = among(where.entryModes)
  const parties = within.flatMap((party) =>
    party.kind === 'all'
      ? []
      : {
          wallet: party.wallet === null ? -1 : list.indexOf(party.wallet),
          acquirer: party.acquirer === null ? -1 : list.indexOf(party.acquirer),
          lanes: flagsOf(lanes, ({ corridor }) => party.corridors.has(corridor)),
        },
  )
  return (words, at) => {
    const lane = words[at]! >>> 16
    const wallet = words[at + 1]! & halfMask
    const acquirer = words[at + 1]! >>> 16
    return (
      laneFlags[lane] === 1 &&
      walletFlags[wallet] === 1 &&
      acquirerFlags[acquirer] === 1 &&
      mccFlags[words[at + 2]! & halfMask] === 1 &&
      entryModeFlags[words[at + 2]! >>> 16] === 1 &&
      parties.every(
        (party) => wallet === party.wallet || acquirer === party.acquirer || party.lanes[lane] === 1,
      )
    )
  }
}

const isAmong = (wanted: readonly string[] | undefined, name: string): boolean =>
  wanted === undefined || wanted.includes(name)

const flagsOf = <Name>(names: readonly Name[], isWanted: (name: Name) => boolean): Uint8Array =>
  Uint8Array.from(names, (name) => (isWanted(name) ? 1 : 0))

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
