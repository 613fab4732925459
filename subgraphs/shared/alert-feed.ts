// Follows the events of alerts in one process: a change stream wakes the feed, which reads what is new.

import type { Db } from 'mongodb'
import type { Logger } from '../platform/logger.ts'
import { openCollectionWatch } from '../platform/mongo/collection-watch.ts'
import type { AlertEvent, AlertLog } from './alert-log.ts'

export interface AlertFeed {
  /** The number of the last event that was passed on. */
  tip(): number
  /** Passes on each later event, in order; call the result to stop. */
  subscribe(listener: (event: AlertEvent) => void): () => void
  close(): Promise<void>
}

export interface AlertFeedOptions {
  readonly db: Db
  readonly alertLog: Pick<AlertLog, 'read' | 'tip'>
  readonly logger: Pick<Logger, 'warn'>
}

const pageMax = 100

/** Resolves once the feed follows. */
export async function openAlertFeed({ db, alertLog, logger }: AlertFeedOptions): Promise<AlertFeed> {
  const listeners = new Set<(event: AlertEvent) => void>()
  let tip = await alertLog.tip()
  const readMore = async (): Promise<void> => {
    for (;;) {
      const events = await alertLog.read(tip, pageMax)
      for (const event of events) {
        // Two reads may overlap.
        if (event._id <= tip) continue
        tip = event._id
        for (const listener of listeners) listener(event)
      }
      if (events.length < pageMax) return
    }
  }
  const watch = await openCollectionWatch({
    db,
    logger,
    content: 'alerts',
    collections: ['alertEvents'],
    reload: readMore,
    apply: readMore,
  })
  return {
    tip: () => tip,
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close: () => watch.close(),
  }
}
