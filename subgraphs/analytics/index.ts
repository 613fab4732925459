// The analytics subgraph: sums of payments, counted from the log.

import { startProjection } from '../log/projection.ts'
import { startLogReader } from '../log/reader.ts'
import { openSubgraph, type Subgraph, type SubgraphDependencies } from '../shared/subgraph.ts'
import { createActivityCache } from './activity-cache.ts'
import { activityProjection, activityProjectionName } from './activity-projection.ts'
import { createAnalyticsResolvers } from './resolvers.ts'
import { startSums } from './sum-maker.ts'

/** Names of the projections that this subgraph runs. */
export const analyticsProjections: readonly string[] = [activityProjectionName]

/**
 * Without a log reader among the dependencies, the subgraph starts one of its own and closes it at the end.
 */
export async function openAnalyticsSubgraph(dependencies: SubgraphDependencies): Promise<Subgraph> {
  const { db, registry, now, logger } = dependencies
  const ownReader = dependencies.logReader ? null : await startLogReader({ db, logger, recentMax: 1024 })
  const logReader = dependencies.logReader ?? ownReader!
  const projection = startProjection({ db, logReader, logger }, activityProjection())
  const sums = startSums({ db, logger })
  const activityCache = createActivityCache(db, logReader, now)
  return openSubgraph('analytics', createAnalyticsResolvers({ activityCache, registry, now }), {
    async closeOwn() {
      await sums.close()
      await projection.close()
      await ownReader?.close()
    },
  })
}
