import { beforeEach, describe, expect, test, vi } from 'vitest'
import { verifyChain } from '../../../subgraphs/shared/audit-chain.ts'
import { openAuditLog } from '../../../subgraphs/shared/audit-log.ts'
import { openRefusalLog, refusedKeysMax, type RefusalLog } from '../../../subgraphs/shared/refusal-log.ts'
import type { Viewer } from '../../../subgraphs/shared/viewer.ts'
import { anId } from '../../fixtures/an-id.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db } = await freshDatabase()
const rows = db.collection('audit')
const logger = { warn: vi.fn<() => void>() }
const startMs = Date.UTC(2026, 10, 1)
let nowMs = startMs
let log: RefusalLog

beforeEach(async () => {
  await rows.deleteMany({})
  await db.collection('auditHead').deleteMany({})
  nowMs = startMs
  log = openRefusalLog(await openAuditLog(db), () => new Date(nowMs), logger)
})

const viewer = (key: string): Viewer => ({ participant: anId('wallet-sg-01'), scopes: new Set(), key })
const refuse = (key: string, field: string, requestId = 'r'): void =>
  log.note(viewer(key), {
    action: 'forbiddenField',
    target: `field:${field}`,
    refusal: 'UNAUTHORIZED_FIELD_OR_TYPE',
    requestId,
  })
const entries = () => rows.find({}, { sort: { sequence: 1 } }).toArray()
const timesIn = (after: string): number => (JSON.parse(after) as { times: number }).times

describe('refusals in the audit log', () => {
  test('have the caller, what was refused, the key and the first request', async () => {
    refuse('till 7', 'Mutation.setCorridor', 'first')
    refuse('till 7', 'Mutation.setCorridor', 'second')
    await log.close()
    expect(await entries()).toMatchObject([
      {
        actor: 'wallet-sg-01',
        key: 'till 7',
        action: 'forbiddenField',
        target: 'field:Mutation.setCorridor',
        refusal: 'UNAUTHORIZED_FIELD_OR_TYPE',
        requestId: 'first',
        before: null,
        after: '{"times":2}',
      },
    ])
  })

  test('are written soon after the first, and the equal ones of its minute together', async () => {
    refuse('till 7', 'Mutation.setRates')
    await vi.waitFor(async () => expect(await entries()).toHaveLength(1), 5_000)
    for (let n = 0; n < 1_000; n++) refuse('till 7', 'Mutation.setRates')
    nowMs += 60_000
    await vi.waitFor(async () => expect(await entries()).toHaveLength(2), 5_000)
    expect((await entries()).map(({ after }) => timesIn(after as string))).toEqual([1, 1_000])
    refuse('till 7', 'Mutation.setRates')
    await log.close()
    expect(await entries()).toHaveLength(3)
  })

  test('of one key that varies them fill ten entries a minute, and leave those of another key', async () => {
    for (let n = 0; n < 500; n++) refuse('a flood', `Query.f${n}`)
    refuse('till 7', 'Mutation.setRates')
    await log.close()
    const found = await entries()
    expect(found.filter(({ key }) => key === 'a flood')).toHaveLength(10)
    expect(found.filter(({ key }) => key === 'till 7')).toHaveLength(1)
    expect(found.at(-1)).toMatchObject({ target: 'request:others', after: '{"times":490}', actor: null })
  })

  test('of any number of keys and addresses add at most 61 entries to a minute', async () => {
    for (let n = 0; n < 5_000; n++) refuse(`key ${n}`, 'Query.f')
    for (let n = 0; n < 500; n++) for (let times = 0; times < 20; times++) log.refusedKey(`192.0.2.${n}`, 'r')
    await log.close()
    expect((await entries()).length).toBeLessThanOrEqual(61)
    expect((await verifyChain(db)).faults).toEqual([])
  })

  test('have an address from which many keys are not valid, and none with a few', async () => {
    for (let n = 0; n < refusedKeysMax; n++) log.refusedKey('192.0.2.1', `a${n}`)
    for (let n = 0; n < refusedKeysMax + 7; n++) log.refusedKey('192.0.2.2', `b${n}`)
    await log.close()
    expect(await entries()).toMatchObject([
      {
        actor: null,
        key: null,
        action: 'refusedRequest',
        target: 'address:192.0.2.2',
        refusal: 'UNAUTHENTICATED',
        requestId: 'b10',
        after: '{"times":17}',
      },
    ])
  })
})
