// The merchant subgraph: merchants, the wallets that they accept, their codes, and coverage.

import type { GraphQLInputObjectType } from 'graphql'
import type { Refusal } from '../../schema/values/problems.ts'
import { openAuditLog } from '../shared/audit-log.ts'
import { createIdempotentWriter } from '../shared/idempotent-writer.ts'
import { openSubgraph, type Subgraph, type SubgraphDependencies } from '../shared/subgraph.ts'
import type { RequestContext } from '../shared/viewer.ts'
import { createAcceptance } from './acceptance.ts'
import { merchantRows } from './bulk-export.ts'
import { createBulkImport, type BulkImport } from './bulk-import.ts'
import type { BulkFormat } from './bulk-rows.ts'
import { createChangeService } from './change-service.ts'
import { createCodeStore } from './code-store.ts'
import { openCountStore } from './count-store.ts'
import { createMerchantQueries } from './merchant-queries.ts'
import { acquirerOf, createMerchantService } from './merchant-service.ts'
import { createMerchantStore } from './merchant-store.ts'
import { createMerchantResolvers } from './resolvers.ts'

export type { CommonWords } from './common-words.ts'
export { importMerchants } from './import-merchants.ts'
export type { BulkImport } from './bulk-import.ts'
export type { BulkFormat } from './bulk-rows.ts'
export type { Merchant, QrProduct, Scenario } from './merchant.ts'

export interface MerchantSubgraph extends Subgraph {
  readonly bulkImport: BulkImport
  /** The merchants of the caller after the one with the id `after`, as lines of a file. */
  exportMerchants(
    context: RequestContext,
    format: BulkFormat,
    after: string | null,
  ): AsyncIterable<string> | Refusal
}

/** Resolves once the counts are loaded. */
export async function openMerchantSubgraph(
  dependencies: Pick<SubgraphDependencies, 'db' | 'registry' | 'refusals' | 'now' | 'logger'>,
): Promise<MerchantSubgraph> {
  const { db, registry, refusals, now, logger } = dependencies
  const counts = await openCountStore(db, now, logger)
  const store = await createMerchantStore(db, counts)
  const codes = await createCodeStore(db)
  const acceptance = createAcceptance(registry, now)
  const audit = await openAuditLog(db)
  const changes = createChangeService({
    db,
    counts,
    audit,
    idempotentWriter: await createIdempotentWriter(db),
    now,
  })
  const resolvers = createMerchantResolvers({
    registry,
    merchants: store.merchants,
    codes,
    counts,
    queries: createMerchantQueries({ store, counts, acceptance, registry, now }),
    service: createMerchantService({ store, codes, counts, registry, audit, now }),
    changes,
    now,
  })
  const subgraph = await openSubgraph('merchant', resolvers, { refusals, closeOwn: () => counts.close() })
  const rowType = subgraph.app.graphql.schema.getType('MerchantInput') as GraphQLInputObjectType
  const bulkImport = await createBulkImport({
    db,
    store,
    counts,
    audit,
    now,
    acquirerOf: (context) => acquirerOf(context, registry),
    rowType,
  })
  return {
    ...subgraph,
    bulkImport,
    exportMerchants: (context, format, after) => merchantRows({ store, registry }, context, format, after),
  }
}
