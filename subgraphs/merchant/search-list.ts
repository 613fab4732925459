// Lists of merchants by words of their names, in order of id. A word that few names of an acquirer have
// is found by the index on words, and a frequent one by reading the merchants in order. What would be a
// scan is refused.

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
  /** How many it has, at most. */
  readonly merchants: number
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
   * Counts the first `max` entries that the index on words has for these acquirers, one acquirer after
   * another. All have a word that each match has.
   */
  count(acquirers: readonly ParticipantId[], max: number): Promise<readonly NameCount[]>
  /** The first matches of these acquirers, by the index on words, in order of id. */
  byWords(acquirers: readonly ParticipantId[], size: number): Promise<readonly Merchant[]>
  /** The first matches among the first `max` merchants of a region, in order of id. */
  byWalk(region: WalkedRegion, size: number, max: number): Promise<WalkedNames>
}

export interface WalkedNames {
  readonly merchants: readonly Merchant[]
  /** False when the region has more merchants than were read. */
  readonly isWhole: boolean
}

/** How far a word is searched before the next effort is made. */
export interface Effort {
  /** With as many entries in the index at one acquirer, a word is frequent there. */
  readonly entriesMax: number
  /** Merchants of an acquirer that are read in order for a frequent word. */
  readonly walkMax: number
}

export interface NameListLimits {
  /** At least one, increasing. */
  readonly efforts: readonly Effort[]
  /** Merchants that are read before a search is refused. */
  readonly readMax: number
}

const usualLimits: NameListLimits = {
  efforts: [
    { entriesMax: 300, walkMax: 2_000 },
    { entriesMax: 3_000, walkMax: 20_000 },
  ],
  readMax: 25_000,
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
  { efforts, readMax }: NameListLimits = usualLimits,
): Promise<readonly Merchant[] | Refusal> {
  const page: Merchant[] = []
  // The id of a merchant begins with its acquirer and a full stop; a slash is the next character.
  let rest = acquirersOf(cube, selected)
    .toSorted((a, b) => (`${a}.` < `${b}.` ? -1 : 1))
    .filter((acquirer) => after === null || `${acquirer}/` > after)
  let left = readMax
  let effort = 0
  for (let wanted = size; rest.length > 0 && page.length < size; wanted *= 10) {
    if (effort === efforts.length || left <= 0) return tooBroad()
    const { entriesMax, walkMax } = efforts[effort]!
    // The index has acquirers in order of their own ids: another one, where an id begins with another.
    const isInOrder = rest.every((acquirer, n) => n === 0 || rest[n - 1]! < acquirer)
    const counted = isInOrder ? rest : rest.slice(0, 1)
    const counts = await reads.count(counted, entriesMax)
    const { few, names } = withFewNames(cube, selected, counted, counts, entriesMax, wanted)
    if (few > 0) {
      page.push(...(await reads.byWords(counted.slice(0, few), size - page.length)))
      rest = rest.slice(few)
      left -= names
      effort = 0
      continue
    }
    const region = regionOf(cube, selected, rest[0]!)
    const { merchants, isWhole } = await reads.byWalk(region, size - page.length, walkMax)
    left -= Math.min(walkMax, region.merchants)
    if (isWhole || page.length + merchants.length === size) {
      page.push(...merchants)
      rest = rest.slice(1)
      effort = 0
    } else effort++
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
  const numbers = profilesWithMerchants(cube, selected)
    .filter((n) => cube.profiles[n]!.acquirer === acquirer)
    .toArray()
  if (numbers.length > rangesMax) return { acquirer, profiles: null, merchants: cube.merchantsOf(acquirer) }
  const merchants = numbers.reduce((sum, n) => sum + cube.totals[n]!, 0)
  return { acquirer, profiles: numbers.map((n) => cube.keys[n]!), merchants }
}
