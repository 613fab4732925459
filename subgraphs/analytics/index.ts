// The analytics subgraph: what payments add up to, counted from the log.

import { startLogReader } from '../log.ts'
import { startSubgraph, type Subgraph, type SubgraphDependencies } from '../subgraph.ts'
import { activityBoard } from './board.ts'
import { startProjection } from './projection.ts'
import { analyticsResolvers } from './resolvers.ts'
import { activityStore } from './store.ts'

export async function analyticsSubgraph(dependencies: SubgraphDependencies): Promise<Subgraph> {
  const { db, reference, now, log } = dependencies
  const store = await activityStore(db)
  const reader = await startLogReader({ db, log, recentMax: 1024 })
  const projection = startProjection({ db, store, reader, log })
  const resolvers = analyticsResolvers(activityBoard(store, reader, now), store, reference, now)
  return startSubgraph('analytics', resolvers, async () => {
    await projection.close()
    await reader.close()
  })
}
