import { pino } from 'pino'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { importReference } from '../../../subgraphs/participant/index.ts'
import { openReference, type LiveReference } from '../../../subgraphs/shared/registry.ts'
import { freshDatabase } from '../../harness/mongo.ts'
import { aCorridor, aParticipant, aProject } from '../../fixtures/reference-data.ts'

const { db } = await freshDatabase()
const silent = pino({ level: 'silent' })
const opened: LiveReference[] = []

const eventually = (isSo: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(isSo()).toBe(true), { timeout: 10_000 })

async function open(): Promise<LiveReference> {
  const reference = await openReference(db, silent)
  opened.push(reference)
  return reference
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((reference) => reference.close()))
  await db.dropDatabase()
})

describe('the mirror of participants, projects and corridors', () => {
  test('begins with what there is, in order of id, money and dates as they were', async () => {
    const corridor = aCorridor({ id: 'SG-CN' })
    const participant = aParticipant({
      id: 'b',
      iin: '10458001',
      capabilities: [{ name: 'REFUND', passed: true, validUntil: new Date('2027-01-01T00:00:00Z') }],
    })
    await importReference(db, {
      participants: [participant, aParticipant({ id: 'c' }), aParticipant({ id: 'a' })],
      projects: [aProject()],
      corridors: [corridor],
    })
    const reference = await open()
    expect([...reference.participants.keys()]).toEqual(['a', 'b', 'c'])
    expect(reference.participants.get('b')).toEqual(participant)
    expect(reference.participantByIin.get('10458001')).toEqual(participant)
    expect(reference.corridors.get('SG-CN')).toEqual(corridor)
    expect(reference.projects.get('sg-sgqr')).toEqual(aProject())
  })

  test('is empty in an empty database', async () => {
    expect((await open()).participants.size).toBe(0)
  })

  test('sees in every process what any of them writes, and what is gone', async () => {
    const [here, there] = [await open(), await open()]
    const before = here.participants
    await importReference(db, { participants: [aParticipant({ id: 'a' })], projects: [], corridors: [] })
    await eventually(() => here.participants.has('a') && there.participants.has('a'))
    expect(before.size).toBe(0)
    await db.collection<{ _id: string }>('participants').deleteOne({ _id: 'a' })
    await eventually(() => here.participants.size === 0 && there.participants.size === 0)
  })

  test('settles on the last of many changes', async () => {
    const reference = await open()
    for (let version = 1; version <= 50; version++) {
      await importReference(db, { participants: [], projects: [], corridors: [aCorridor({ version })] })
    }
    await eventually(() => reference.corridors.get('SG-CN')?.version === 50)
    expect(reference.corridors.size).toBe(1)
  })

  test('reads again when asked to, for those who have just written', async () => {
    const reference = await open()
    await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const id = `wallet-${n}`
        await importReference(db, { participants: [aParticipant({ id })], projects: [], corridors: [] })
        await reference.refresh()
        expect(reference.participants.has(id)).toBe(true)
      }),
    )
  })

  test('finds its way back after the stream of changes has ended', async () => {
    await importReference(db, { participants: [aParticipant({ id: 'a' })], projects: [], corridors: [] })
    const reference = await open()
    await db.dropDatabase()
    await eventually(() => reference.participants.size === 0)
    await importReference(db, { participants: [aParticipant({ id: 'b' })], projects: [], corridors: [] })
    await eventually(() => reference.participants.has('b'))
    await importReference(db, { participants: [aParticipant({ id: 'c' })], projects: [], corridors: [] })
    await eventually(() => reference.participants.has('c'))
    expect([...reference.participants.keys()]).toEqual(['b', 'c'])
  })
})
