// GraphQL ↔ domain: questions in, figures out.

import { orThrow, ProblemError, refuse } from '../../schema/values/problems.ts'
import { demandScope, partyOf, visibilityOf, type Visibility } from '../shared/access.ts'
import type { Resolvers } from '../shared/federated-schema.ts'
import type { Registry } from '../shared/registry.ts'
import { values } from '../shared/values.ts'
import {
  answerActivity,
  type ActivityAnswer,
  type Dimension,
  type Figures,
  type Filters,
  type Question,
  type Share,
} from './activity.ts'
import type { ActivityCache, Snapshot } from './activity-cache.ts'
import { approvalRateOf, averageValueOf, growthOf, labelOf, valueOf } from './figures.ts'
import { openLatestValueStream } from './latest-value-stream.ts'
import { readQuestion, type ActivityFilterInput } from './question.ts'
import {
  bucketStarts,
  daysUpTo,
  earlierRange,
  readRange,
  type Comparison,
  type Range,
  type RangeInput,
  type TimeBucket,
} from './range.ts'
import type { RequestContext } from '../shared/viewer.ts'
import { readCounterBlock, type CounterBlock } from './counter-block.ts'
import type { MerchantId } from '../../schema/values/id.ts'

/** What `Activity` resolves from. */
interface Activity {
  readonly snapshot: Snapshot
  readonly range: Range
  readonly totals: Figures
  readonly answer: ActivityAnswer
  /** Totals of the same question over another range. */
  readonly over: (range: Range) => Promise<Figures>
}

interface NarrowArguments {
  readonly range: RangeInput
  readonly direction?: string | null
}

const breakdownMax = 500
const programmeDays = 365

export function createAnalyticsResolvers(
  activityCache: ActivityCache,
  registry: Registry,
  now: () => Date,
): Resolvers {
  const fromHours = (snapshot: Snapshot) => async () => snapshot.blocks

  const activityOf = async (
    question: Question,
    slabsOf: (snapshot: Snapshot) => (range: Range) => Promise<readonly CounterBlock[]> = fromHours,
  ): Promise<Activity> => {
    const snapshot = await activityCache.current()
    const blocks = slabsOf(snapshot)
    const over = async (range: Range): Promise<ActivityAnswer> =>
      answerActivity(await blocks(range), activityCache.names, { ...question, range })
    const found = await over(question.range)
    return {
      snapshot,
      range: question.range,
      totals: found.totals(),
      answer: found,
      over: async (range) => (await over(range)).totals(),
    }
  }

  const fromMonthsOf = (merchant: MerchantId) => (snapshot: Snapshot) => async (range: Range) =>
    (await snapshot.monthsOf(merchant, range)).map((content) =>
      readCounterBlock(content, activityCache.names),
    )

  /** What an entity's `activity` field asks, within what the viewer sees; `its` or `party` say which payments are the entity's. */
  const narrowed = (
    { range, direction }: NarrowArguments,
    context: RequestContext,
    its: Filters,
    party: Visibility = { kind: 'all' },
  ): Question => {
    demandScope(context, 'analytics:read')
    return {
      range: orThrow(readRange(range, now(), ['range'])),
      where: { ...its, directions: direction ? [direction] : undefined },
      within: [visibilityOf(context, registry), party],
    }
  }

  const asked = (where: ActivityFilterInput, context: RequestContext): Question => {
    demandScope(context, 'analytics:read')
    return orThrow(readQuestion(where, now(), visibilityOf(context, registry)))
  }

  const lastDay: ActivityFilterInput = { range: { lastDays: 1 } }

  const follow = (
    { where, everySeconds }: { where?: ActivityFilterInput | null; everySeconds?: number | null },
    context: RequestContext,
  ) => {
    const seconds = everySeconds ?? 2
    if (seconds < 1 || seconds > 60) {
      throw new ProblemError(
        refuse('BAD_VALUE', `\`everySeconds\` is 1–60, not ${seconds}`, ['everySeconds']),
      )
    }
    asked(where ?? lastDay, context)
    let before = ''
    return openLatestValueStream({
      everyMs: seconds * 1000,
      read: async () => {
        const activity = await activityOf(asked(where ?? lastDay, context))
        // Time alone changes the answer too: a range that ends now moves on with every minute.
        const state = `${activity.snapshot.place} ${activity.range.to}`
        if (state === before) return null
        before = state
        return { activityUpdated: activity }
      },
    })
  }

  return {
    ...values,
    Query: {
      activity: (_: unknown, { where }: { where: ActivityFilterInput }, context: RequestContext) =>
        activityOf(asked(where, context)),
      programme: () => activityOf({ range: daysUpTo(now(), programmeDays), where: {}, within: [] }),
    },
    Subscription: {
      activityUpdated: {
        subscribe: (
          _: unknown,
          args: { where?: ActivityFilterInput | null; everySeconds?: number | null },
          context: RequestContext,
        ) => follow(args, context),
      },
    },
    Activity: {
      asOf: ({ snapshot }: Activity) => snapshot.asOf,
      lagMs: ({ snapshot }: Activity) => snapshot.lagMs,
      complete: ({ snapshot }: Activity) => snapshot.complete,
      payments: ({ totals }: Activity) => totals.payments,
      approved: ({ totals }: Activity) => totals.approved,
      declined: ({ totals }: Activity) => totals.declined,
      approvalRate: ({ totals }: Activity) => approvalRateOf(totals),
      paymentsPerSecond: ({ totals, range }: Activity) =>
        range.to > range.from ? (totals.payments * 1000) / (range.to - range.from) : 0,
      value: ({ totals }: Activity) => valueOf(totals),
      averageValue: ({ totals }: Activity) => averageValueOf(totals),
      authorizeMs: (activity: Activity) => activity.answer.authorizeMs(),
      series: (activity: Activity, { bucket }: { bucket: TimeBucket }) => {
        const starts = orThrow(bucketStarts(activity.range, bucket))
        return activity.answer
          .series(starts)
          .map((figures, n) => ({ ...figures, start: new Date(starts[n]!), value: valueOf(figures) }))
      },
      breakdown: (activity: Activity, { by, first }: { by: Dimension; first: number }) => {
        if (first < 1 || first > breakdownMax) {
          throw new ProblemError(
            refuse('BAD_PAGE', `\`first\` is 1–${breakdownMax}, not ${first}`, ['first']),
          )
        }
        return activity.answer
          .breakdown(by)
          .slice(0, first)
          .map((share: Share) => ({
            ...share,
            label: labelOf(by, share.key, registry),
            value: valueOf(share),
            approvalRate: approvalRateOf(share),
          }))
      },
      growth: growthField,
    },
    Programme: {
      asOf: ({ snapshot }: Activity) => snapshot.asOf,
      payments: ({ totals }: Activity) => totals.payments,
      value: ({ totals }: Activity) => valueOf(totals),
      growth: growthField,
    },
    Participant: {
      activity: ({ id }: { id: string }, args: NarrowArguments, context: RequestContext) =>
        activityOf(narrowed(args, context, {}, partyOf(id, registry))),
    },
    Merchant: {
      activity: ({ id }: { id: string }, args: NarrowArguments, context: RequestContext) =>
        activityOf(narrowed(args, context, {}), fromMonthsOf(id)),
    },
    Corridor: {
      activity: ({ id }: { id: string }, args: NarrowArguments, context: RequestContext) =>
        activityOf(narrowed(args, context, { corridors: [id] })),
    },
    Project: {
      activity: ({ id }: { id: string }, args: NarrowArguments, context: RequestContext) =>
        activityOf(narrowed(args, context, { projects: [id] })),
    },
    Country: {
      ...values.Country,
      activity: ({ code }: { code: string }, args: NarrowArguments, context: RequestContext) =>
        activityOf(narrowed(args, context, { merchantCountries: [code] })),
    },
  }
}

const growthField = async (activity: Activity, { comparedTo }: { comparedTo: Comparison }) =>
  growthOf(activity.totals, await activity.over(earlierRange(activity.range, comparedTo)))
