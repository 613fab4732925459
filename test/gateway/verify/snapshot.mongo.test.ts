import { expect, test } from 'vitest'
import { openSnapshot } from '../../../gateway/verify/snapshot.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db, mongo } = await freshDatabase()

test('a snapshot reads what was there at its first read, whatever is written meanwhile', async () => {
  const things = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) => ({ _id: (from + n) as never }))
  await db.collection('first').insertMany(things(0, 1))
  await db.collection('second').insertMany(things(0, 1_500))
  const snapshot = openSnapshot(mongo.client, db)
  try {
    expect(await snapshot.find('first').toArray()).toHaveLength(1)
    await db.collection('second').insertMany(things(2_000, 10))
    const read = new Set<unknown>()
    for await (const { _id } of snapshot.find('second')) {
      read.add(_id)
      // A batch has a thousand documents, and this lies between two.
      if (read.size === 500) await db.collection('second').insertMany(things(3_000, 10))
    }
    expect(read.size).toBe(1_500)
    expect(await snapshot.now('second').countDocuments()).toBe(1_520)
  } finally {
    await snapshot.close()
  }
})
