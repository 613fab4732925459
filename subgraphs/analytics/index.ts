// The analytics subgraph: what payments add up to, counted from the log.

import { startLogReader } from '../log/reader.ts'
import { startProjection } from '../log/projection.ts'
import { startSubgraph, type Subgraph, type SubgraphDependencies } from '../shared/subgraph.ts'
import { activityBoard } from './activity-cache.ts'
import { activityProjection, readerName } from './activity-projection.ts'
import { analyticsResolvers } from './resolvers.ts'

/** Readers of the log that are run here. */
export const analyticsReaders: readonly string[] = [readerName]

export async function analyticsSubgraph(dependencies: SubgraphDependencies): Promise<Subgraph> {
  const { db, reference, now, log } = dependencies
  const own = dependencies.reader ? null : await startLogReader({ db, log, recentMax: 1024 })
  const reader = dependencies.reader ?? own!
  const projection = startProjection({ db, reader, log }, activityProjection())
  const resolvers = analyticsResolvers(activityBoard(db, reader, now), reference, now)
  return startSubgraph('analytics', resolvers, async () => {
    await projection.close()
    await own?.close()
  })
}
