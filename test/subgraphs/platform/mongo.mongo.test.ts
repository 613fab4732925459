import { expect, test } from 'vitest'
import { insertAll } from '../../../subgraphs/platform/mongo/bulk-write.ts'
import { isDuplicateKey } from '../../../subgraphs/platform/mongo/errors.ts'
import { withFreshSession } from '../../../subgraphs/platform/mongo/fresh-session.ts'
import { loaderById } from '../../../subgraphs/platform/mongo/loader-by-id.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db } = await freshDatabase()

interface Named {
  readonly _id: string
  readonly name?: string
}

test('a loader returns documents in the order of their ids, null where there is none', async () => {
  const named = db.collection<Named>('named')
  await named.insertMany([
    { _id: 'a', name: 'first' },
    { _id: 'b', name: 'second' },
  ])
  expect(await loaderById(named).loadMany(['b', 'x', 'a'])).toEqual([
    { _id: 'b', name: 'second' },
    null,
    { _id: 'a', name: 'first' },
  ])
  expect(await loaderById(named, { read: ({ name }) => name }).load('a')).toBe('first')
  expect(await loaderById(named, { find: { projection: { _id: 1 } } }).load('a')).toEqual({ _id: 'a' })
})

test('a duplicate key is recognised in thrown errors and in those of a bulk write', async () => {
  const taken = db.collection<Named>('taken')
  await taken.insertOne({ _id: 'a' })
  const thrown = await taken.insertOne({ _id: 'a' }).catch((error: unknown) => error)
  const [error] = await insertAll(taken, [{ _id: 'a' }], { ordered: false })
  expect([thrown, error].every(isDuplicateKey)).toBe(true)
  expect([null, new Error('other'), { code: 48 }].some(isDuplicateKey)).toBe(false)
})

test('a fresh session reads earlier writes, and ends when the read fails', async () => {
  const written = db.collection<Named>('written')
  for (const _id of ['a', 'b', 'c']) {
    await written.insertOne({ _id })
    const found = await withFreshSession(db, (session) => written.findOne({ _id }, { session }))
    expect(found).toEqual({ _id })
  }
  let hasEnded = (): boolean => false
  const failing = withFreshSession(db, async (session) => {
    hasEnded = () => session.hasEnded
    throw new Error('no reading')
  })
  await expect(failing).rejects.toThrow('no reading')
  expect(hasEnded()).toBe(true)
})
