// The merchant subgraph: merchants, the wallets that they accept, their codes, and coverage.

import { openAuditLog } from '../shared/audit-log.ts'
import { createIdempotentWriter } from '../shared/idempotent-writer.ts'
import { openSubgraph, type Subgraph, type SubgraphDependencies } from '../shared/subgraph.ts'
import { createAcceptance } from './acceptance.ts'
import { createChangeService } from './change-service.ts'
import { createCodeStore } from './code-store.ts'
import { openCountStore } from './count-store.ts'
import { createMerchantQueries } from './merchant-queries.ts'
import { createMerchantService } from './merchant-service.ts'
import { createMerchantStore } from './merchant-store.ts'
import { createMerchantResolvers } from './resolvers.ts'

export { chooseCommonWords, type CommonWords } from './common-words.ts'
export { clearMerchants, createMerchantImport, finishMerchants, importMerchants } from './import-merchants.ts'
export type { TallyParts } from './merchant-tally.ts'
export type { Merchant, QrProduct, Scenario } from './merchant.ts'

/** Resolves once the counts are loaded. */
export async function openMerchantSubgraph(
  dependencies: Pick<SubgraphDependencies, 'db' | 'registry' | 'refusals' | 'now' | 'logger'>,
): Promise<Subgraph> {
  const { db, registry, refusals, now, logger } = dependencies
  const counts = await openCountStore(db, now, logger)
  const store = await createMerchantStore(db, counts)
  const codes = await createCodeStore(db)
  const acceptance = createAcceptance(registry, now)
  const changes = createChangeService({
    db,
    counts,
    audit: await openAuditLog(db),
    idempotentWriter: await createIdempotentWriter(db),
    now,
  })
  const resolvers = createMerchantResolvers({
    registry,
    merchants: store.merchants,
    codes,
    counts,
    queries: createMerchantQueries({ store, counts, acceptance, registry, now }),
    service: createMerchantService({ store, codes, counts, registry, now }),
    changes,
    now,
  })
  return openSubgraph('merchant', resolvers, { refusals, closeOwn: () => counts.close() })
}
