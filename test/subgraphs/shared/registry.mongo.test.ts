import { pino } from 'pino'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { ParticipantId } from '../../../schema/values/id.ts'
import { importRegistry } from '../../../subgraphs/participant/index.ts'
import { openRegistry, type MirroredRegistry } from '../../../subgraphs/shared/registry.ts'
import { anId } from '../../fixtures/an-id.ts'
import { aCorridor, aParticipant, aProject } from '../../fixtures/a-registry.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db } = await freshDatabase()
const silent = pino({ level: 'silent' })
const opened: MirroredRegistry[] = []

const eventually = (isSo: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(isSo()).toBe(true), { timeout: 10_000 })

async function open(): Promise<MirroredRegistry> {
  const registry = await openRegistry(db, silent)
  opened.push(registry)
  return registry
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((registry) => registry.close()))
  await db.dropDatabase()
})

describe('the mirror of participants, projects and corridors', () => {
  test('starts with the stored content in order of id, money and dates unchanged', async () => {
    const corridor = aCorridor({ id: anId('SG-CN') })
    const participant = aParticipant({
      id: anId('b'),
      iin: '10458001',
      capabilities: [{ name: 'REFUND', passed: true, validUntil: new Date('2027-01-01T00:00:00Z') }],
    })
    await importRegistry(db, {
      participants: [participant, aParticipant({ id: anId('c') }), aParticipant({ id: anId('a') })],
      projects: [aProject()],
      corridors: [corridor],
    })
    const registry = await open()
    expect([...registry.participants.keys()]).toEqual(['a', 'b', 'c'])
    expect(registry.participants.get(anId('b'))).toEqual(participant)
    expect(registry.participantByIin.get('10458001')).toEqual(participant)
    expect(registry.corridors.get(anId('SG-CN'))).toEqual(corridor)
    expect(registry.projects.get(anId('sg-sgqr'))).toEqual(aProject())
  })

  test('is empty in an empty database', async () => {
    expect((await open()).participants.size).toBe(0)
  })

  test('shows in every process what any of them writes and deletes', async () => {
    const [here, there] = [await open(), await open()]
    const before = here.participants
    await importRegistry(db, { participants: [aParticipant({ id: anId('a') })], projects: [], corridors: [] })
    await eventually(() => here.participants.has(anId('a')) && there.participants.has(anId('a')))
    expect(before.size).toBe(0)
    await db.collection<{ _id: string }>('participants').deleteOne({ _id: 'a' })
    await eventually(() => here.participants.size === 0 && there.participants.size === 0)
  })

  test('ends at the last of many changes', async () => {
    const registry = await open()
    for (let version = 1; version <= 50; version++) {
      await importRegistry(db, { participants: [], projects: [], corridors: [aCorridor({ version })] })
    }
    await eventually(() => registry.corridors.get(anId('SG-CN'))?.version === 50)
    expect(registry.corridors.size).toBe(1)
  })

  test('shows a write of its own process after a refresh', async () => {
    const registry = await open()
    await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const id = anId<ParticipantId>(`wallet-${n}`)
        await importRegistry(db, { participants: [aParticipant({ id })], projects: [], corridors: [] })
        await registry.refresh()
        expect(registry.participants.has(id)).toBe(true)
      }),
    )
  })

  test('reopens and reloads after the change stream has ended', async () => {
    await importRegistry(db, { participants: [aParticipant({ id: anId('a') })], projects: [], corridors: [] })
    const registry = await open()
    await db.dropDatabase()
    await eventually(() => registry.participants.size === 0)
    await importRegistry(db, { participants: [aParticipant({ id: anId('b') })], projects: [], corridors: [] })
    await eventually(() => registry.participants.has(anId('b')))
    await importRegistry(db, { participants: [aParticipant({ id: anId('c') })], projects: [], corridors: [] })
    await eventually(() => registry.participants.has(anId('c')))
    expect([...registry.participants.keys()]).toEqual(['b', 'c'])
  })
})
