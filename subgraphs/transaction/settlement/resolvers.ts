// Resolvers of settlement batches and positions.

import type { SettlementBatchId } from '../../../schema/values/id.ts'
import { money } from '../../../schema/values/money.ts'
import { countFields } from '../../shared/count.ts'
import type { PageArguments } from '../../shared/page.ts'
import { typeOr } from '../../shared/result-union.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import type { CloseInput } from './batch-closer.ts'
import type { SettlementBatch } from './batch.ts'
import type { SettlementPosition } from './positions.ts'
import type { SettlementQueries } from './settlement-queries.ts'

export interface SettlementResolverDependencies {
  readonly settlementQueries: SettlementQueries
}

export const settlementResolvers = ({ settlementQueries }: SettlementResolverDependencies) => ({
  Query: {
    settlementBatches: (_: unknown, args: PageArguments, context: RequestContext) =>
      settlementQueries.page(context, args),
    settlementDates: (_: unknown, { first }: { readonly first: number }, context: RequestContext) =>
      settlementQueries.dates(context, first),
  },
  Mutation: {
    closeSettlement: (_: unknown, { input }: { readonly input: CloseInput }, context: RequestContext) =>
      settlementQueries.close(context, input),
  },
  SettlementBatchConnection: countFields,
  SettlementBatch: {
    __resolveReferences: (
      references: readonly { readonly id: SettlementBatchId }[],
      context: RequestContext,
    ) => Promise.all(references.map(({ id }) => settlementQueries.batch(context, id))),
    id: ({ _id }: SettlementBatch) => _id,
    payments: (batch: SettlementBatch, _: unknown, context: RequestContext) =>
      settlementQueries.counts(context, batch).payments,
    refunds: (batch: SettlementBatch, _: unknown, context: RequestContext) =>
      settlementQueries.counts(context, batch).refunds,
    net: (batch: SettlementBatch, _: unknown, context: RequestContext) =>
      settlementQueries.net(context, batch),
    file: async (batch: SettlementBatch, _: unknown, context: RequestContext) =>
      (await settlementQueries.files(context, batch)).find(({ format }) => format === 'CSV') ?? null,
    files: (batch: SettlementBatch, _: unknown, context: RequestContext) =>
      settlementQueries.files(context, batch),
  },
  Position: {
    net: ({ debits, credits, currency }: SettlementPosition) => money(credits - debits, currency),
    debits: ({ debits, currency }: SettlementPosition) => money(debits, currency),
    credits: ({ credits, currency }: SettlementPosition) => money(credits, currency),
  },
  SettlementResult: { __resolveType: typeOr('SettlementBatch') },
})
