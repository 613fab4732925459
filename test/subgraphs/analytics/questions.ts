// Random questions about a log, and the comparison of their answers with the reference model.

import fc from 'fast-check'
import { expect } from 'vitest'
import type { CorridorId, ParticipantId } from '../../../schema/values/id.ts'
import { isRefusal } from '../../../schema/values/problems.ts'
import type {
  ActivityAnswer,
  Dimension,
  FacetDimension,
  Question,
} from '../../../subgraphs/analytics/activity.ts'
import type { Percentiles } from '../../../subgraphs/analytics/histogram.ts'
import { bucketStarts, minuteMs, type TimeBucket } from '../../../subgraphs/analytics/range.ts'
import type { LogEntry } from '../../../subgraphs/log/entry.ts'
import { spanOfLives } from '../../fixtures/a-log.ts'
import { anId } from '../../fixtures/an-id.ts'
import * as model from './model.ts'

const facets: FacetDimension[] = ['CORRIDOR', 'WALLET', 'ACQUIRER', 'MERCHANT_COUNTRY', 'MCC', 'ENTRY_MODE']
const dimensions: Dimension[] = [...facets, 'DECLINE_REASON']

/** Mostly omitted: a question with many filters mostly selects nothing. */
const list = <Name extends string>(...names: string[]): fc.Arbitrary<Name[] | undefined> =>
  fc.oneof(
    { weight: 5, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.subarray([...names, 'unknown'].map(anId<Name>), { minLength: 1 }) },
  )
const party = fc.oneof(
  fc.constant({ kind: 'all' as const }),
  fc.record({
    kind: fc.constant('own' as const),
    wallet: fc.constantFrom(null, ...['w1', 'both', 'new'].map(anId<ParticipantId>)),
    acquirer: fc.constantFrom(null, ...['a1', 'both'].map(anId<ParticipantId>)),
    corridors: fc.subarray(['SG-CN', 'TH-TH', 'XX-YY'].map(anId<CorridorId>)).map((ids) => new Set(ids)),
  }),
)
const minutes = (spanOfLives.to - spanOfLives.from) / minuteMs
export const aQuestion: fc.Arbitrary<Question> = fc.record({
  range: fc
    .tuple(fc.integer({ min: -60, max: minutes }), fc.integer({ min: 1, max: minutes }))
    .map(([start, length]) => {
      const from = spanOfLives.from + start * minuteMs
      return { from, to: from + length * minuteMs }
    }),
  where: fc.record({
    directions: list('INBOUND', 'LOCAL'),
    wallets: list('w1', 'both'),
    acquirers: list('a1'),
    corridors: list('SG-CN', 'TH-TH'),
    projects: list('sg-sgqr'),
    merchantCountries: list('CN', 'TH'),
    mccs: list('5812'),
    entryModes: list('CPM'),
  }),
  within: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(party, { maxLength: 2 }) },
  ),
})

/** What the schema promises: 3.9 %, then rounded to a whole millisecond. */
const errorOf = (exactMs: number): number => exactMs * 0.039 + 0.5

/** Compares every figure of an answer, with series in the time of `zone`. */
export async function expectSame(
  found: ActivityAnswer,
  log: readonly LogEntry[],
  question: Question,
  zone = 'UTC',
): Promise<void> {
  expect(await found.totals()).toEqual(model.totals(log, question))
  for (const by of dimensions) expect(await found.breakdown(by)).toEqual(model.breakdown(log, question, by))
  for (const bucket of ['HOUR', 'DAY', 'WEEK', 'MONTH'] satisfies TimeBucket[]) {
    const starts = bucketStarts(question.range, bucket, zone)
    if (isRefusal(starts)) throw new Error(starts.message)
    expect(await found.series(starts)).toEqual(model.series(log, question, starts))
  }
  expectPercentiles(await found.authorizeMs(), log, question)
  for (const by of facets) {
    const details = await found.details(by)
    for (const [key, lives] of model.parts(log, question, by)) {
      const part = lives.flat()
      expect(details.get(key)?.reasons ?? []).toEqual(model.breakdown(part, question, 'DECLINE_REASON'))
      expectPercentiles(details.get(key)?.authorizeMs ?? null, part, question)
    }
  }
}

function expectPercentiles(found: Percentiles | null, log: readonly LogEntry[], question: Question): void {
  for (const percent of [50, 95, 99] as const) {
    const exact = model.percentile(log, question, percent)
    const kept = found?.[`p${percent}`] ?? null
    if (exact === null || kept === null) expect(kept).toBe(exact)
    else expect(Math.abs(kept - exact)).toBeLessThanOrEqual(errorOf(exact))
  }
}
