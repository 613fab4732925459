// How a question is read: the filter that a client gives, with a refusal for each value that means nothing.

import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { Visibility } from '../shared/access.ts'
import { readCountries } from '../shared/read-names.ts'
import type { Question } from './activity.ts'
import { readRange, type RangeInput } from './range.ts'

type List = readonly string[] | null

export interface ActivityFilterInput {
  readonly range: RangeInput
  readonly directions?: List
  readonly wallets?: List
  readonly acquirers?: List
  readonly corridors?: List
  readonly merchantCountries?: List
  readonly mccs?: List
  readonly entryModes?: List
}

/** The question that `where` asks, within what the viewer sees. */
export function readQuestion(where: ActivityFilterInput, now: Date, viewer: Visibility): Question | Refusal {
  const range = readRange(where.range, now, ['where', 'range'])
  if (isRefusal(range)) return range
  const merchantCountries = readCountries(where.merchantCountries, ['where', 'merchantCountries'])
  if (isRefusal(merchantCountries)) return merchantCountries
  const badMcc = where.mccs?.findIndex((code) => !/^\d{4}$/.test(code)) ?? -1
  if (badMcc >= 0) return refuse('BAD_VALUE', 'a category has four digits', ['where', 'mccs', String(badMcc)])
  const filters = {
    directions: some(where.directions),
    wallets: some(where.wallets),
    acquirers: some(where.acquirers),
    corridors: some(where.corridors),
    merchantCountries: some(where.merchantCountries),
    mccs: some(where.mccs),
    entryModes: some(where.entryModes),
  }
  return { range, where: filters, within: [viewer] }
}

/** An empty list asks for nothing in particular, as one that is left out. */
const some = (list: List | undefined): readonly string[] | undefined => (list?.length ? list : undefined)
