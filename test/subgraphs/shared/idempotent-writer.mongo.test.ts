import { beforeEach, describe, expect, test } from 'vitest'
import type { ParticipantId } from '../../../schema/values/id.ts'
import { refuse } from '../../../schema/values/problems.ts'
import { connect } from '../../../subgraphs/platform/mongo/client.ts'
import {
  createIdempotentWriter,
  type Call,
  type IdempotentWriter,
} from '../../../subgraphs/shared/idempotent-writer.ts'
import { anId } from '../../fixtures/an-id.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db, uri, name } = await freshDatabase()
const noon = new Date('2026-03-01T12:00:00Z')
const later = new Date('2026-03-01T13:00:00Z')
const coins = db.collection<{ _id: string; count: number }>('coins')
const keys = db.collection('keys')
const count = async () => (await coins.findOne({ _id: 'box' }))?.count ?? 0

let writer: IdempotentWriter
beforeEach(async () => {
  await db.dropDatabase()
  writer = await createIdempotentWriter(db)
  await coins.insertOne({ _id: 'box', count: 0 })
})

const aCall = (its: Partial<Call> = {}): Call => ({
  participant: anId('wallet-sg-01'),
  operation: 'createWebhook',
  idempotencyKey: 'k1',
  command: { coins: 1 },
  at: noon,
  ...its,
})

/** Puts a coin into the box and returns how many there are. */
const put = (by: IdempotentWriter, call: Call) =>
  by.once(call, async (session) => {
    const box = await coins.findOneAndUpdate(
      { _id: 'box' },
      { $inc: { count: 1 } },
      { session, returnDocument: 'after' },
    )
    return { coins: box!.count, on: noon, amount: 5n }
  })

describe('a change under an idempotency key', () => {
  test('runs once, and repeats its first result with its types', async () => {
    const done = { coins: 1, on: noon, amount: 5n }
    expect(await put(writer, aCall())).toEqual({ done, replayed: false })
    expect(await put(writer, aCall({ at: later }))).toEqual({ done, replayed: true })
    expect(await count()).toBe(1)
  })

  test('runs once under 64 concurrent calls of two processes', async () => {
    const other = await connect(uri)
    try {
      const theirs = other.db(name).collection<{ _id: string; count: number }>('coins')
      const otherWriter = await createIdempotentWriter(other.db(name))
      const outcomes = await Promise.all(
        Array.from({ length: 64 }, (_, n) =>
          n % 2 === 0
            ? put(writer, aCall())
            : otherWriter.once(aCall(), async (session) => {
                const box = await theirs.findOneAndUpdate(
                  { _id: 'box' },
                  { $inc: { count: 1 } },
                  { session, returnDocument: 'after' },
                )
                return { coins: box!.count, on: noon, amount: 5n }
              }),
        ),
      )
      expect(outcomes.filter((outcome) => 'replayed' in outcome && !outcome.replayed)).toHaveLength(1)
      expect(
        outcomes.filter((outcome) => 'done' in outcome && (outcome.done as { coins: number }).coins === 1),
      ).toHaveLength(64)
      expect(await count()).toBe(1)
    } finally {
      await other.close()
    }
  })

  test('refuses the key with another input, and reports its first use', async () => {
    await put(writer, aCall())
    expect(await put(writer, aCall({ command: { coins: 2 }, at: later }))).toMatchObject({
      kind: 'refused',
      __typename: 'IdempotencyConflict',
      code: 'IDEMPOTENCY_CONFLICT',
      path: ['input', 'idempotencyKey'],
      firstUsedAt: noon,
    })
    expect(await count()).toBe(1)
  })

  test.each([
    { for: 'another participant', its: { participant: anId<ParticipantId>('wallet-sg-02') } },
    { for: 'another operation', its: { operation: 'closeSettlement' as const } },
    { for: 'another key', its: { idempotencyKey: 'k2' } },
    { for: 'no key', its: { idempotencyKey: null } },
  ])('runs again for $for', async ({ its }) => {
    await put(writer, aCall())
    expect(await put(writer, aCall(its))).toMatchObject({ replayed: false, done: { coins: 2 } })
  })

  test.each([
    { of: 'no characters', idempotencyKey: '' },
    { of: '65 characters', idempotencyKey: 'x'.repeat(65) },
    { of: 'a line break', idempotencyKey: 'a\nb' },
  ])('refuses a key of $of', async ({ idempotencyKey }) => {
    expect(await put(writer, aCall({ idempotencyKey }))).toMatchObject({
      code: 'BAD_VALUE',
      path: ['input', 'idempotencyKey'],
    })
    expect(await count()).toBe(0)
    expect(await keys.countDocuments()).toBe(0)
  })

  test('stores a refusal of the rules, and undoes the writes before it', async () => {
    const refusing = (call: Call) =>
      writer.once(call, async (session) => {
        await coins.updateOne({ _id: 'box' }, { $inc: { count: 1 } }, { session })
        return refuse('VERSION_CONFLICT', 'it is at version 2')
      })
    const refusal = { kind: 'refused', code: 'VERSION_CONFLICT', message: 'it is at version 2' }
    expect(await refusing(aCall())).toMatchObject(refusal)
    expect(await count()).toBe(0)
    expect(await put(writer, aCall())).toMatchObject(refusal)
    expect(await count()).toBe(0)
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

  test('stores nothing when the effect throws', async () => {
    const failing = writer.once(aCall(), async (session) => {
      await coins.updateOne({ _id: 'box' }, { $inc: { count: 1 } }, { session })
      throw new Error('the line is cut')
    })
    await expect(failing).rejects.toThrow('the line is cut')
    expect(await count()).toBe(0)
    expect(await put(writer, aCall())).toMatchObject({ replayed: false, done: { coins: 1 } })
  })

  test('is retried after a write conflict, with and without a key', async () => {
    await Promise.all(Array.from({ length: 16 }, () => put(writer, aCall({ idempotencyKey: null }))))
    expect(await count()).toBe(16)
  })
})
