// Alerts over a real database: from the counts of the activity projection to lists, events and the
// acknowledgement.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AlertId } from '../../../schema/values/id.ts'
import { createActivityCache } from '../../../subgraphs/analytics/activity-cache.ts'
import { countBatch } from '../../../subgraphs/analytics/activity-projection.ts'
import { AlertDetector } from '../../../subgraphs/analytics/alert-detector.ts'
import {
  acknowledgeAlert,
  alertPage,
  findAlert,
  streamAlertEvents,
  type AlertDependencies,
} from '../../../subgraphs/analytics/alert-service.ts'
import { createActivityStore } from '../../../subgraphs/analytics/block-store.ts'
import { dayMs, hourMs, minuteMs } from '../../../subgraphs/analytics/range.ts'
import { resultsOf } from '../../../subgraphs/log/checkpoint.ts'
import { openAlertFeed } from '../../../subgraphs/shared/alert-feed.ts'
import { openAlertLog } from '../../../subgraphs/shared/alert-log.ts'
import { openAuditLog } from '../../../subgraphs/shared/audit-log.ts'
import { createCursors } from '../../../subgraphs/shared/cursor.ts'
import { createIdempotentWriter } from '../../../subgraphs/shared/idempotent-writer.ts'
import { aLife, aLoggedPayment, entriesOf, type Life } from '../../fixtures/a-log.ts'
import { aClock } from '../../fixtures/a-programme.ts'
import { aCorridor, aParticipant, aRegistry } from '../../fixtures/a-registry.ts'
import { anId } from '../../fixtures/an-id.ts'
import { asViewer } from '../../fixtures/as-viewer.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db } = await freshDatabase()
const start = Date.UTC(2026, 2, 2, 12)
const clock = aClock(new Date(start))
const { now } = clock

const registry = aRegistry({
  participants: [
    aParticipant({ id: 'wallet-sg-01' }),
    aParticipant({ id: 'wallet-th-01', country: 'TH' }),
    aParticipant({ id: 'acquirer-cn-01', roles: ['ACQUIRER'], country: 'CN' }),
    aParticipant({ id: 'network-sg', roles: ['NETWORK'], country: 'SG' }),
  ],
  corridors: [aCorridor({ id: 'SG-CN' }), aCorridor({ id: 'TH-CN' })],
})
const operator = asViewer('operator', 'operator')
const wallet = asViewer('wallet-sg-01', 'analytics:read')
const otherWallet = asViewer('wallet-th-01', 'analytics:read')
const network = asViewer('network-sg', 'analytics:read')

const alertLog = await openAlertLog(db)
const audit = await openAuditLog(db)
const dependencies: AlertDependencies = {
  alertLog,
  alertFeed: await openAlertFeed({ db, alertLog, logger: { warn: () => {} } }),
  cursors: createCursors('a secret', 'alerts'),
  audit,
  idempotentWriter: await createIdempotentWriter(db),
  registry,
  now,
}
const store = await createActivityStore(resultsOf(db, 0))
const checkpoints = db.collection<{ _id: string; epoch: number; position: bigint }>('places')
const session = db.client.startSession()
const lease = { session, isHeld: () => true }
const aDetector = () => {
  const logReader = { tip: () => BigInt(position), read: async () => [] }
  return new AlertDetector({ activityCache: createActivityCache(db, logReader, now), alertLog, now })
}
/** Two processes, of which the first was paused while it held the lease. */
const detectors = [1, 2].map(aDetector)

let position = 0
let numbers = 0
/** Counts payments of SG-CN, `everyMs` apart. */
async function count(
  from: number,
  payments: number,
  everyMs: number,
  life: Partial<Life> = {},
): Promise<void> {
  const entries = Array.from({ length: payments }, (_, n) => {
    const payment = aLoggedPayment({ createdAt: new Date(from + n * everyMs) })
    return entriesOf(aLife({ ...life, payment }), `payment-${++numbers}`)
  }).flat()
  await countBatch(
    store,
    entries.map((entry) => ({ _id: BigInt(++position), ...entry })),
  )
  // The projection stores its checkpoint after each batch.
  const checkpoint = { epoch: 0, position: BigInt(position) }
  await checkpoints.updateOne({ _id: 'activity' }, { $set: checkpoint }, { upsert: true })
}

/** Moves the clock, and judges in both processes. */
async function judgeAt(ms: number): Promise<void> {
  clock.move(ms - now().getTime())
  for (const detector of detectors) await detector.judgeNow(lease)
}

const declined = { ending: 'refused', reason: 'INSUFFICIENT_FUNDS' } as const
const kindsOf = async (): Promise<string[]> => (await alertLog.read(0, 100)).map(({ kind }) => kind)

beforeAll(async () => {
  for (let ago = 1; ago <= 10; ago++) await count(start - ago * dayMs - 10 * minuteMs, 60, minuteMs)
  await count(start - 30 * minuteMs, 30, minuteMs)
})

afterAll(() => dependencies.alertFeed.close())

describe('alerts', () => {
  test('are none while payments are as usual, and with ten declined ones', async () => {
    await judgeAt(start)
    await count(start, 10, 5_000, declined)
    await judgeAt(start + minuteMs)
    expect(await kindsOf()).toEqual([])
  })

  test('are raised once each, for the corridor, the wallet and the acquirer', async () => {
    await count(start + minuteMs, 40, 3_000, declined)
    await judgeAt(start + 3 * minuteMs)
    await judgeAt(start + 3 * minuteMs + 5_000)
    const { edges } = await alertPage(dependencies, { first: 10 }, operator)
    expect(edges.map(({ node }) => `${node.kind} ${node.subject}`).toSorted()).toEqual([
      'DECLINES corridor:SG-CN',
      'DECLINES participant:acquirer-cn-01',
      'DECLINES participant:wallet-sg-01',
    ])
    const corridor = edges.find(({ node }) => node.subject === 'corridor:SG-CN')!.node
    expect(corridor).toMatchObject({ endedAt: null, acknowledged: null, observed: 1, usual: 0 })
    expect(corridor.beganAt.getTime()).toBeGreaterThanOrEqual(start)
    expect(corridor._id).toBe(`corridor:SG-CN.DECLINES.${corridor.beganAt.toISOString().slice(0, 16)}Z`)
    expect(await kindsOf()).toEqual(['ALERT_RAISED', 'ALERT_RAISED', 'ALERT_RAISED'])
  })

  test('are not raised twice by two processes at once', async () => {
    const [open] = await alertLog.open()
    const write = <Done>(change: (own: typeof session) => Promise<Done>): Promise<Done> =>
      db.client.withSession((own) => own.withTransaction(() => change(own)))
    const again = { ...open!, _id: anId<AlertId>('another-minute'), raisedAt: now() }
    expect(await Promise.all([1, 2, 3].map(() => alertLog.raise(again, write)))).toEqual([
      false,
      false,
      false,
    ])
    expect(await kindsOf()).toHaveLength(3)
  })

  test('are read by the parties alone, and their figures by those that read all payments', async () => {
    const subjects = async (context: typeof wallet) =>
      (await alertPage(dependencies, { first: 10 }, context)).edges.map(({ node }) => node.subject).toSorted()
    expect(await subjects(wallet)).toEqual(['corridor:SG-CN', 'participant:wallet-sg-01'])
    expect(await subjects(network)).toEqual(['corridor:SG-CN'])
    expect(await subjects(otherWallet)).toEqual([])
    const [alert] = (await alertPage(dependencies, { first: 1 }, operator)).edges
    expect(await findAlert(dependencies, alert!.node._id, otherWallet)).toBeNull()
    await expect(alertPage(dependencies, { first: 1 }, asViewer('wallet-sg-01'))).rejects.toMatchObject({
      extensions: { code: 'FORBIDDEN' },
    })
  })

  test('are paged and filtered', async () => {
    const first = await alertPage(dependencies, { first: 2 }, operator)
    expect(first.pageInfo.hasNextPage).toBe(true)
    const rest = await alertPage(dependencies, { first: 2, after: first.pageInfo.endCursor }, operator)
    expect(new Set([...first.edges, ...rest.edges].map(({ node }) => node._id)).size).toBe(3)
    const where = { corridors: [anId<never>('SG-CN')], kinds: ['DECLINES'] as const, open: true }
    expect((await alertPage(dependencies, { first: 2, where }, operator)).edges).toHaveLength(1)
    const none = { ...where, open: false }
    expect((await alertPage(dependencies, { first: 2, where: none }, operator)).edges).toHaveLength(0)
  })

  test('are acknowledged once by the operator, with an entry in the audit log', async () => {
    const [alert] = (await alertPage(dependencies, { first: 1 }, operator)).edges
    const input = { alert: alert!.node._id, note: 'called them', idempotencyKey: 'k1' }
    expect(await acknowledgeAlert(dependencies, input, wallet)).toMatchObject({ code: 'FORBIDDEN' })
    const acknowledged = await acknowledgeAlert(dependencies, input, operator)
    expect(acknowledged).toMatchObject({ acknowledged: { by: 'operator', note: 'called them' } })
    expect(await acknowledgeAlert(dependencies, input, operator)).toEqual(acknowledged)
    const later = { ...input, note: 'again', idempotencyKey: 'k2' }
    expect(await acknowledgeAlert(dependencies, later, operator)).toEqual(acknowledged)
    const conflict = { ...input, note: 'another' }
    expect(await acknowledgeAlert(dependencies, conflict, operator)).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    })
    const unknown = { alert: anId<never>('none') }
    expect(await acknowledgeAlert(dependencies, unknown, operator)).toMatchObject({ code: 'NOT_FOUND' })
    const entries = await audit.entries.find({ action: 'acknowledgeAlert' }).toArray()
    expect(entries).toMatchObject([{ actor: 'operator', target: `alert:${input.alert}` }])
    expect(await kindsOf()).toEqual([...Array<string>(3).fill('ALERT_RAISED'), 'ALERT_ACKNOWLEDGED'])
  })

  test('end by themselves, when the figure was back in its band for ten minutes', async () => {
    await count(start + 3 * minuteMs, 300, 3_000)
    await judgeAt(start + 5 * minuteMs)
    await judgeAt(start + 9 * minuteMs)
    expect(await alertLog.open()).toHaveLength(3)
    await judgeAt(start + 16 * minuteMs)
    expect(await alertLog.open()).toEqual([])
    expect((await kindsOf()).slice(4)).toEqual(['ALERT_ENDED', 'ALERT_ENDED', 'ALERT_ENDED'])
  })

  test('are followed by the parties, and resumed after a cursor without a gap or a repeat', async () => {
    const own = new Set(['corridor:SG-CN', 'participant:wallet-sg-01'])
    const visible = (await alertLog.read(0, 100)).filter(({ alert }) => own.has(alert.subject))
    const all = streamAlertEvents(dependencies, dependencies.cursors.encode(0n), wallet)
    const seen = []
    while (seen.length < visible.length) seen.push((await all.next()).value!.alertEvents)
    expect(seen).toMatchObject(visible)
    const rest = streamAlertEvents(dependencies, seen[0]!.cursor, wallet)
    expect((await rest.next()).value!.alertEvents).toEqual(seen[1])
    const live = all.next()
    await count(start + 18 * minuteMs, 80, 1_500, declined)
    await judgeAt(start + 20 * minuteMs)
    expect((await live).value!.alertEvents).toMatchObject({ kind: 'ALERT_RAISED', alert: { endedAt: null } })
    await all.return()
    await rest.return()
    expect(() => streamAlertEvents(dependencies, 'nonsense', wallet)).toThrow(/cursor/)
  })

  test('are not raised for the time in which the hub did not count', async () => {
    const noon = start + 7 * dayMs
    clock.move(noon - 2 * hourMs - now().getTime())
    const detector = aDetector()
    await detector.judgeNow(lease)
    const before = await alertLog.tip()
    clock.move(2 * hourMs)
    await detector.judgeNow(lease)
    const events = await alertLog.read(before, 100)
    expect(events.filter(({ kind }) => kind === 'ALERT_RAISED')).toEqual([])
  })
})
