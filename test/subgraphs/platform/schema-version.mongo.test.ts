import type { Db } from 'mongodb'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  checkSchemaVersion,
  openSchemaVersion,
  type Migration,
  type SchemaVersion,
} from '../../../subgraphs/platform/mongo/schema-version.ts'
import { freshDatabase } from '../../harness/mongo.ts'

interface Shop {
  readonly _id: number
  readonly name?: string
  readonly label?: string
}

const { mongo, name } = await freshDatabase()
let made = 0

/** A database of its own, in which hubs of version 1 have stored shops by their `name`. */
async function aDatabase({ shops = 0 } = {}): Promise<Db> {
  const db = mongo.db(`${name}_${++made}`)
  onTestFinished(async () => void (await db.dropDatabase()))
  if (shops > 0) await shopsOf(db).insertMany(Array.from({ length: shops }, (_, n) => aShop(n)))
  return db
}

const shopsOf = (db: Db) => db.collection<Shop>('shops')
const aShop = (_id: number): Shop => ({ _id, name: `shop ${_id}` })
const storedIn = (db: Db) => db.collection<{ _id: string }>('meta').findOne({ _id: 'schema' })

/** A hub with these steps; its record expires within half a second. */
async function aHub(db: Db, migrations: readonly Migration[], lines: object[] = []): Promise<SchemaVersion> {
  const logger = { info: (line: object | string) => void lines.push(line as object), error: () => {} }
  const hub = await openSchemaVersion(db, { migrations, logger, ttlMs: 500 })
  onTestFinished(() => hub.close())
  return hub
}

/** Version 2 stores `label` beside `name`: hubs of version 1 still read and write `name`. */
const addLabels: Migration = {
  version: 2,
  what: 'give each shop a label',
  async run({ db, place, save }) {
    const total = await shopsOf(db).countDocuments()
    for (let after = (place as number | null) ?? -1; ;) {
      const shops = await shopsOf(db)
        .find({ _id: { $gt: after } }, { sort: { _id: 1 }, limit: 10 })
        .toArray()
      if (shops.length === 0) return
      await shopsOf(db).bulkWrite(
        shops.map(({ _id, name: label = '' }) => ({
          updateOne: { filter: { _id, label: { $exists: false } }, update: { $set: { label } } },
        })),
      )
      after = shops.at(-1)!._id
      await save(after, after + 1, total)
    }
  },
}

/** Version 3 drops `name`, which hubs of version 1 read. */
const dropNames: Migration = {
  version: 3,
  what: 'drop the names of shops',
  oldestHub: 2,
  async run({ db }) {
    await shopsOf(db).updateMany({ label: { $exists: false } }, [{ $set: { label: '$name' } }])
    await shopsOf(db).updateMany({}, { $unset: { name: true } })
  },
}

describe('the version of a database', () => {
  test('is that of the first hub over an empty database, and no migration runs', async () => {
    const db = await aDatabase()
    await aHub(db, [{ version: 2, what: 'fail', run: () => Promise.reject(new Error('a migration ran')) }])
    expect(await storedIn(db)).toEqual({ _id: 'schema', version: 2, oldestHub: 1 })
    const another = await aDatabase()
    await aHub(another, [addLabels, dropNames])
    expect(await storedIn(another)).toEqual({ _id: 'schema', version: 3, oldestHub: 2 })
  })

  test('is 1 where hubs without versions have written, and the migrations run in order', async () => {
    const db = await aDatabase({ shops: 25 })
    await aHub(db, [addLabels, dropNames])
    expect(await storedIn(db)).toEqual({ _id: 'schema', version: 3, oldestHub: 2 })
    expect(await shopsOf(db).find({}).toArray()).toEqual(
      Array.from({ length: 25 }, (_, n) => ({ _id: n, label: `shop ${n}` })),
    )
  })

  test('moves on while an older hub writes, and loses nothing that it writes', async () => {
    const db = await aDatabase({ shops: 200 })
    const older = await aHub(db, [])
    let written = 200
    const writing = new AbortController()
    // Some, so that the migration reaches the end of what is written while it runs.
    const writes = (async () => {
      while (!writing.signal.aborted && written < 400) await shopsOf(db).insertOne(aShop(written++))
    })()
    await aHub(db, [addLabels])
    expect(await shopsOf(db).countDocuments({ name: { $exists: false } })).toBe(0)
    writing.abort()
    await writes
    await older.close()
    await aHub(db, [addLabels, dropNames])
    const labels = await shopsOf(db).distinct('label')
    expect(labels).toHaveLength(written)
    expect(written).toBeGreaterThan(200)
  })

  test('is moved by one of several hubs that start at once', async () => {
    const db = await aDatabase({ shops: 30 })
    const runs: number[] = []
    const counted: Migration = { ...addLabels, run: (work) => (runs.push(2), addLabels.run(work)) }
    await Promise.all([1, 2, 3].map(() => aHub(db, [counted])))
    expect(runs).toEqual([2])
  })

  test('resumes at the place that an interrupted migration has saved', async () => {
    const db = await aDatabase({ shops: 40 })
    const interrupted: Migration = {
      ...addLabels,
      run: (work) =>
        addLabels.run({
          ...work,
          async save(place, done, total) {
            await work.save(place, done, total)
            if (done === 20) throw new Error('the process is killed')
          },
        }),
    }
    await expect(aHub(db, [interrupted])).rejects.toThrow('the process is killed')
    expect(await storedIn(db)).toEqual({ _id: 'schema', version: 1, oldestHub: 1, place: 19 })
    const places: unknown[] = []
    const watched: Migration = { ...addLabels, run: (work) => (places.push(work.place), addLabels.run(work)) }
    await aHub(db, [watched])
    expect(places).toEqual([19])
    expect(await shopsOf(db).countDocuments({ label: { $exists: true } })).toBe(40)
    expect(await storedIn(db)).toEqual({ _id: 'schema', version: 2, oldestHub: 1 })
  })
})

describe('an older hub', () => {
  test('runs over a database whose migrations have only added', async () => {
    const db = await aDatabase({ shops: 1 })
    await aHub(db, [addLabels])
    await aHub(db, [])
    expect(await storedIn(db)).toMatchObject({ version: 2 })
  })

  test('refuses a database that is too new in words, and takes no lease and leaves no record', async () => {
    const db = await aDatabase({ shops: 1 })
    const newer = await aHub(db, [addLabels, dropNames])
    await newer.close()
    await db.collection('leases').deleteMany({})
    await expect(aHub(db, [])).rejects.toMatchObject({
      code: 'DATABASE_NEWER',
      message: expect.stringMatching(
        /is of version 3 and takes hubs of version 2 or newer, and this one is of version 1: run a newer/,
      ),
    })
    expect(await db.collection('leases').countDocuments()).toBe(0)
    expect(await db.collection('hubs').countDocuments()).toBe(0)
  })

  test('that runs stops a migration that would break it, and is counted', async () => {
    const db = await aDatabase({ shops: 1 })
    const older = await aHub(db, [])
    await expect(aHub(db, [addLabels, dropNames])).rejects.toMatchObject({
      code: 'HUBS_OLDER',
      message: expect.stringContaining('1 older ones run'),
    })
    expect(await shopsOf(db).findOne({})).toEqual({ _id: 0, name: 'shop 0', label: 'shop 0' })
    await older.close()
    await aHub(db, [addLabels, dropNames])
  })

  test('that was killed stops no migration once its record has expired', async () => {
    const db = await aDatabase({ shops: 1 })
    const killed = { version: 1, expiresAt: new Date(Date.now() + 1_000) }
    await db.collection<object & { _id: string }>('hubs').insertOne({ _id: 'killed', ...killed })
    await expect(aHub(db, [addLabels, dropNames])).rejects.toMatchObject({ code: 'HUBS_OLDER' })
    await vi.waitFor(() => aHub(db, [addLabels, dropNames]), { timeout: 10_000, interval: 200 })
  })

  test('that runs notices that the database no longer takes it', async () => {
    const db = await aDatabase()
    const older = await aHub(db, [])
    await db.collection<{ _id: string }>('meta').updateOne({ _id: 'schema' }, { $set: { oldestHub: 7 } })
    expect(await older.outdated).toMatchObject({ code: 'DATABASE_NEWER' })
  })
})

test('a command refuses a database of another version, and gives an empty one its own', async () => {
  const empty = await aDatabase()
  await checkSchemaVersion(empty, [addLabels])
  expect(await storedIn(empty)).toMatchObject({ version: 2 })
  const older = await aDatabase({ shops: 1 })
  await expect(checkSchemaVersion(older, [addLabels])).rejects.toMatchObject({ code: 'DATABASE_OLDER' })
  await aHub(older, [addLabels, dropNames])
  await expect(checkSchemaVersion(older, [])).rejects.toMatchObject({ code: 'DATABASE_NEWER' })
})
