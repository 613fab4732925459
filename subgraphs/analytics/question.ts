// Reads a client's filter into a question, or refuses the first invalid value.

import type { CorridorId, ParticipantId } from '../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { Visibility } from '../shared/access.ts'
import { readCountries } from '../shared/read-names.ts'
import type { Question } from './activity.ts'
import { readRange, type RangeInput } from './range.ts'

type List<Item extends string = string> = readonly Item[] | null

export interface ActivityFilterInput {
  readonly range: RangeInput
  readonly directions?: List
  readonly wallets?: List<ParticipantId>
  readonly acquirers?: List<ParticipantId>
  readonly corridors?: List<CorridorId>
  readonly merchantCountries?: List
  readonly mccs?: List
  readonly entryModes?: List
}

/** Limits the question to the payments in `viewer`. Refuses with BAD_RANGE, UNKNOWN_COUNTRY or BAD_VALUE. */
export function readQuestion(where: ActivityFilterInput, now: Date, viewer: Visibility): Question | Refusal {
  const range = readRange(where.range, now, ['where', 'range'])
  if (isRefusal(range)) return range
  const merchantCountries = readCountries(where.merchantCountries, ['where', 'merchantCountries'])
  if (isRefusal(merchantCountries)) return merchantCountries
  const badMcc = where.mccs?.findIndex((code) => !/^\d{4}$/.test(code)) ?? -1
  if (badMcc >= 0) {
    return refuse('BAD_VALUE', 'a category code has four digits', ['where', 'mccs', String(badMcc)])
  }
  const filters = {
    directions: unlessEmpty(where.directions),
    wallets: unlessEmpty(where.wallets),
    acquirers: unlessEmpty(where.acquirers),
    corridors: unlessEmpty(where.corridors),
    merchantCountries: unlessEmpty(where.merchantCountries),
    mccs: unlessEmpty(where.mccs),
    entryModes: unlessEmpty(where.entryModes),
  }
  return { range, where: filters, within: [viewer] }
}

/** An empty list filters nothing, as one that is omitted. */
const unlessEmpty = <Item extends string>(list: List<Item> | undefined): readonly Item[] | undefined =>
  list?.length ? list : undefined
