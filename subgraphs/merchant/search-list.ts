// Lists of merchants by words of their names, in order of id. A word that few names of an acquirer have is found
// by the index on words, and a frequent one by reading the merchants in order. What would be a scan is refused.

import type { MerchantId, ParticipantId } from '../../schema/values/id.ts'
import type { Refusal } from '../../schema/values/problems.ts'
import type { CountCube } from './count-cube.ts'
import type { ProfileKey } from './count-key.ts'
import type { Merchant } from './merchant.ts'
import { tooBroad } from './search-counts.ts'
import { acquirersOf, profilesWithMerchants, rangesMax } from './select-counts.ts'

/** Merchants of `acquirer` that may match: those of some profiles, or all. */
export interface WalkedRegion {
  readonly acquirer: ParticipantId
  readonly profiles: readonly ProfileKey[] | null
}

/** Names of an acquirer's merchants with a word, by profile. */
export interface NameCount {
  readonly acquirer: ParticipantId
  readonly profile: ProfileKey
  readonly names: number
}

/** What a list by words reads of MongoDB. */
export interface NameReads {
  /**
   * Counts the first `max` entries that the index on words has for these acquirers, one acquirer after another.
   * All have a word that each match has.
   */
  count(acquirers: readonly ParticipantId[], max: number): Promise<readonly NameCount[]>
  /** The first matches of these acquirers, by the index on words, in order of id. */
  byWords(acquirers: readonly ParticipantId[], size: number): Promise<readonly Merchant[]>
  /** The first matches among the first `max` merchants of a region, in order of id. */
  byWalk(region: WalkedRegion, size: number, max: number): Promise<WalkedNames>
}

export interface WalkedNames {
  readonly merchants: readonly Merchant[]
  /** How many merchants were read for a page that is not full; null when the region has more. */
  readonly read: number | null
}

export interface NameListLimits {
  /** With as many entries in the index at one acquirer, a word is frequent there. */
  readonly entriesMax: number
  /** Merchants that are read before a search is refused. */
  readonly readMax: number
}

/**
 * A page of `size` merchants after `after`, in order of id; `selected` has a flag per profile that may match.
 * Refuses with SEARCH_TOO_BROAD.
 */
export async function listByNames(
  cube: CountCube,
  selected: Uint8Array,
  reads: NameReads,
  { after, size }: { readonly after: MerchantId | null; readonly size: number },
  { entriesMax, readMax }: NameListLimits = { entriesMax: 3_000, readMax: 20_000 },
): Promise<readonly Merchant[] | Refusal> {
  const page: Merchant[] = []
  // The id of a merchant begins with its acquirer and a full stop; a slash is the next character.
  let rest = acquirersOf(cube, selected)
    .toSorted((a, b) => (`${a}.` < `${b}.` ? -1 : 1))
    .filter((acquirer) => after === null || `${acquirer}/` > after)
  let left = readMax
  for (let wanted = size; rest.length > 0 && page.length < size; wanted *= 10) {
    // The index has acquirers in order of their own ids: another one, where an id begins with another.
    const isInOrder = rest.every((acquirer, n) => n === 0 || rest[n - 1]! < acquirer)
    const counted = isInOrder ? rest : rest.slice(0, 1)
    const counts = await reads.count(counted, entriesMax)
    const { few, names } = withFewNames(cube, selected, counted, counts, entriesMax, wanted)
    if (few > 0) {
      page.push(...(await reads.byWords(counted.slice(0, few), size - page.length)))
      left -= names
    } else {
      const region = regionOf(cube, selected, rest[0]!)
      const { merchants, read } = await reads.byWalk(region, size - page.length, left)
      page.push(...merchants)
      left -= read ?? left
    }
    if (page.length < size && left <= 0) return tooBroad()
    rest = rest.slice(Math.max(few, 1))
  }
  return page
}

/**
 * How many of the first acquirers have few names with the word: as many as have `wanted` matches together, or
 * all. And how many names these have.
 */
function withFewNames(
  cube: CountCube,
  selected: Uint8Array,
  acquirers: readonly ParticipantId[],
  counts: readonly NameCount[],
  entriesMax: number,
  wanted: number,
): { readonly few: number; readonly names: number } {
  const byAcquirer = new Map<ParticipantId, { names: number; matches: number }>()
  let total = 0
  for (const { acquirer, profile, names } of counts) {
    const sums = byAcquirer.get(acquirer) ?? { names: 0, matches: 0 }
    byAcquirer.set(acquirer, sums)
    total += names
    sums.names += names
    if (selected[cube.numberOfProfile(profile) ?? -1]) sums.matches += names
  }
  // What was counted of the last acquirer may not be all.
  const isWhole = total < entriesMax
  const end = isWhole ? acquirers.length : acquirers.findLastIndex((acquirer) => byAcquirer.has(acquirer))
  let few = 0
  let names = 0
  for (let matches = 0; few < end && matches < wanted; few++) {
    const sums = byAcquirer.get(acquirers[few]!)
    names += sums?.names ?? 0
    matches += sums?.matches ?? 0
  }
  return { few, names }
}

function regionOf(cube: CountCube, selected: Uint8Array, acquirer: ParticipantId): WalkedRegion {
  const profiles: ProfileKey[] = []
  for (const n of profilesWithMerchants(cube, selected)) {
    if (cube.profiles[n]!.acquirer === acquirer) profiles.push(cube.keys[n]!)
  }
  return { acquirer, profiles: profiles.length <= rangesMax ? profiles : null }
}
