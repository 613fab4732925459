// Alerts, and the log of their events. The analytics subgraph writes both; its streams and the webhooks of
// the transaction subgraph follow the events. An event is written in the MongoDB transaction of its change,
// so neither exists without the other.

import type { ClientSession, Collection, Db } from 'mongodb'
import type { AlertId, ParticipantId } from '../../schema/values/id.ts'
import { makeCollection } from '../platform/mongo/client.ts'
import { isDuplicateKey } from '../platform/mongo/errors.ts'

/** What an alert is about: "corridor:TH-CN" or "participant:wallet-th-01". */
export type AlertSubject = `${'corridor' | 'participant'}:${string}`

/** A document of the collection `alerts`. */
export interface Alert {
  /** Subject, kind and the minute in which it began: "corridor:TH-CN.DECLINES.2026-03-01T12:04Z". */
  readonly _id: AlertId
  readonly subject: AlertSubject
  readonly kind: 'DECLINES' | 'LATENCY' | 'SILENCE'
  /** Start of the first window out of band. */
  readonly beganAt: Date
  readonly raisedAt: Date
  /** When the figure was out of band last. */
  readonly lastOutAt: Date
  readonly endedAt: Date | null
  readonly acknowledged: {
    readonly at: Date
    readonly by: ParticipantId
    readonly note: string | null
  } | null
  /** The figure when the alert was raised, its usual value, and the edge of its band. */
  readonly observed: number
  readonly usual: number
  readonly bound: number
  /** Payments that were judged. */
  readonly payments: number
}

/** At most one alert of a subject and kind is open: `open` is unique. */
type StoredAlert = Alert & { readonly open?: string }

export const alertEventKinds = {
  ALERT_RAISED: true,
  ALERT_ACKNOWLEDGED: true,
  ALERT_ENDED: true,
} as const
export type AlertEventKind = keyof typeof alertEventKinds

/** A document of the collection `alertEvents`. */
export interface AlertEvent {
  /** 1, 2, 3 … with no gap, in the order of the changes. */
  readonly _id: number
  readonly kind: AlertEventKind
  readonly at: Date
  /** The alert after the event. */
  readonly alert: Alert
}

export interface AlertLog {
  readonly alerts: Collection<StoredAlert>
  readonly events: Collection<AlertEvent>
  open(): Promise<readonly Alert[]>
  /** Appends an alert. Changes nothing while one of its subject and kind is open: false. */
  raise(alert: Alert, write: Write): Promise<boolean>
  /** Changes nothing when the alert has ended. */
  end(id: AlertId, at: Date, write: Write): Promise<void>
  /** Stores that alerts are still out of band. */
  touch(ids: readonly AlertId[], at: Date): Promise<void>
  /** In the MongoDB transaction of `session`; null when there is no such alert. The first call counts. */
  acknowledge(
    id: AlertId,
    acknowledged: NonNullable<Alert['acknowledged']>,
    session: ClientSession,
  ): Promise<{ readonly alert: Alert; readonly isFirst: boolean } | null>
  /** Events after number `after`, oldest first, at most `max`. */
  read(after: number, max: number): Promise<readonly AlertEvent[]>
  /** The number of the last event; 0 before the first. */
  tip(): Promise<number>
  /** The event with this number; null when it is no longer kept. */
  event(number: number): Promise<AlertEvent | null>
  /** The number up to which the webhooks have events; 0 at first. It never moves back. */
  sentTo(): Promise<number>
  moveSentTo(number: number): Promise<void>
}

/** Runs a change in a MongoDB transaction, as long as the caller may write. */
export type Write = <Done>(change: (session: ClientSession) => Promise<Done>) => Promise<Done>

const alertDays = 400
const eventDays = 30
const daySeconds = 86_400

export async function openAlertLog(db: Db): Promise<AlertLog> {
  const collections = await openCollections(db)
  const { alerts, events, head } = collections
  return {
    alerts,
    events,
    open: () => alerts.find({ open: { $exists: true } }, { projection: { open: 0 } }).toArray(),
    raise: (alert, write) => raise(collections, alert, write),
    end: (id, at, write) => write((session) => end(collections, id, at, session)),
    async touch(ids, at) {
      await alerts.updateMany({ _id: { $in: [...ids] }, endedAt: null }, { $max: { lastOutAt: at } })
    },
    acknowledge: (id, acknowledged, session) => acknowledge(collections, id, acknowledged, session),
    read: (after, max) => events.find({ _id: { $gt: after } }, { sort: { _id: 1 }, limit: max }).toArray(),
    tip: async () => (await head.findOne({ _id: 'alerts' }))?.last ?? 0,
    event: (number) => events.findOne({ _id: number }),
    sentTo: async () => (await head.findOne({ _id: 'webhooks' }))?.last ?? 0,
    async moveSentTo(number) {
      await head.updateOne({ _id: 'webhooks' }, { $max: { last: number } }, { upsert: true })
    },
  }
}

interface Collections {
  readonly alerts: Collection<StoredAlert>
  readonly events: Collection<AlertEvent>
  readonly head: Collection<Head>
}

/** The number of the last event, or of the last one that webhooks have. */
interface Head {
  readonly _id: 'alerts' | 'webhooks'
  readonly last: number
}

async function openCollections(db: Db): Promise<Collections> {
  await Promise.all(['alerts', 'alertEvents', 'alertHead'].map((name) => makeCollection(db, name)))
  const alerts = db.collection<StoredAlert>('alerts')
  const events = db.collection<AlertEvent>('alertEvents')
  const isOpen = { open: { $exists: true } }
  await alerts.createIndexes([
    { name: 'open', key: { open: 1 }, unique: true, partialFilterExpression: isOpen },
    { name: 'newest', key: { raisedAt: -1, _id: -1 } },
    { name: 'subject', key: { subject: 1, raisedAt: -1, _id: -1 } },
    { name: 'expiry', key: { endedAt: 1 }, expireAfterSeconds: alertDays * daySeconds },
  ])
  await events.createIndexes([{ name: 'expiry', key: { at: 1 }, expireAfterSeconds: eventDays * daySeconds }])
  return { alerts, events, head: db.collection<Head>('alertHead') }
}

/** Appends an event with the next number; returns the alert. */
async function append(
  { events, head }: Collections,
  kind: AlertEventKind,
  at: Date,
  stored: StoredAlert,
  session: ClientSession,
): Promise<Alert> {
  const alert: Alert & { open?: string } = { ...stored }
  delete alert.open
  const next = await head.findOneAndUpdate(
    { _id: 'alerts' },
    { $inc: { last: 1 } },
    { upsert: true, returnDocument: 'after', session },
  )
  await events.insertOne({ _id: next!.last, kind, at, alert }, { session })
  return alert
}

async function raise(collections: Collections, alert: Alert, write: Write): Promise<boolean> {
  const stored = { ...alert, open: `${alert.subject} ${alert.kind}` }
  try {
    await write(async (session) => {
      await collections.alerts.insertOne(stored, { session })
      await append(collections, 'ALERT_RAISED', alert.raisedAt, stored, session)
    })
    return true
  } catch (error) {
    if (!isDuplicateKey(error)) throw error
    return false
  }
}

async function end(collections: Collections, id: AlertId, at: Date, session: ClientSession): Promise<void> {
  const ended = await collections.alerts.findOneAndUpdate(
    { _id: id, endedAt: null },
    { $set: { endedAt: at }, $unset: { open: '' } },
    { returnDocument: 'after', session },
  )
  if (ended) await append(collections, 'ALERT_ENDED', at, ended, session)
}

async function acknowledge(
  collections: Collections,
  id: AlertId,
  acknowledged: NonNullable<Alert['acknowledged']>,
  session: ClientSession,
): Promise<{ readonly alert: Alert; readonly isFirst: boolean } | null> {
  const { alerts } = collections
  const first = await alerts.findOneAndUpdate(
    { _id: id, acknowledged: null },
    { $set: { acknowledged } },
    { returnDocument: 'after', session },
  )
  if (first) {
    const alert = await append(collections, 'ALERT_ACKNOWLEDGED', acknowledged.at, first, session)
    return { alert, isFirst: true }
  }
  const alert = await alerts.findOne({ _id: id }, { projection: { open: 0 }, session })
  return alert && { alert, isFirst: false }
}
