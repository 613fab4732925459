import { describe, expect, test } from 'vitest'
import { connect } from '../../../subgraphs/platform/mongo/client.ts'
import {
  holdLease,
  isLeaseHeld,
  type Lease,
  type LeaseHolder,
} from '../../../subgraphs/platform/mongo/lease.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db, uri, name } = await freshDatabase()
const silent = { info: () => {}, error: () => {} }
const quick = { ttlMs: 600, retryMs: 50, logger: silent }

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** Tries to take the lease; `held` is fulfilled when it is taken. */
function aHolder(
  lease: string,
  { database = db, ttlMs = quick.ttlMs } = {},
): { held: Promise<Lease>; holder: LeaseHolder } {
  const { promise: held, resolve } = Promise.withResolvers<Lease>()
  const holder = holdLease({ ...quick, ttlMs, db: database, name: lease }, async (own) => {
    resolve(own)
    await aborted(own.signal)
  })
  return { held, holder }
}

describe('a lease', () => {
  test('has one holder, and passes to the next one when it is released', async () => {
    const first = aHolder('given on')
    const { epoch } = await first.held
    const second = aHolder('given on')
    expect([first.holder.isHolding(), second.holder.isHolding()]).toEqual([true, false])
    expect(await isLeaseHeld(db, 'given on')).toBe(true)
    await first.holder.close()
    expect((await second.held).epoch).toBeGreaterThan(epoch)
    await second.holder.close()
    expect(await isLeaseHeld(db, 'given on')).toBe(false)
  })

  test('does not expire while it is renewed', async () => {
    // Long enough that a busy machine renews in time.
    const ttlMs = 3_000
    const { held, holder } = aHolder('renewed', { ttlMs })
    const lease = await held
    const { expiresAt } = (await db.collection('leases').findOne({ _id: 'renewed' as never }))!
    const changes = db.collection('leases').watch([{ $match: { 'documentKey._id': 'renewed' } }])
    for (let renewal = 0; renewal < 4; renewal++) await changes.next()
    await changes.close()
    const now = (await db.collection('leases').findOne({ _id: 'renewed' as never }))!
    expect(now['expiresAt'].getTime()).toBeGreaterThan(expiresAt.getTime() + ttlMs)
    expect(lease.isHeld()).toBe(true)
    await holder.close()
  })

  test('of a holder that has stopped renewing is taken over, and that holder loses it', async () => {
    const doomed = await connect(uri)
    const first = aHolder('lost', { database: doomed.db(name) })
    const lost = await first.held
    const second = aHolder('lost')
    await doomed.close()
    expect((await second.held).epoch).toBe(lost.epoch + 1)
    await aborted(lost.signal)
    expect(lost.isHeld()).toBe(false)
    await Promise.all([first.holder.close(), second.holder.close()])
  })

  test('that is lost ends its work without an alarm', async () => {
    const lines: string[] = []
    const logger = {
      info: (_: unknown, line?: string) => void lines.push(`info: ${line}`),
      error: (_: unknown, line?: string) => void lines.push(`error: ${line}`),
    }
    const { promise: begun, resolve } = Promise.withResolvers<Lease>()
    const holder = holdLease({ ...quick, logger, db, name: 'taken away' }, async (own) => {
      resolve(own)
      await aborted(own.signal)
      throw new Error('a write was fenced')
    })
    await begun
    const taken = { $set: { holder: 'another process', expiresAt: new Date(Date.now() + 60_000) } }
    await db.collection('leases').updateOne({ _id: 'taken away' as never }, taken)
    await expect.poll(() => lines).toContain('info: the work under a lost lease has ended')
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([])
    await holder.close()
  })

  test('stays with a process that stood still, unless another one has taken it', async () => {
    const { held, holder } = aHolder('starved')
    const lease = await held
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3 * quick.ttlMs)
    expect(lease.isHeld()).toBe(false)
    await expect.poll(() => lease.isHeld()).toBe(true)
    expect(lease.signal.aborted).toBe(false)
    await holder.close()
  })

  test('is taken again after its work has failed', async () => {
    let times = 0
    const { promise: twice, resolve } = Promise.withResolvers<void>()
    const holder = holdLease({ ...quick, db, name: 'failing' }, async () => {
      if (++times === 2) resolve()
      throw new Error('no luck')
    })
    await twice
    await holder.close()
    expect(times).toBe(2)
  })
})
