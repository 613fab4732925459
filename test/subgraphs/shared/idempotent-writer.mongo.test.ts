import type { Db } from 'mongodb'
import { beforeEach, describe, expect, test } from 'vitest'
import { refuse } from '../../../schema/values/problems.ts'
import {
  createIdempotentWriter,
  type Call,
  type IdempotentWriter,
} from '../../../subgraphs/shared/idempotent-writer.ts'
import { anId } from '../../fixtures/an-id.ts'
import { describeIdempotency } from '../../contracts/idempotency.ts'
import { aClock } from '../../fixtures/a-programme.ts'
import { connectAgain, freshDatabase } from '../../harness/mongo.ts'

const database = await freshDatabase()
const { db, name } = database
const otherDb = (await connectAgain(database)).db(name)
const coinsOf = (at: Db) => at.collection<{ _id: string; count: number }>('coins')
const coins = coinsOf(db)
const keys = db.collection('keys')
const count = async () => (await coins.findOne({ _id: 'box' }))?.count ?? 0
const clock = aClock()

let writer: IdempotentWriter
let otherWriter: IdempotentWriter
beforeEach(async () => {
  await db.dropDatabase()
  writer = await createIdempotentWriter(db)
  otherWriter = await createIdempotentWriter(otherDb)
  await coins.insertOne({ _id: 'box', count: 0 })
})

const aCall = (its: Partial<Call> = {}): Call => ({
  participant: anId('wallet-sg-01'),
  operation: 'createWebhook',
  idempotencyKey: 'k1',
  command: { coins: 1 },
  at: clock.now(),
  ...its,
})

/** Puts a coin into the box and returns how many there are. */
const put = (by: IdempotentWriter, call: Call, at = db) =>
  by.once(call, async (session) => {
    const box = await coinsOf(at).findOneAndUpdate(
      { _id: 'box' },
      { $inc: { count: 1 } },
      { session, returnDocument: 'after' },
    )
    return { coins: box!.count, on: clock.now(), amount: 5n }
  })

let isRefused = false
describeIdempotency('a change by the idempotent writer', {
  clock,
  open: async () => {},
  call: (_, idempotencyKey, input, process) => {
    const call = aCall({ idempotencyKey, command: { coins: input === 'first' ? 1 : 2 } })
    if (isRefused) return putAndRefuse(call)
    return process === 0 ? put(writer, call) : put(otherWriter, call, otherDb)
  },
  effects: count,
  callAsAnother: (_, idempotencyKey) =>
    put(writer, aCall({ idempotencyKey, participant: anId('wallet-sg-02') })),
  async refuse() {
    isRefused = true
    return () => (isRefused = false)
  },
  callInOutage: (_, idempotencyKey) =>
    writer.once(aCall({ idempotencyKey }), async (session) => {
      await coins.updateOne({ _id: 'box' }, { $inc: { count: 1 } }, { session })
      throw new Error('the line is cut')
    }),
})

/** Puts a coin into the box, and refuses then: the coin is to be taken out again. */
const putAndRefuse = (call: Call) =>
  writer.once(call, async (session) => {
    await coins.updateOne({ _id: 'box' }, { $inc: { count: 1 } }, { session })
    return refuse('VERSION_CONFLICT', 'it is at version 2')
  })

describe('a change under an idempotency key', () => {
  test.each([
    { for: 'another operation', its: { operation: 'closeSettlement' as const } },
    { for: 'another key', its: { idempotencyKey: 'k2' } },
    { for: 'no key', its: { idempotencyKey: null } },
  ])('runs again for $for', async ({ its }) => {
    await put(writer, aCall())
    expect(await put(writer, aCall(its))).toMatchObject({ replayed: false, done: { coins: 2 } })
  })

  test('stores nothing under a malformed key', async () => {
    await put(writer, aCall({ idempotencyKey: '' }))
    expect(await keys.countDocuments()).toBe(0)
  })

  test('runs the same call again after a refusal that reports an outage', async () => {
    expect(await writer.once(aCall(), async () => refuse('RATE_UNAVAILABLE'))).toMatchObject({
      code: 'RATE_UNAVAILABLE',
    })
    expect(await put(writer, aCall())).toMatchObject({ replayed: false })
  })

  test('refuses a duplicate key as a rule would', async () => {
    const taken = await writer.once(aCall(), async (session) => {
      await coins.updateOne({ _id: 'box' }, { $inc: { count: 1 } }, { session })
      return coins.insertOne({ _id: 'box', count: 0 }, { session }).catch(() => refuse('ALREADY_EXISTS'))
    })
    expect(taken).toMatchObject({ code: 'ALREADY_EXISTS' })
    expect(await count()).toBe(0)
    expect(await put(writer, aCall())).toMatchObject({ code: 'ALREADY_EXISTS' })
  })

  test('is retried after a write conflict, with and without a key', async () => {
    await Promise.all(Array.from({ length: 16 }, () => put(writer, aCall({ idempotencyKey: null }))))
    expect(await count()).toBe(16)
  })
})
