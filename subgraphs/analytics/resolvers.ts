// GraphQL ↔ domain: arguments to questions, figures to fields.

import type { Db } from 'mongodb'
import type { CorridorId, MerchantId, ParticipantId, ProjectId } from '../../schema/values/id.ts'
import { orThrow } from '../../schema/values/problems.ts'
import { partyOf } from '../shared/access.ts'
import type { Resolvers } from '../shared/federated-schema.ts'
import { demandFirst } from '../shared/page.ts'
import type { Registry } from '../shared/registry.ts'
import { values } from '../shared/values.ts'
import type { RequestContext } from '../shared/viewer.ts'
import type { Dimension, Figures, PartDetails, Share } from './activity.ts'
import { alertResolvers } from './alert-resolvers.ts'
import type { AlertDependencies } from './alert-service.ts'
import {
  createClosedProgramme,
  queryActivity,
  queryEntityActivity,
  queryMerchantActivity,
  queryProgramme,
  streamActivity,
  type Activity,
  type ActivityDependencies,
  type ActivityUpdatesArguments,
  type EntityActivityArguments,
} from './activity-queries.ts'
import { approvalRateOf, averageValueOf, growthOf, isoCodeOf, labelOf, valueOf } from './figures.ts'
import type { ActivityFilterInput } from './question.ts'
import { bucketStarts, earlierRange, type Comparison, type TimeBucket } from './range.ts'
import { silentMerchants, type SilentMerchantsArguments } from './silent-merchants.ts'

interface Key<Id extends string> {
  readonly id: Id
}

const breakdownMax = 500
const reasonsMax = 20

export function createAnalyticsResolvers(
  dependencies: ActivityDependencies & AlertDependencies & { readonly db: Db },
): Resolvers {
  const { registry } = dependencies
  const closedProgramme = createClosedProgramme(dependencies)
  const { Query, Mutation, Subscription, ...alertTypes } = alertResolvers(dependencies)
  return {
    ...values,
    ...alertTypes,
    Mutation,
    Query: {
      ...Query,
      activity: (_: unknown, { where }: { where: ActivityFilterInput }, context: RequestContext) =>
        queryActivity(dependencies, where, context),
      silentMerchants: (_: unknown, args: SilentMerchantsArguments, context: RequestContext) =>
        silentMerchants(dependencies, args, context),
      programme: (_: unknown, __: unknown, context: RequestContext) =>
        queryProgramme(dependencies, closedProgramme, context),
    },
    Subscription: {
      ...Subscription,
      activityUpdated: {
        subscribe: (_: unknown, args: ActivityUpdatesArguments, context: RequestContext) =>
          streamActivity(dependencies, args, context),
      },
    },
    Activity: {
      ...figureFields,
      breakdown: (activity: Activity, args: { by: Dimension; first: number }) =>
        breakdownOf(activity, args, registry),
    },
    ActivityShare: {
      authorizeMs: async ({ key, details }: Part) => (await details()).get(key)?.authorizeMs ?? null,
      reasons: reasonsOf,
    },
    Programme: {
      asOf: ({ snapshot }: Activity) => snapshot.asOf,
      payments: ({ totals }: Activity) => totals.approved,
      value: ({ totals }: Activity) => valueOf(totals),
      growth: growthOfApproved,
    },
    Participant: {
      activity: ({ id }: Key<ParticipantId>, args: EntityActivityArguments, context: RequestContext) =>
        queryEntityActivity(dependencies, args, context, {}, partyOf(id, registry)),
    },
    Merchant: {
      activity: ({ id }: Key<MerchantId>, args: EntityActivityArguments, context: RequestContext) =>
        queryMerchantActivity(dependencies, id, args, context),
    },
    Corridor: {
      activity: ({ id }: Key<CorridorId>, args: EntityActivityArguments, context: RequestContext) =>
        queryEntityActivity(dependencies, args, context, { corridors: [id] }),
    },
    Project: {
      activity: ({ id }: Key<ProjectId>, args: EntityActivityArguments, context: RequestContext) =>
        queryEntityActivity(dependencies, args, context, { projects: [id] }),
    },
    Country: {
      ...values.Country,
      activity: ({ code }: { code: string }, args: EntityActivityArguments, context: RequestContext) =>
        queryEntityActivity(dependencies, args, context, { merchantCountries: [code] }),
    },
  }
}

const growthField = async (activity: Activity, { comparedTo }: { comparedTo: Comparison }) =>
  growthOf(activity.totals, await activity.totalsOver(earlierRange(activity.range, comparedTo)))

/** The programme reports payments that completed. */
const growthOfApproved = async (activity: Activity, { comparedTo }: { comparedTo: Comparison }) => {
  const completed = (figures: Figures): Figures => ({ ...figures, payments: figures.approved })
  const then = await activity.totalsOver(earlierRange(activity.range, comparedTo))
  return growthOf(completed(activity.totals), completed(then))
}

/** Fields of `Activity` that need nothing but the activity. */
const figureFields = {
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
  authorizeMs: ({ answer }: Activity) => answer.authorizeMs(),
  series: async (
    { answer, range }: Activity,
    { bucket, zone }: { bucket: TimeBucket; zone?: string | null },
  ) => {
    const starts = orThrow(bucketStarts(range, bucket, zone ?? 'UTC'))
    const rows = await answer.series(starts)
    return rows.map((figures, n) => ({ ...figures, start: new Date(starts[n]!), value: valueOf(figures) }))
  },
  growth: growthField,
}

async function breakdownOf(
  { answer }: Activity,
  { by, first }: { by: Dimension; first: number },
  registry: Registry,
) {
  demandFirst(first, breakdownMax)
  const shares = await answer.breakdown(by)
  let reading: ReturnType<Part['details']> | null = null
  // All parts are read at once, for the first field that needs what they tally.
  const details = () =>
    (reading ??= by === 'DECLINE_REASON' ? Promise.resolve(new Map()) : answer.details(by))
  return shares.slice(0, first).map((share) => ({
    ...share,
    label: labelOf(by, share.key, registry),
    value: valueOf(share),
    approvalRate: approvalRateOf(share),
    details,
    registry,
  }))
}

/** A part of a breakdown, and what is tallied of all its parts. */
interface Part extends Pick<Share, 'key'> {
  readonly details: () => Promise<ReadonlyMap<string, PartDetails>>
  readonly registry: Registry
}

async function reasonsOf({ key, details, registry }: Part, { first }: { first: number }) {
  demandFirst(first, reasonsMax)
  const shares = (await details()).get(key)?.reasons ?? []
  return shares.slice(0, first).map(({ key: code, payments }) => ({
    code,
    isoCode: isoCodeOf(code),
    message: labelOf('DECLINE_REASON', code, registry),
    payments,
  }))
}
