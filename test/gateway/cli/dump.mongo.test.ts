import { Binary, Double, Int32, Long, type Document } from 'mongodb'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { readDump, writeDump } from '../../../gateway/cli/dump.ts'
import { freshDatabase } from '../../harness/mongo.ts'
import { temporaryFolder } from '../../harness/temporary-folder.ts'

const { mongo, db, name } = await freshDatabase()
const file = path.join(temporaryFolder(), 'dump.bson.gz')

/** One value of each kind that the hub stores. */
const aDocument = (n: number): Document => ({
  _id: Long.fromNumber(n),
  int: new Int32(n),
  double: new Double(n),
  date: new Date(1_700_000_000_000 + n),
  bytes: new Binary(Buffer.from([n % 256])),
  nested: { list: [{ a: null }, 'text ü', true, new Double(0.1)] },
})

const bytesOf = async (database: string, collection: string): Promise<string[]> => {
  const found = mongo
    .db(database)
    .collection(collection)
    .find({}, { sort: { _id: 1 }, raw: true })
  return (await found.toArray()).map((document) => Buffer.from(document as never).toString('hex'))
}

test('a database is restored byte by byte, at one point of time', async () => {
  await db.collection('things').insertMany(Array.from({ length: 10_234 }, (_, n) => aDocument(n)))
  await db.collection('collection').insertOne({ collection: 'a name that is also that of a marker' })
  await db.collection('leases').insertOne({ holder: 'a hub that runs' })
  const written = await bytesOf(name, 'things')
  let added = 0
  const documents = await writeDump(mongo.client, db, file, () => {
    // Written while the dump is made, and after its point of time.
    if (added++ === 0) void db.collection('things').insertOne(aDocument(99_999))
  })
  expect(documents).toBe(10_235)
  const restored = mongo.db(`${name}_restored`)
  try {
    expect(await readDump(file, restored)).toBe(10_235)
    expect(await bytesOf(restored.databaseName, 'things')).toEqual(written)
    expect(await bytesOf(restored.databaseName, 'collection')).toEqual(await bytesOf(name, 'collection'))
    expect(await restored.listCollections({}, { nameOnly: true }).toArray()).toHaveLength(2)
  } finally {
    await restored.dropDatabase()
  }
  expect(added).toBe(10)
})

test('a file that is cut off is refused', async () => {
  const cut = `${file}.cut`
  writeFileSync(cut, readFileSync(file))
  truncateSync(cut, 5_000)
  const target = mongo.db(`${name}_cut`)
  try {
    await expect(readDump(cut, target)).rejects.toThrow(/cut off|unexpected end of file/)
  } finally {
    await target.dropDatabase()
  }
})
