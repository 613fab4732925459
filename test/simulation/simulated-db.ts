// The driver’s face of the simulated MongoDB, and the network between a process and the replica set.
//
// As the real driver does, it repeats a read or a retryable write once, runs a MongoDB transaction again
// after a conflict, and leaves plain commands to their caller.

import { MongoNetworkError, MongoServerError, type Db, type Document, type MongoError } from 'mongodb'
import type { Random } from '../../dataset/random.ts'
import { unsupported } from './query.ts'
import { ClusterTime, type Origin, type SimulatedMongo } from './simulated-mongo.ts'
import type { SimulatedProcess, VirtualTime } from './virtual-time.ts'

/** The network between one process and MongoDB. */
export interface Link {
  readonly time: VirtualTime
  readonly random: Random
  readonly mongo: SimulatedMongo
  readonly process: SimulatedProcess
  /** Until then, every message is lost. */
  cutUntilMs: number
  /** Until then, messages wait. */
  stalledUntilMs: number
  quality: NetworkQuality
  readonly ambush: Ambush
}

/**
 * The worst moment for an append to the log: the message of one writer is held until the next writer sends
 * its own, and then arrives first. Meanwhile the first writer is cut off from its lease.
 */
export class Ambush {
  isSet = false
  #held: { readonly by: SimulatedProcess; readonly deliver: () => void } | null = null

  /** True when the message is held. */
  holds(link: Link, deliver: () => void): boolean {
    if (this.#held && this.#held.by !== link.process) this.release()
    if (!this.isSet) return false
    this.isSet = false
    this.#held = { by: link.process, deliver }
    link.stalledUntilMs = link.time.nowMs + 2500
    return true
  }

  release(): void {
    this.#held?.deliver()
    this.#held = null
  }
}

export interface NetworkQuality {
  /** What a message takes at most, as a rule. */
  readonly latencyMs: number
  /** The chance that a message is lost, with its connection. */
  readonly lossChance: number
  /** The chance that a message takes seconds. */
  readonly slowChance: number
}

let commands = 0
let sessions = 0

/** Sends a command: it may be lost, arrive late, or be made without its answer ever being received. */
function send<Reply>(link: Link, run: () => Promise<Reply>, isAppend = false): Promise<Reply> {
  const { time, random, process } = link
  return new Promise((resolve, reject) => {
    let isSettled = false
    const broken = (): void => {
      if (isSettled) return
      isSettled = true
      time.schedule(random.next() * 400, process, () => reject(new MongoNetworkError('the connection broke')))
    }
    const reply = (settle: () => void): void => {
      if (isSettled) return
      if (isLost(link)) return broken()
      isSettled = true
      time.schedule(delayOf(link), process, settle)
    }
    const arrive = (): void => {
      if (isLost(link)) return broken()
      run().then(
        (value) => reply(() => resolve(value)),
        (error: Error) => reply(() => reject(error)),
      )
    }
    if (isAppend && link.ambush.holds(link, arrive)) return
    if (isLost(link)) return broken()
    const delayMs = delayOf(link)
    // The process may end a connection that stands still; what it sent may arrive even so.
    if (delayMs > 1000 && random.chance(0.5)) time.schedule(random.next() * delayMs, null, broken)
    time.schedule(delayMs, null, arrive)
  })
}

const isLost = ({ time, cutUntilMs, random, quality }: Link): boolean =>
  time.nowMs < cutUntilMs || random.chance(quality.lossChance)

function delayOf({ time, random, stalledUntilMs, quality }: Link): number {
  const usualMs = 0.2 + random.next() ** 3 * quality.latencyMs
  const slowMs = random.chance(quality.slowChance) ? random.next() * 4000 : 0
  return Math.max(0, stalledUntilMs - time.nowMs) + usualMs + slowMs
}

export class SimulatedSession {
  readonly id = { id: ++sessions }
  readonly #link: Link
  operationTime: ClusterTime | undefined
  #clusterTime = 0
  #transactions = 0
  #isInTransaction = false
  #isFirst = false

  constructor(link: Link) {
    this.#link = link
  }

  get clusterTime(): { readonly clusterTime: ClusterTime } {
    return { clusterTime: new ClusterTime(this.#clusterTime) }
  }

  advanceOperationTime({ time }: ClusterTime): void {
    if (time > (this.operationTime?.time ?? 0)) this.operationTime = new ClusterTime(time)
  }

  get isInTransaction(): boolean {
    return this.#isInTransaction
  }

  /** What a command of this session carries. */
  origin(): Omit<Origin, 'process' | 'command'> {
    const session = this.id.id
    if (!this.#isInTransaction) {
      return { session, ...(this.operationTime && { afterTime: this.operationTime.time }) }
    }
    const isFirstOfTransaction = this.#isFirst
    this.#isFirst = false
    return { session, transaction: this.#transactions, isFirstOfTransaction }
  }

  /** Takes the times that an answer carries. */
  answered(operationTime: number, clusterTime: number): void {
    this.advanceOperationTime(new ClusterTime(operationTime))
    this.#clusterTime = Math.max(this.#clusterTime, clusterTime)
  }

  async endSession(): Promise<void> {}

  async withTransaction<Result>(run: (session: unknown) => Promise<Result>): Promise<Result> {
    const { time, mongo } = this.#link
    const endMs = time.nowMs + 120_000
    for (;;) {
      this.#transactions++
      this.#isInTransaction = true
      this.#isFirst = true
      let result: Result
      try {
        result = await run(this)
      } catch (error) {
        const origin = this.#end()
        if (origin) await send(this.#link, () => mongo.abort(origin)).catch(() => {})
        if (isTransient(error) && time.nowMs < endMs) continue
        throw error
      }
      const origin = this.#end()
      if (!origin || (await this.#commit(origin, endMs))) return result
    }
  }

  /** Null when the transaction has sent nothing. */
  #end(): Origin | null {
    const origin = { process: this.#link.process.name, command: 0, ...this.origin() }
    const isUnused = origin.isFirstOfTransaction
    this.#isInTransaction = false
    return isUnused ? null : origin
  }

  /** False when the whole transaction must run again. */
  async #commit(origin: Origin, endMs: number): Promise<boolean> {
    const { time, mongo } = this.#link
    for (;;) {
      try {
        await send(this.#link, () => mongo.commit(origin))
        return true
      } catch (error) {
        if (time.nowMs >= endMs) throw error
        if (isTransient(error)) return false
        if (!(error instanceof MongoNetworkError)) throw error
      }
    }
  }
}

const isTransient = (error: unknown): boolean =>
  (error as Partial<MongoError>).hasErrorLabel?.('TransientTransactionError') === true

interface Options {
  readonly session?: SimulatedSession
  readonly sort?: Document
  readonly limit?: number
  readonly upsert?: boolean
  readonly returnDocument?: 'before' | 'after'
}

/** The database of one process. */
export function openSimulatedDb(link: Link): Db {
  const { mongo, process } = link

  /** Sends a command, and once more when the driver would. */
  async function request<Reply>(
    session: SimulatedSession | undefined,
    isRepeated: boolean,
    run: (origin: Origin) => Promise<Reply>,
    isAppend = false,
  ): Promise<Reply> {
    const origin: Origin = {
      process: process.name,
      command: ++commands,
      sentMs: link.time.nowMs,
      ...session?.origin(),
    }
    const attempt = async (): Promise<Reply> => {
      const reply = await send(
        link,
        async () => {
          const value = await run(origin)
          return { value, operationTime: mongo.majority, clusterTime: mongo.latest }
        },
        isAppend,
      )
      session?.answered(reply.operationTime, reply.clusterTime)
      return reply.value
    }
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof MongoNetworkError)) throw error
      if (session?.isInTransaction) {
        ;(error as unknown as { addErrorLabel(label: string): void }).addErrorLabel(
          'TransientTransactionError',
        )
        throw error
      }
      if (!isRepeated) throw error
      return attempt()
    }
  }

  /** A write that waits for a majority, unless its MongoDB transaction does. */
  const write = <Reply>(options: Options, run: (origin: Origin) => Promise<Reply>): Promise<Reply> =>
    request(options.session, true, async (origin) => {
      const reply = await run(origin)
      if (origin.transaction === undefined) await mongo.committed()
      return reply
    })

  const read = <Reply>(options: Options, run: (origin: Origin) => Promise<Reply>): Promise<Reply> =>
    request(options.session, true, run)

  const collection = (name: string) => ({
    collectionName: name,
    db,
    findOne: async (filter: Document, options: Options = {}) =>
      (await read(options, (origin) => mongo.find(origin, name, filter, { ...options, limit: 1 })))[0] ??
      null,
    find: (filter: Document = {}, options: Options = {}) => cursorOf(name, filter, options),
    aggregate: (pipeline: Document[], options: Options = {}) => ({
      toArray: () => read(options, (origin) => mongo.aggregate(origin, name, pipeline)),
    }),
    countDocuments: async (filter: Document, options: Options = {}) =>
      (await read(options, (origin) => mongo.find(origin, name, filter))).length,
    updateOne: async (filter: Document, update: Document, options: Options = {}) => {
      const upsert = options.upsert ?? false
      const { matched } = await write(options, (origin) => mongo.update(origin, name, filter, update, upsert))
      return { matchedCount: matched }
    },
    findOneAndUpdate: async (filter: Document, update: Document, options: Options = {}) => {
      if (options.returnDocument !== 'after') throw unsupported('findOneAndUpdate with the document before')
      const upsert = options.upsert ?? false
      return (await write(options, (origin) => mongo.update(origin, name, filter, update, upsert))).after
    },
    insertMany: (documents: readonly Document[], options: Options = {}) =>
      each(documents, options, (document, origin) => mongo.insert(origin, name, document)),
    bulkWrite: (writes: readonly Document[], options: Options = {}) =>
      each(writes, options, async ({ updateOne }, origin) => {
        if (!updateOne) throw unsupported('a bulk write of this kind')
        const { filter, update, upsert } = updateOne as {
          filter: Document
          update: Document
          upsert?: boolean
        }
        await mongo.update(origin, name, filter, update, upsert ?? false)
      }),
    deleteMany: (filter: Document, options: Options = {}) =>
      write(options, (origin) => mongo.delete(origin, name, filter)),
    drop: () => write({}, (origin) => mongo.delete(origin, name, {})),
    createIndex: (key: Document, { name: index = 'index', unique = false } = {}) =>
      read({}, () => mongo.createIndex(name, index, Object.keys(key), unique)),
    indexes: async () => (await read({}, () => mongo.indexNames(name))).map((index) => ({ name: index })),
    dropIndex: (index: string) => read({}, () => mongo.dropIndex(name, index)),
  })

  /** Each document is a statement of its own under one command. */
  const each = async (
    items: readonly Document[],
    options: Options,
    run: (item: Document, origin: Origin) => Promise<void>,
  ): Promise<void> => {
    const statements = items.map(() => ++commands)
    await write(options, async (origin) => {
      for (const [n, item] of items.entries()) await run(item, { ...origin, command: statements[n]! })
    })
  }

  /** Reads a few documents at a time, each time from what a majority then has. */
  function cursorOf(name: string, filter: Document, { session, sort }: Options) {
    const inOrder = sort ?? { _id: 1 }
    const [[field, order] = []] = Object.entries(inOrder) as [string, number][]
    const all = async (): Promise<Document[]> => {
      const found: Document[] = []
      for await (const one of iterate()) found.push(one)
      return found
    }
    async function* iterate(): AsyncGenerator<Document, void> {
      const options = session && { session }
      const page = 1 + link.random.below(30)
      let last: Document | undefined
      for (;;) {
        const rest = last && { [field!]: { [order! > 0 ? '$gt' : '$lt']: last[field!] as unknown } }
        const wanted = rest ? { $and: [filter, rest] } : filter
        const found = await read(options ?? {}, (origin) =>
          mongo.find(origin, name, wanted, { sort: inOrder, limit: page }),
        )
        yield* found
        if (found.length < page) return
        last = found.at(-1)
      }
    }
    return {
      sort: (by: Document) => cursorOf(name, filter, { ...(session && { session }), sort: by }),
      toArray: all,
      [Symbol.asyncIterator]: iterate,
    }
  }

  const command = (body: Document, { session }: Options = {}): Promise<Document> =>
    request(session, false, (origin) => runCommand(mongo, body, origin), body.insert === 'log')

  const db = {
    databaseName: 'simulated',
    client: { startSession: () => new SimulatedSession(link) },
    collection,
    command,
    createCollection: async () => {},
    listCollections: () => ({
      toArray: async () => (await read({}, () => mongo.collectionNames())).map((name) => ({ name })),
    }),
  }
  return db as unknown as Db
}

async function runCommand(mongo: SimulatedMongo, body: Document, origin: Origin): Promise<Document> {
  const [name] = Object.keys(body)
  if (name === 'aggregate') {
    const [{ $changeStream: start }, ...rest] = body.pipeline as [Document, ...Document[]]
    const resumeAfter = (start as { resumeAfter?: { time: number } }).resumeAfter ?? null
    return { cursor: await mongo.openChangeStream(origin, body.aggregate as string, rest, resumeAfter) }
  }
  if (name === 'getMore') {
    const { getMore, maxTimeMS, batchSize } = body as {
      getMore: bigint
      maxTimeMS: number
      batchSize: number
    }
    return { cursor: await mongo.getMore(getMore, maxTimeMS, batchSize) }
  }
  if (name === 'killCursors') return (await mongo.killCursors(body.cursors as bigint[])) ?? {}
  if (name === 'killSessions') {
    await mongo.killSessions((body.killSessions as { id: number }[]).map(({ id }) => id))
    return {}
  }
  if (name === 'insert' || name === 'update') return writeAll(mongo, name, body, origin)
  if (name === 'ping') return {}
  throw unsupported(`the command ${name}`)
}

/** The commands `insert` and `update`, which the driver does not repeat. */
async function writeAll(
  mongo: SimulatedMongo,
  name: 'insert' | 'update',
  body: Document,
  origin: Origin,
): Promise<Document> {
  const writeErrors: Document[] = []
  let n = 0
  const items = (body.documents ?? body.updates) as Document[]
  for (const [index, item] of items.entries()) {
    const statement = { ...origin, command: ++commands }
    try {
      if (name === 'insert') await mongo.insert(statement, body.insert as string, item)
      else
        n += (
          await mongo.update(statement, body.update as string, item.q as Document, item.u as Document, false)
        ).matched
    } catch (error) {
      if (!(error instanceof MongoServerError)) throw error
      writeErrors.push({ index, code: error.code, keyPattern: error.keyPattern as Document })
      if (body.ordered) break
    }
  }
  if ((body.writeConcern as { w: unknown }).w === 'majority') await mongo.committed()
  return { n, ...(writeErrors.length > 0 && { writeErrors }) }
}
