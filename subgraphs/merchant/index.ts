// The merchant subgraph: merchants, what they accept, their codes, and how many there are where.

import { startSubgraph, type Subgraph, type SubgraphDependencies } from '../shared/subgraph.ts'
import { acceptanceOf } from './acceptance.ts'
import { catalogueOf } from './merchant-queries.ts'
import { codeStore } from './code-store.ts'
import { openCounts } from './count-store.ts'
import { deskOf } from './merchant-service.ts'
import { merchantResolvers } from './resolvers.ts'
import { merchantStore } from './merchant-store.ts'

export { importMerchants } from './import-merchants.ts'
export type { Merchant, QrProduct, Scenario } from './merchant.ts'

/** Starts the subgraph when the kept counts are loaded; it follows them until it is closed. */
export async function merchantSubgraph(
  dependencies: Pick<SubgraphDependencies, 'db' | 'reference' | 'now' | 'log'>,
): Promise<Subgraph> {
  const { db, reference, now, log } = dependencies
  const counts = await openCounts(db, now, log)
  const store = await merchantStore(db, counts)
  const codes = await codeStore(db)
  const acceptance = acceptanceOf(reference, now)
  const catalogue = catalogueOf({ store, counts, acceptance, reference, now })
  const desk = deskOf({ store, codes, counts, reference, now })
  const { merchants } = store
  const resolvers = merchantResolvers({ reference, merchants, codes, counts, catalogue, desk, now })
  return startSubgraph('merchant', resolvers, () => counts.close())
}
