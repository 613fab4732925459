import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bearerOf, demoKeys, hashKey } from '../../../gateway/identity/key.ts'
import { openKeyRing, type KeyRing } from '../../../gateway/identity/key-ring.ts'
import { createKeyStore } from '../../../gateway/identity/key-store.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'
import { anId } from '../../fixtures/an-id.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db } = await freshDatabase()
const store = createKeyStore(db)
const logger = pino({ level: 'silent' })
const now = new Date('2026-03-01T09:00:00Z')
const wallet = anId<ParticipantId>('wallet-th-01')
const grant = { participant: wallet, scopes: ['payments:read'], label: 'till' } as const

let ring: KeyRing
beforeEach(async () => {
  ring = await openKeyRing(store, { allowDemo: true, logger })
})
afterEach(async () => {
  await ring.close()
  await db.collection('apiKeys').deleteMany({})
})

/** Resolves when a change makes `claim` true. */
const until = (claim: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const stopListening = ring.onChange(check)
    check()
    function check(): void {
      if (!claim()) return
      stopListening?.()
      resolve()
    }
  })

describe('a key', () => {
  test('authenticates its participant as soon as it is issued, also by another hub', async () => {
    const key = await store.issue(grant, now)
    await until(() => ring.find(key) !== null)
    expect(ring.find(key)).toEqual({
      participant: 'wallet-th-01',
      scopes: new Set(['payments:read']),
      key: 'till',
    })
  })

  test('has the same viewer until it changes', async () => {
    const key = await store.issue(grant, now)
    await until(() => ring.find(key) !== null)
    const viewer = ring.find(key)!
    const other = await store.issue(grant, now)
    await until(() => ring.find(other) !== null)
    expect(ring.find(key)).toBe(viewer)
    expect(ring.isValid(viewer)).toBe(true)
  })

  test('is invalid once it is revoked, and cannot be revoked twice', async () => {
    const key = await store.issue(grant, now)
    await until(() => ring.find(key) !== null)
    const viewer = ring.find(key)!
    expect(await store.revoke(hashKey(key), now)).toBe(true)
    await until(() => ring.find(key) === null)
    expect(ring.isValid(viewer)).toBe(false)
    expect(await store.revoke(hashKey(key), now)).toBe(false)
  })

  test('has another viewer when its scopes change', async () => {
    const key = await store.issue(grant, now)
    await until(() => ring.find(key) !== null)
    const viewer = ring.find(key)!
    await db.collection<{ _id: string }>('apiKeys').updateOne({ _id: hashKey(key) }, { $set: { scopes: [] } })
    await until(() => ring.find(key) !== viewer)
    expect(ring.find(key)!.scopes.size).toBe(0)
    expect(ring.isValid(viewer)).toBe(false)
  })

  test('is known by its header until any key changes, and only when it is valid', async () => {
    const [key, other] = [await store.issue(grant, now), await store.issue(grant, now)]
    await until(() => ring.find(other) !== null)
    const header = `Bearer ${key}`
    expect(ring.known(header)).toBeUndefined()
    const viewer = ring.find(key, header)
    expect(ring.known(header)).toBe(viewer)
    expect(ring.find('cg_guess', 'Bearer cg_guess')).toBeNull()
    expect(ring.known('Bearer cg_guess')).toBeUndefined()
    await store.revoke(hashKey(key), now)
    await until(() => ring.find(key, header) === null)
    expect(ring.known(header)).toBeUndefined()
  })

  test('is stored as its hash alone', async () => {
    const key = await store.issue(grant, now)
    const text = JSON.stringify(await store.all())
    expect(text).toContain(hashKey(key))
    expect(text).not.toContain(key)
  })

  test('is not found by a similar text', async () => {
    const key = await store.issue(grant, now)
    await until(() => ring.find(key) !== null)
    for (const wrong of ['', key.slice(0, -1), `${key}=`, hashKey(key)]) expect(ring.find(wrong)).toBeNull()
  })
})

describe('the demo keys', () => {
  test('work in a demo hub, and seeding twice adds nothing', async () => {
    await store.seedDemo(now)
    await store.seedDemo(now)
    await until(() => ring.find('demo-wallet') !== null)
    expect(demoKeys.map(({ key }) => ring.find(key)?.participant)).toEqual([
      'operator',
      'portal-demo',
      'wallet-sg-01',
      'acquirer-cn-01',
    ])
    expect(await store.all()).toHaveLength(4)
  })

  test('a revoked one stays revoked over a restart', async () => {
    await store.seedDemo(now)
    await store.revoke(hashKey('demo-wallet'), now)
    await store.seedDemo(now)
    const restarted = await openKeyRing(store, { allowDemo: true, logger })
    expect(restarted.find('demo-portal')).not.toBeNull()
    expect(restarted.find('demo-wallet')).toBeNull()
    await restarted.close()
  })

  test('are refused in production, also when the database has them', async () => {
    await store.seedDemo(now)
    const key = await store.issue(grant, now)
    const production = await openKeyRing(store, { allowDemo: false, logger })
    expect(demoKeys.map((demo) => production.find(demo.key))).toEqual([null, null, null, null])
    expect(production.find(key)).not.toBeNull()
    await production.close()
  })
})

describe('the Authorization header', () => {
  test.each([
    { header: 'Bearer demo-wallet', key: 'demo-wallet' },
    { header: 'bearer cg_aB3-_.~+/==', key: 'cg_aB3-_.~+/==' },
    { header: 'Bearer  demo-wallet ', key: 'demo-wallet' },
    { header: undefined, key: null },
    { header: '', key: null },
    { header: 'Bearer', key: null },
    { header: 'Bearer two keys', key: null },
    { header: 'Basic ZGVtbzpkZW1v', key: null },
    { header: `Bearer ${'k'.repeat(4097)}`, key: null },
  ])('$header names the key $key', ({ header, key }) => {
    expect(bearerOf(header)).toBe(key)
  })
})
