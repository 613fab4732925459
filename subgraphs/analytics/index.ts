// The analytics subgraph: sums of payments, counted from the log.

import { startProjection } from '../log/projection.ts'
import { startLogReader } from '../log/reader.ts'
import { openAlertFeed } from '../shared/alert-feed.ts'
import { openAlertLog } from '../shared/alert-log.ts'
import { openAuditLog } from '../shared/audit-log.ts'
import { createCursors } from '../shared/cursor.ts'
import { createIdempotentWriter } from '../shared/idempotent-writer.ts'
import { openSubgraph, type Subgraph, type SubgraphDependencies } from '../shared/subgraph.ts'
import { createActivityCache } from './activity-cache.ts'
import { activityProjection, activityProjectionName } from './activity-projection.ts'
import { startAlertDetector } from './alert-detector.ts'
import { createAnalyticsResolvers } from './resolvers.ts'
import { startSums } from './sum-maker.ts'

/** Names of the projections that this subgraph runs. */
export const analyticsProjections: readonly string[] = [activityProjectionName]

export interface AnalyticsSettings {
  /** Encrypts the cursors of alerts: equal in every process over one database. */
  readonly cursorSecret: string
  /** False: counts nothing and raises no alert; other processes do. Default: true. */
  readonly hasWorkers?: boolean
}

/**
 * Without a log reader among the dependencies, the subgraph starts one of its own and closes it at the end.
 */
export async function openAnalyticsSubgraph(
  dependencies: SubgraphDependencies & AnalyticsSettings,
): Promise<Subgraph> {
  const { db, registry, now, logger, cursorSecret, hasWorkers = true } = dependencies
  const ownReader = dependencies.logReader ? null : await startLogReader({ db, logger, recentMax: 1024 })
  const logReader = dependencies.logReader ?? ownReader!
  const alertLog = await openAlertLog(db)
  const alertFeed = await openAlertFeed({ db, alertLog, logger })
  const activityCache = createActivityCache(db, logReader, now)
  const workers = hasWorkers
    ? [
        startAlertDetector({ db, activityCache, alertLog, now, logger }),
        startSums({ db, logger }),
        startProjection({ db, logReader, logger }, activityProjection()),
      ]
    : []
  const resolvers = createAnalyticsResolvers({
    db,
    activityCache,
    registry,
    now,
    alertLog,
    alertFeed,
    cursors: createCursors(cursorSecret, 'alerts'),
    audit: await openAuditLog(db),
    idempotentWriter: await createIdempotentWriter(db),
  })
  return openSubgraph('analytics', resolvers, {
    async closeOwn() {
      for (const worker of workers) await worker.close()
      await alertFeed.close()
      await ownReader?.close()
    },
  })
}
