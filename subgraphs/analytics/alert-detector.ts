// Finds alerts: every few seconds, one process judges every corridor and participant by `alert-method.ts`.

import type { ClientSession, Db } from 'mongodb'
import type { AlertId } from '../../schema/values/id.ts'
import { lagAt } from '../log/lag.ts'
import { publishedOf } from '../log/checkpoint.ts'
import { pause } from '../platform/async/promise.ts'
import { inSlices, type Steps } from '../platform/async/slices.ts'
import type { Logger } from '../platform/logger.ts'
import { holdLease, type Lease, type LeaseHolder } from '../platform/mongo/lease.ts'
import type { Alert, AlertLog, AlertSubject } from '../shared/alert-log.ts'
import { activityProjectionName } from './activity-projection.ts'
import { createAlertCounts, type AlertCounts } from './alert-counts.ts'
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
      await detector.judgeNow(lease)
      await pause(everyMs, lease.signal)
    }
  })
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
  readonly #options: AlertDetectorOptions
  readonly #counts: AlertCounts
  #bands: { readonly hour: number; readonly bySubject: ReadonlyMap<AlertSubject, Bands> } | null = null
  #since: Date
  #judgedAt: Date

  constructor(options: AlertDetectorOptions) {
    this.#options = options
    this.#counts = createAlertCounts(options.db)
    this.#since = this.#judgedAt = options.now()
  }

  /** One round. What it writes is written as long as `lease` is held. */
  async judgeNow(lease: Pick<Lease, 'session' | 'isHeld'>): Promise<void> {
    const { db, alertLog } = this.#options
    const now = this.#options.now()
    const { position } = await publishedOf(db, activityProjectionName)
    const { ms } = await lagAt(db, activityProjectionName, position, now)
    if (ms > lagMaxMs) return
    if (now.getTime() - this.#judgedAt.getTime() > gapMs) this.#since = now
    this.#judgedAt = now
    const decision = await inSlices(
      decide({
        bands: await this.#bandsAt(now),
        counts: await this.#counts.recent(now),
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

  async #bandsAt(now: Date): Promise<ReadonlyMap<AlertSubject, Bands>> {
    const hour = Math.floor(now.getTime() / hourMs)
    if (this.#bands?.hour !== hour) this.#bands = { hour, bySubject: await this.#counts.bands(now) }
    return this.#bands.bySubject
  }
}
