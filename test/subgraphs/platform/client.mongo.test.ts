import { Double, type Document, Int32 } from 'mongodb'
import { describe, expect, test } from 'vitest'
import { createLoader, createBatchWriter } from '../../../subgraphs/platform/async/batching.ts'
import { connect } from '../../../subgraphs/platform/mongo/client.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db, mongo, uri } = await freshDatabase()

describe('values and guarantees', () => {
  test('an int64 is a bigint up to its limits; int32 and doubles are numbers', async () => {
    const amounts = db.collection<Document & { _id: string }>('amounts')
    const document = {
      _id: 'a',
      largest: 2n ** 63n - 1n,
      smallest: -(2n ** 63n),
      small: 1n,
      whole: 7,
      half: 0.5,
    }
    await amounts.insertOne(document)
    expect(await amounts.findOne({ _id: 'a' })).toEqual(document)
    await amounts.insertOne({ _id: 'b', int: new Int32(3), double: new Double(3) })
    expect(await amounts.findOne({ _id: 'b' })).toEqual({ _id: 'b', int: 3, double: 3 })
  })

  test('a member that is undefined is left out, not null', async () => {
    const names = db.collection<Document & { _id: string }>('names')
    await names.insertOne({ _id: 'a', name: undefined, alias: null })
    expect(await names.findOne({ _id: 'a' })).toEqual({ _id: 'a', alias: null })
  })

  test('a write waits for the journal of a majority, and a read sees what a majority has', () => {
    expect(db.writeConcern).toMatchObject({ w: 'majority', journal: true })
    expect(db.readConcern).toEqual({ level: 'majority' })
    expect(mongo.client.options).toMatchObject({ retryWrites: true, retryReads: true, maxPoolSize: 20 })
  })

  test('a change stream and a multi-document transaction work', async () => {
    const payments = db.collection<{ _id: string }>('payments')
    const stream = payments.watch()
    const change = stream.next()
    await mongo.client.withSession((session) =>
      session.withTransaction(() => payments.insertMany([{ _id: 'p1' }, { _id: 'p2' }], { session })),
    )
    expect(await change).toMatchObject({ operationType: 'insert', documentKey: { _id: 'p1' } })
    await stream.close()
  })
})

test('a server that does not answer fails after the configured time', async () => {
  const refused = connect('mongodb://127.0.0.1:1/?replicaSet=crossgate', { serverSelectionMs: 50 })
  await expect(refused).rejects.toThrow('ECONNREFUSED')
})

test('clients with different settings share a server', async () => {
  const other = await connect(uri, { poolMax: 1, appName: 'other' })
  expect(other.client.options).toMatchObject({ maxPoolSize: 1, appName: 'other' })
  expect(await other.db(db.databaseName).command({ ping: 1 })).toMatchObject({ ok: 1 })
  await other.close()
})

describe('batches over MongoDB', () => {
  const merchants = db.collection<{ _id: string; name: string }>('merchants')

  test('64 requests make a few calls, and each receives its own answer', async () => {
    let calls = 0
    const writer = createBatchWriter<string, string>({
      write: async (ids) => {
        calls++
        await merchants.insertMany(ids.map((id) => ({ _id: id, name: `Merchant ${id}` })))
        return ids
      },
    })
    const loader = createLoader<string, { name: string }>({
      load: async (ids) => {
        calls++
        const found = await merchants.find({ _id: { $in: [...ids] } }).toArray()
        const byId = new Map(found.map((merchant) => [merchant._id, merchant]))
        return ids.map((id) => byId.get(id) ?? null)
      },
    })
    const ids = Array.from({ length: 64 }, (_, index) => `m${index}`)
    expect(await Promise.all(ids.map((id) => writer.write(id)))).toEqual(ids)
    const loaded = await loader.loadMany([...ids.toReversed(), 'nobody'])
    expect(loaded.map((merchant) => merchant?.name)).toEqual([
      ...ids.toReversed().map((id) => `Merchant ${id}`),
      undefined,
    ])
    expect(calls).toBe(2)
  })
})
