import { connect as connectTo, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { insertAll, updateAll } from '../../../subgraphs/platform/mongo/bulk-write.ts'
import { connect } from '../../../subgraphs/platform/mongo/client.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db, uri, name } = await freshDatabase()
const stored = db.collection<{ _id: string; count?: number; key?: string }>('things')

/** A proxy to MongoDB that can lose the answer to the next write. */
const wire = { losesNext: false, lost: 0 }
const { port: mongoPort, hostname } = new URL(uri.split(',')[0]!)
/** The first member of a write command: its type (text) and its name. */
const writes = ['insert', 'update'].map((command) => Buffer.from(`\u0002${command}\u0000`))
const sockets = new Set<Socket>()
const server = createServer((near) => {
  const far = connectTo(Number(mongoPort), hostname)
  let isDoomed = false
  for (const socket of [near, far]) {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      near.destroy()
      far.destroy()
    })
  }
  near.on('data', (sent) => {
    if (wire.losesNext && writes.some((command) => sent.includes(command))) {
      wire.losesNext = false
      isDoomed = true
    }
    far.write(sent)
  })
  far.on('data', (answer) => {
    if (!isDoomed) return near.write(answer)
    wire.lost++
    near.destroy()
  })
})
await new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', resolve)
})
const { port } = server.address() as AddressInfo
const mongo = await connect(`mongodb://127.0.0.1:${port}/?directConnection=true`)
const things = mongo.db(name).collection<{ _id: string; count?: number; key?: string }>('things')
afterAll(async () => {
  await mongo.close()
  for (const socket of sockets) socket.destroy()
  server.close()
})
beforeEach(async () => {
  Object.assign(wire, { losesNext: false, lost: 0 })
  await stored.deleteMany({})
  await stored.createIndex({ key: 1 }, { unique: true, sparse: true })
})

describe('inserting many', () => {
  test('returns the documents with a duplicate key, and the key; the others are inserted', async () => {
    await stored.insertOne({ _id: 'old', key: 'k' })
    const errors = await insertAll(things, [{ _id: 'a' }, { _id: 'b', key: 'k' }, { _id: 'c' }], {
      ordered: false,
    })
    expect(errors).toMatchObject([{ index: 1, code: 11_000, keyPattern: { key: 1 } }])
    expect(await stored.countDocuments()).toBe(3)
  })

  test('in order, stops at the first duplicate key', async () => {
    await stored.insertOne({ _id: 'b' })
    const errors = await insertAll(things, [{ _id: 'a' }, { _id: 'b' }, { _id: 'c' }], { ordered: true })
    expect(errors).toMatchObject([{ index: 1, code: 11_000 }])
    expect(await stored.distinct('_id')).toEqual(['a', 'b'])
  })

  test('is retried when the answer is lost: documents of the first attempt count as inserted, duplicate keys do not', async () => {
    await stored.insertOne({ _id: 'old', key: 'k' })
    wire.losesNext = true
    const errors = await insertAll(things, [{ _id: 'a' }, { _id: 'b', key: 'k' }, { _id: 'c' }], {
      ordered: false,
    })
    expect(wire.lost).toBe(1)
    expect(errors).toMatchObject([{ index: 1, code: 11_000, keyPattern: { key: 1 } }])
    expect(await stored.countDocuments()).toBe(3)
  })

  test('in order, rejects when the answer is lost', async () => {
    wire.losesNext = true
    await expect(insertAll(things, [{ _id: 'a' }], { ordered: true })).rejects.toThrow(/connection/)
    expect(wire.lost).toBe(1)
  })

  test('leaves out undefined members', async () => {
    await insertAll(things, [{ _id: 'a', count: undefined } as never], { ordered: false })
    expect(await stored.findOne()).toEqual({ _id: 'a' })
  })
})

describe('updating many', () => {
  const raise = (_id: string) => ({ filter: { _id, count: 1 }, update: { $set: { count: 2 } } })

  test('returns the number of filters that matched', async () => {
    await stored.insertMany([
      { _id: 'a', count: 1 },
      { _id: 'b', count: 7 },
    ])
    expect(await updateAll(things, [raise('a'), raise('b')])).toEqual({ matched: 1, errors: [] })
  })

  test('is retried when the answer is lost, and makes no update twice', async () => {
    await stored.insertMany([
      { _id: 'a', count: 1 },
      { _id: 'b', count: 1 },
    ])
    wire.losesNext = true
    expect(await updateAll(things, [raise('a'), raise('b')])).toEqual({ matched: 0, errors: [] })
    expect(wire.lost).toBe(1)
    expect(await stored.countDocuments({ count: 2 })).toBe(2)
  })
})
