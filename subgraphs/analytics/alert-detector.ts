// Finds alerts: every few seconds, one process judges every corridor and participant by `alert-method.ts`.

import type { ClientSession, Db } from 'mongodb'
import type { AlertId } from '../../schema/values/id.ts'
import { pause } from '../platform/async/promise.ts'
import { inSlices, type Steps } from '../platform/async/slices.ts'
import type { Logger } from '../platform/logger.ts'
import { holdLease, type Lease, type LeaseHolder } from '../platform/mongo/lease.ts'
import type { Alert, AlertLog, AlertSubject } from '../shared/alert-log.ts'
import { BlocksReplacedError } from './activity.ts'
import type { ActivityCache, Snapshot } from './activity-cache.ts'
import { readBands, readRecent } from './alert-counts.ts'
import { alertKinds, judge, type Bands, type Counted } from './alert-method.ts'
import { hourMs, minuteMs } from './range.ts'

/** How long a figure has been in its band when its alert ends. */
const quietMs = 10 * minuteMs
/** An alert about a figure that cannot be judged any more ends after this time. */
const unknownMs = 24 * hourMs
/** Counting that is further behind than this is a gap. */
const lagMaxMs = 30_000
const gapMs = 60_000
const everyMsDefault = 5_000

export interface AlertDetectorOptions {
  readonly db: Db
  readonly activityCache: Pick<ActivityCache, 'current' | 'names'>
  readonly alertLog: AlertLog
  readonly now: () => Date
  readonly logger: Pick<Logger, 'error' | 'info'>
  readonly everyMs?: number
}

/** Judges every `everyMs` until closed, whenever this process holds the lease. */
export function startAlertDetector(options: AlertDetectorOptions): LeaseHolder {
  const { db, logger, everyMs = everyMsDefault } = options
  return holdLease({ db, logger, name: 'alerts' }, async (lease) => {
    const detector = new AlertDetector(options)
    while (!lease.signal.aborted) {
      await detector.judgeNow(lease).catch(ignoreRebuild)
      await pause(everyMs, lease.signal)
    }
  })
}

/** A rebuild has replaced the counts while they were read: the next round has the new ones. */
function ignoreRebuild(error: unknown): void {
  if (!(error instanceof BlocksReplacedError)) throw error
}

/** Everything that is judged at one time. */
interface Situation {
  readonly bands: ReadonlyMap<AlertSubject, Bands>
  readonly counts: ReadonlyMap<AlertSubject, ReadonlyMap<number, Counted>>
  readonly open: readonly Alert[]
  readonly now: Date
  /** Since when there is no gap in the counts. */
  readonly since: Date
}

interface Decision {
  readonly raised: readonly Alert[]
  /** Open alerts that are still out of band, at most once a minute. */
  readonly still: readonly AlertId[]
  readonly ended: readonly AlertId[]
}

/** Judges every subject that has a band. */
function* decide({ bands, counts, open, now, since }: Situation): Steps<Decision> {
  const raised: Alert[] = []
  const still: AlertId[] = []
  const ended: AlertId[] = []
  const openOnes = new Map(open.map((alert) => [`${alert.subject} ${alert.kind}`, alert]))
  const subjects = new Set([...bands.keys(), ...open.map(({ subject }) => subject)])
  for (const subject of subjects) {
    const minutes = counts.get(subject) ?? new Map<number, Counted>()
    for (const kind of alertKinds) {
      const recent = { minutes, now: now.getTime(), since: since.getTime() }
      const judged = judge(kind, bands.get(subject) ?? noBands, recent)
      const alert = openOnes.get(`${subject} ${kind}`)
      if (alert) {
        const quiet = now.getTime() - alert.lastOutAt.getTime()
        if (judged.standing === 'OUT') {
          if (quiet >= minuteMs) still.push(alert._id)
        } else if (quiet >= (judged.standing === 'IN' ? quietMs : unknownMs)) {
          ended.push(alert._id)
        }
      } else if (judged.isConfirmed) {
        const { from, observed, usual, bound, payments } = judged
        raised.push(newAlert({ subject, kind, observed, usual, bound, payments }, new Date(from), now))
      }
    }
    yield
  }
  return { raised, still, ended }
}

const noBands: Bands = { declines: null, latency: null, volume: null }

const newAlert = (
  content: Pick<Alert, 'subject' | 'kind' | 'observed' | 'usual' | 'bound' | 'payments'>,
  beganAt: Date,
  now: Date,
): Alert => ({
  _id: `${content.subject}.${content.kind}.${beganAt.toISOString().slice(0, 16)}Z` as AlertId,
  ...content,
  beganAt,
  raisedAt: now,
  lastOutAt: now,
  endedAt: null,
  acknowledged: null,
})

/** Judges the database. Keeps the bands of the present hour between two rounds. */
export class AlertDetector {
  readonly #options: Omit<AlertDetectorOptions, 'db' | 'logger' | 'everyMs'>
  #bands: { readonly hour: number; readonly bySubject: ReadonlyMap<AlertSubject, Bands> } | null = null
  #since: Date
  #judgedAt: Date

  constructor(options: Omit<AlertDetectorOptions, 'db' | 'logger' | 'everyMs'>) {
    this.#options = options
    this.#since = this.#judgedAt = options.now()
  }

  /** One round. What it writes is written as long as `lease` is held. */
  async judgeNow(lease: Pick<Lease, 'session' | 'isHeld'>): Promise<void> {
    const { activityCache, alertLog } = this.#options
    const now = this.#options.now()
    const snapshot = await activityCache.current()
    if (snapshot.lagMs > lagMaxMs) return
    if (now.getTime() - this.#judgedAt.getTime() > gapMs) this.#since = now
    this.#judgedAt = now
    const decision = await inSlices(
      decide({
        bands: await this.#bandsAt(snapshot, now),
        counts: await readRecent(snapshot, activityCache.names, now),
        open: await alertLog.open(),
        now,
        since: this.#since,
      }),
    )
    const write = <Done>(change: (session: ClientSession) => Promise<Done>): Promise<Done> =>
      lease.session.withTransaction((session) => {
        if (!lease.isHeld()) throw new Error('the lease of the alerts is lost')
        return change(session)
      })
    for (const alert of decision.raised) await alertLog.raise(alert, write)
    for (const id of decision.ended) await alertLog.end(id, now, write)
    if (decision.still.length > 0) await alertLog.touch(decision.still, now)
  }

  async #bandsAt(snapshot: Snapshot, now: Date): Promise<ReadonlyMap<AlertSubject, Bands>> {
    const hour = Math.floor(now.getTime() / hourMs)
    if (this.#bands?.hour !== hour) {
      const { names } = this.#options.activityCache
      this.#bands = { hour, bySubject: await readBands(snapshot, names, now) }
    }
    return this.#bands.bySubject
  }
}
