// Activity as the graph shows it: the figures of one question, and what else can be derived from them.

import { orThrow, ProblemError, refuse } from '../../schema/values/problems.ts'
import type { MerchantId } from '../../schema/values/id.ts'
import { canonicalJson } from '../platform/canonical-json.ts'
import { demandScope, isOperator, visibilityOf, type Visibility } from '../shared/access.ts'
import type { Registry } from '../shared/registry.ts'
import type { RequestContext } from '../shared/viewer.ts'
import {
  answerActivity,
  onlyBlocks,
  type ActivityAnswer,
  type BlockSource,
  type Figures,
  type Filters,
  type Question,
} from './activity.ts'
import type { ActivityCache, Snapshot } from './activity-cache.ts'
import { CounterBlock } from './counter-block.ts'
import { openLatestValueStream } from './latest-value-stream.ts'
import { readQuestion, type ActivityFilterInput } from './question.ts'
import { closedDays, daysUpTo, readRange, type Range, type RangeInput } from './range.ts'

export interface ActivityDependencies {
  readonly activityCache: ActivityCache
  readonly registry: Registry
  readonly now: () => Date
}

/** What the fields of `Activity` resolve from. */
export interface Activity {
  readonly snapshot: Snapshot
  readonly range: Range
  readonly totals: Figures
  readonly answer: ActivityAnswer
  /** Totals of the same question over another range. */
  readonly totalsOver: (range: Range) => Promise<Figures>
}

/** Arguments of an entity's `activity` field. */
export interface EntityActivityArguments {
  readonly range: RangeInput
  readonly direction?: string | null
}

export interface ActivityUpdatesArguments {
  readonly where?: ActivityFilterInput | null
  readonly everySeconds?: number | null
}

const programmeDays = 365
const lastDay: ActivityFilterInput = { range: { lastDays: 1 } }

/** Answers a filter. Throws ProblemError when the filter is refused or the caller lacks the scope. */
export const queryActivity = (
  dependencies: ActivityDependencies,
  where: ActivityFilterInput,
  context: RequestContext,
): Promise<Activity> =>
  answerFromHours(dependencies, questionOf(dependencies, where, context), context).then((activity) =>
    asSeenBy(context, activity),
  )

/**
 * All payments of the last 365 days for the operator, and of the last 365 closed days for every other
 * caller.
 */
export const queryProgramme = (
  dependencies: ActivityDependencies,
  closed: ClosedProgramme,
  context: RequestContext,
): Promise<Activity> =>
  isOperator(context)
    ? answerProgramme(dependencies, daysUpTo(dependencies.now(), programmeDays), context)
    : closed.current()

const answerProgramme = (
  dependencies: ActivityDependencies,
  range: Range,
  context?: RequestContext,
): Promise<Activity> => answerFromHours(dependencies, { range, where: {}, within: [] }, context)

/** The programme’s activity over closed days: the same all day, whatever is paid meanwhile. */
export interface ClosedProgramme {
  current(): Promise<Activity>
}

/**
 * Keeps the first answer of a day until the next day closes. A later one could differ by a single payment,
 * such as one that is cancelled, and a participant that polls would see it.
 */
export function createClosedProgramme(dependencies: ActivityDependencies): ClosedProgramme {
  let kept: { readonly to: number; readonly activity: Promise<Activity> } | null = null
  return {
    current() {
      const range = closedDays(dependencies.now(), programmeDays)
      if (kept?.to === range.to) return kept.activity
      const answered = answerProgramme(dependencies, range)
      const asOf = new Date(range.to)
      const activity = answered.then((one) => ({ ...one, snapshot: { ...one.snapshot, asOf, lagMs: 0 } }))
      const keeping = { to: range.to, activity }
      kept = keeping
      const drop = (): void => {
        if (kept === keeping) kept = null
      }
      // While the log is not counted up to the end of the day, the answer is not the final one.
      answered.then(({ snapshot }) => snapshot.asOf < asOf && drop(), drop)
      return activity
    },
  }
}

/**
 * The activity of an entity: `filters` or `party` select its payments among those that the viewer may read.
 */
export const queryEntityActivity = (
  dependencies: ActivityDependencies,
  args: EntityActivityArguments,
  context: RequestContext,
  filters: Filters,
  party?: Visibility,
): Promise<Activity> =>
  answerFromHours(dependencies, entityQuestion(dependencies, args, context, filters, party), context).then(
    (activity) => asSeenBy(context, activity),
  )

/** The activity of a merchant, from the blocks of its own months. */
export const queryMerchantActivity = (
  dependencies: ActivityDependencies,
  merchant: MerchantId,
  args: EntityActivityArguments,
  context: RequestContext,
): Promise<Activity> =>
  answerFrom(
    dependencies,
    entityQuestion(dependencies, args, context, {}),
    async ({ monthsOf }, range) => {
      const contents = await monthsOf(merchant, range)
      return onlyBlocks(
        contents.map((content) => new CounterBlock(content, dependencies.activityCache.names)),
      )
    },
    context,
  ).then((activity) => asSeenBy(context, activity))

const coarseMs = 60_000

/**
 * `activity` with times that reveal nothing about the payments of others. How far the log is counted
 * changes with every payment, so another caller than the operator gets it by the minute.
 */
function asSeenBy(context: RequestContext, activity: Activity): Activity {
  if (isOperator(context)) return activity
  const { snapshot } = activity
  const coarse = (ms: number): number => Math.floor(ms / coarseMs) * coarseMs
  const lagMs = coarse(snapshot.lagMs)
  const asOf = new Date(coarse(snapshot.asOf.getTime()))
  return { ...activity, snapshot: { ...snapshot, asOf, lagMs, complete: lagMs === 0 } }
}

/**
 * Streams the answer to a filter, at most every `everySeconds`, whenever the figures or the range have
 * changed.
 */
export function streamActivity(
  dependencies: ActivityDependencies,
  { where, everySeconds }: ActivityUpdatesArguments,
  context: RequestContext,
): AsyncIterableIterator<{ readonly activityUpdated: Activity }, undefined> {
  const filter = where ?? lastDay
  const seconds = everySeconds ?? 2
  if (seconds < 1 || seconds > 60) {
    throw new ProblemError(refuse('BAD_VALUE', `\`everySeconds\` is 1–60, not ${seconds}`, ['everySeconds']))
  }
  questionOf(dependencies, filter, context)
  let previous = ''
  return openLatestValueStream({
    everyMs: seconds * 1000,
    read: async () => {
      const activity = await queryActivity(dependencies, filter, context)
      // Time alone changes the answer too: a range that ends now moves with every minute.
      const state = `${await stateOf(activity, context)} ${activity.range.to}`
      if (state === previous) return null
      previous = state
      return { activityUpdated: activity }
    },
  })
}

/**
 * Equal while the answer is. The position counts the payments of all participants, so another caller than the
 * operator gets a new value by its own figures alone.
 */
async function stateOf({ snapshot, totals, answer }: Activity, context: RequestContext): Promise<string> {
  if (isOperator(context)) return String(snapshot.position)
  return canonicalJson([totals, await answer.authorizeMs()])
}

function questionOf(
  { registry, now }: ActivityDependencies,
  where: ActivityFilterInput,
  context: RequestContext,
): Question {
  demandScope(context, 'analytics:read')
  return orThrow(readQuestion(where, now(), visibilityOf(context, registry)))
}

function entityQuestion(
  { registry, now }: ActivityDependencies,
  { range, direction }: EntityActivityArguments,
  context: RequestContext,
  filters: Filters,
  party: Visibility = { kind: 'all' },
): Question {
  demandScope(context, 'analytics:read')
  return {
    range: orThrow(readRange(range, now(), ['range'])),
    where: { ...filters, directions: direction ? [direction] : undefined },
    within: [visibilityOf(context, registry), party],
  }
}

const answerFromHours = (
  dependencies: ActivityDependencies,
  question: Question,
  context?: RequestContext,
): Promise<Activity> => answerFrom(dependencies, question, null, context)

/** From the blocks of `sourceOf`; null: from the hours. */
async function answerFrom(
  { activityCache }: ActivityDependencies,
  question: Question,
  sourceOf: ((snapshot: Snapshot, range: Range) => Promise<BlockSource>) | null,
  context?: RequestContext,
): Promise<Activity> {
  const { names, sharedAnswers } = activityCache
  const snapshot = await activityCache.current()
  const answerTo = async (asked: Question): Promise<ActivityAnswer> => {
    const { range } = asked
    const source = sourceOf ? await sourceOf(snapshot, range) : snapshot.source
    const answer = answerActivity(source, names, asked, context?.loopTime)
    return sourceOf ? answer : sharedAnswers.share(asked, snapshot.position, answer)
  }
  const totalsOver = async (range: Range): Promise<Figures> => {
    const { corridors } = question.where
    if (sourceOf || corridors?.length !== 1) return (await answerTo({ ...question, range })).totals()
    // One pass over the blocks is enough for all corridors of a list.
    const where = { ...question.where, corridors: undefined }
    const parts = await (await answerTo({ ...question, range, where })).breakdown('CORRIDOR')
    return parts.find(({ key }) => key === corridors[0]) ?? noPayments
  }
  return {
    snapshot,
    range: question.range,
    totals: await totalsOver(question.range),
    answer: await answerTo(question),
    totalsOver,
  }
}

const noPayments: Figures = { payments: 0, approved: 0, declined: 0, value: 0n }
