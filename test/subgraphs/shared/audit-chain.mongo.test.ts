import { beforeEach, describe, expect, test } from 'vitest'
import { verifyChain } from '../../../subgraphs/shared/audit-chain.ts'
import { openAuditLog, type AuditLog, type Change } from '../../../subgraphs/shared/audit-log.ts'
import { anId } from '../../fixtures/an-id.ts'
import { connectAgain, freshDatabase } from '../../harness/mongo.ts'

const database = await freshDatabase()
const { db } = database
const rows = db.collection('audit')
const other = await connectAgain(database)

const aChange = (n: number): Change => ({
  at: new Date(Date.UTC(2026, 10, 1) + n),
  actor: anId('operator'),
  key: 'a key',
  action: 'setCorridor',
  target: 'corridor:SG-CN',
  before: { n },
  after: { n: n + 1 },
  requestId: `r${n}`,
})

const append = (log: AuditLog, n: number): Promise<void> =>
  log.entries.db.client.withSession((session) =>
    session.withTransaction(() => log.record(aChange(n), session)),
  )

let log: AuditLog
beforeEach(async () => {
  await rows.deleteMany({})
  await db.collection('auditHead').deleteMany({})
  log = await openAuditLog(db)
  for (let n = 0; n < 5; n++) await append(log, n)
})

const faults = async () => (await verifyChain(db)).faults

describe('the chain of the audit log', () => {
  test('is whole, with dense numbers, when two hubs append at once', async () => {
    const second = await openAuditLog(other.db(database.name))
    await Promise.all(Array.from({ length: 20 }, (_, n) => append(n % 2 ? log : second, 10 + n)))
    const report = await verifyChain(db)
    expect(report).toMatchObject({ entries: 25, faults: [] })
    expect(report.head).toMatch(/^25:[0-9a-f]{64}$/)
    const numbers = (await rows.find({}, { sort: { sequence: 1 } }).toArray()).map(
      ({ sequence }) => sequence as number,
    )
    expect(numbers).toEqual(Array.from({ length: 25 }, (_, n) => n + 1))
  })

  test('has no gap when a change is undone', async () => {
    await expect(
      db.client.withSession((session) =>
        session.withTransaction(async () => {
          await log.record(aChange(9), session)
          throw new Error('undone')
        }),
      ),
    ).rejects.toThrow('undone')
    await append(log, 10)
    expect(await verifyChain(db)).toMatchObject({ entries: 6, faults: [] })
  })

  test.each([
    ['the actor', { actor: 'wallet-sg-01' }],
    ['the content', { after: '{"n":99}' }],
    ['the time', { at: new Date(0) }],
    ['a member that it did not have', { note: 'x' }],
  ])('shows a row in which %s was changed', async (_, changes) => {
    await rows.updateOne({ sequence: 3 }, { $set: changes })
    expect(await faults()).toEqual([expect.stringMatching(/^entry .* \(3\) was changed$/)])
  })

  test('shows a row that was changed together with its hash', async () => {
    await rows.updateOne({ sequence: 3 }, { $set: { hash: 'f'.repeat(64) } })
    expect(await faults()).toEqual([
      expect.stringContaining('(3) was changed'),
      expect.stringContaining('(4) does not follow the one before it'),
    ])
  })

  test.each([
    [3, 'entry number 3 was removed'],
    [1, 'entry number 1 was removed'],
    [5, 'entry number 5 was removed'],
  ])('shows that row %i was removed', async (sequence, fault) => {
    await rows.deleteOne({ sequence })
    expect(await faults()).toEqual([fault])
  })

  test('shows a row that was put in, with a number or without one', async () => {
    const { _id, ...third } = (await rows.findOne({ sequence: 3 }))!
    await rows.insertOne({ ...third, _id: 'copied' as never })
    const { sequence, ...unnumbered } = third
    expect(sequence).toBe(3)
    await rows.insertOne({ ...unnumbered, _id: 'unnumbered' as never })
    const found = await faults()
    expect(found).toContain('entry unnumbered was put in: it has no place of its own in the chain')
    expect(found.join()).toMatch(/entry (copied|[0-9a-f-]{36}) was put in/)
    expect(_id).toBeDefined()
  })

  test('links entries that were written before there was a chain', async () => {
    await rows.updateMany({}, { $unset: { sequence: 1, hash: 1, previous: 1 } })
    await db.collection('auditHead').deleteMany({})
    await openAuditLog(db)
    expect(await verifyChain(db)).toMatchObject({ entries: 5, faults: [] })
  })
})
