// The analytics subgraph: what payments add up to, counted from the log.

import { startLogReader } from '../log/reader.ts'
import { startProjection } from '../log/projection.ts'
import { openSubgraph, type Subgraph, type SubgraphDependencies } from '../shared/subgraph.ts'
import { createActivityCache } from './activity-cache.ts'
import { activityProjection, activityProjectionName } from './activity-projection.ts'
import { createAnalyticsResolvers } from './resolvers.ts'

/** Readers of the log that are run here. */
export const analyticsProjections: readonly string[] = [activityProjectionName]

export async function openAnalyticsSubgraph(dependencies: SubgraphDependencies): Promise<Subgraph> {
  const { db, registry, now, logger } = dependencies
  const own = dependencies.logReader ? null : await startLogReader({ db, logger, recentMax: 1024 })
  const logReader = dependencies.logReader ?? own!
  const projection = startProjection({ db, logReader, logger }, activityProjection())
  const resolvers = createAnalyticsResolvers(createActivityCache(db, logReader, now), registry, now)
  return openSubgraph('analytics', resolvers, async () => {
    await projection.close()
    await own?.close()
  })
}
