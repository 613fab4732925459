// Checks that a database is true: reads it at one point of time while hubs write to it, with one pass over
// the payments and one over the log. Memory does not grow with either; it grows with days, merchants that
// were paid, and customers of the last days.
//
// This room imports no other part of the product, and no other part but its command imports it: what it finds
// has to be true of the data, whatever the product’s own code takes for true.

import { MongoClient, type Db } from 'mongodb'
import { Activity } from './activity.ts'
import { Bookings, Positions } from './books.ts'
import type { Check } from './check.ts'
import { checkCoverage } from './coverage.ts'
import { paymentFields, type Batch, type Corridor, type Participant, type Payment } from './documents.ts'
import { Limits } from './limits.ts'
import { LogComparison, readEntries } from './log.ts'
import { createPaymentChecks } from './payments.ts'
import { readPublished } from './projections.ts'
import { Settlement } from './settlement.ts'
import { openSnapshot, type Snapshot } from './snapshot.ts'
import { Webhooks, type Endpoint } from './webhooks.ts'

/**
 * Checks database `name` at `uri`; hubs may run, and may take `lateMs` to project what is under way. Throws
 * the driver’s error when the database cannot be read.
 */
export async function verify(uri: string, name: string, lateMs = 30_000): Promise<readonly Check[]> {
  const client = new MongoClient(uri, { appName: 'crossgate verify', useBigInt64: true })
  try {
    await client.connect()
    for (let attempt = 1; ; attempt++) {
      try {
        return await verifyOnce(client, client.db(name), lateMs)
      } catch (error) {
        // A hub that starts creates collections and indexes, and MongoDB then has no snapshot for a moment.
        const isUnavailable = (error as { code?: unknown }).code === snapshotUnavailable
        if (!isUnavailable || attempt === attemptsMax) throw error
      }
    }
  } finally {
    await client.close()
  }
}

const snapshotUnavailable = 246
const attemptsMax = 5

async function verifyOnce(client: MongoClient, db: Db, lateMs: number): Promise<readonly Check[]> {
  const snapshot = openSnapshot(client, db)
  try {
    const { localTime } = (await db.command({ hello: 1 })) as { localTime: Date }
    return await verifySnapshot(snapshot, localTime.getTime(), lateMs)
  } finally {
    await snapshot.close()
  }
}

async function verifySnapshot(snapshot: Snapshot, nowMs: number, lateMs: number): Promise<readonly Check[]> {
  const published = await readPublished(snapshot)
  const corridors = await snapshot.find<Corridor>('corridors').toArray()
  const participants = await snapshot.find<Participant>('participants').toArray()
  if (participants.length === 0) throw new Error('the database has no participants: check MONGODB_DATABASE')
  const payments = createPaymentChecks(nowMs)
  const log = new LogComparison(lateMs)
  const settlement = new Settlement(await snapshot.find<Batch>('settlementBatches').toArray())
  const limits = new Limits(corridors, await changedCorridors(snapshot), nowMs)
  const webhooks = new Webhooks(
    published('webhookDeliveries'),
    await snapshot.find<Endpoint>('webhooks').toArray(),
    new Map(participants.map((participant) => [participant._id, participant])),
    corridors,
    nowMs,
  )
  const activity = new Activity(published('activity'))
  await activity.begin(snapshot)
  const ofLog = [
    log,
    new Positions(published('positions')),
    new Bookings(published('bookings')),
    settlement,
    activity,
    webhooks,
  ] as const

  for await (const payment of snapshot.find<Payment>('payments', {}, { projection: paymentFields })) {
    payments.visit(payment)
    if (payment.status === undefined) continue
    log.addPayment(payment)
    settlement.addPayment(payment)
    limits.addPayment(payment)
  }
  for await (const entry of readEntries(snapshot)) for (const part of ofLog) part.addEntry(entry)
  for (const part of ofLog) await part.finish(snapshot)
  await payments.finish(snapshot)
  limits.finish()
  const [, positions, bookings] = ofLog
  return [
    ...payments.checks,
    log.dense,
    log.oneToOne,
    positions.check,
    bookings.check,
    settlement.batches,
    settlement.files,
    limits.check,
    activity.check,
    webhooks.check,
    await checkCoverage(snapshot),
  ]
}

/** Corridors whose terms were changed: a day may hold more than a limit that was lowered. */
async function changedCorridors(snapshot: Snapshot): Promise<ReadonlySet<string>> {
  interface Audited {
    readonly _id: string
    readonly target: string
  }
  const found = await snapshot
    .find<Audited>('audit', { action: 'setCorridor' }, { projection: { target: 1 } })
    .toArray()
  return new Set(found.map(({ target }) => target.replace(/^corridor:/, '')))
}
