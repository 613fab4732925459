// The merchant subgraph: merchants, what they accept, their codes, and how many there are where.

import { openSubgraph, type Subgraph, type SubgraphDependencies } from '../shared/subgraph.ts'
import { acceptanceOf } from './acceptance.ts'
import { createMerchantQueries } from './merchant-queries.ts'
import { createCodeStore } from './code-store.ts'
import { openCountStore } from './count-store.ts'
import { createMerchantService } from './merchant-service.ts'
import { createMerchantResolvers } from './resolvers.ts'
import { createMerchantStore } from './merchant-store.ts'

export { importMerchants } from './import-merchants.ts'
export type { Merchant, QrProduct, Scenario } from './merchant.ts'

/** Starts the subgraph when the kept counts are loaded; it follows them until it is closed. */
export async function openMerchantSubgraph(
  dependencies: Pick<SubgraphDependencies, 'db' | 'registry' | 'now' | 'logger'>,
): Promise<Subgraph> {
  const { db, registry, now, logger } = dependencies
  const counts = await openCountStore(db, now, logger)
  const store = await createMerchantStore(db, counts)
  const codes = await createCodeStore(db)
  const acceptance = acceptanceOf(registry, now)
  const merchantQueries = createMerchantQueries({ store, counts, acceptance, registry, now })
  const merchantService = createMerchantService({ store, codes, counts, registry, now })
  const { merchants } = store
  const resolvers = createMerchantResolvers({
    registry,
    merchants,
    codes,
    counts,
    merchantQueries,
    merchantService,
    now,
  })
  return openSubgraph('merchant', resolvers, () => counts.close())
}
