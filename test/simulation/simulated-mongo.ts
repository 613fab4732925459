// A replica set in virtual time, with the guarantees that the design relies on and no others:
//
// - A write of one document is atomic, and `_id` and unique indexes hold among all writes.
// - A write is acknowledged once a majority has it. What a majority has is never rolled back; the rest may be
//   rolled back when the primary fails.
// - Reads see what a majority has. In a session, they see at least what the session has seen.
// - A change stream gives the changes of a collection in the order of their commit, once a majority has them,
//   and resumes after any token that the oplog still reaches.
// - MongoDB transactions see one snapshot, conflict on documents, and commit as a whole. One that is left
//   open keeps its documents locked for a minute.

import { MongoNetworkError, MongoServerError, type Document } from 'mongodb'
import type { Random } from '../../dataset/random.ts'
import { aggregate, applyUpdate, isEqual, matches, sorted, unsupported } from './query.ts'
import { epochMs, type VirtualTime } from './virtual-time.ts'

/** A write in the oplog. */
export interface Change {
  readonly time: number
  readonly collection: string
  readonly kind: 'insert' | 'update' | 'delete' | 'none'
  readonly id: unknown
  readonly before: Document | undefined
  readonly after: Document | undefined
  readonly updatedFields: Document
  /** The process that made it. */
  readonly by: string
  /** True for the last one of a MongoDB transaction, and for one outside of any. */
  isEnd: boolean
}

/** A write that is not in the oplog yet. */
export type Write = Omit<Change, 'time' | 'isEnd'>

/** Where a command comes from. */
export interface Origin {
  readonly process: string
  /** The same for both attempts of a command that the driver repeats. */
  readonly command: number
  readonly session?: number
  readonly transaction?: number
  readonly isFirstOfTransaction?: boolean
  readonly sentMs?: number
  /** The reads of a session wait until a majority has this. */
  readonly afterTime?: number
}

/** A time of MongoDB, with the method that the code under test uses. */
export class ClusterTime {
  readonly time: number

  constructor(time: number) {
    this.time = time
  }

  lessThanOrEqual(other: ClusterTime): boolean {
    return this.time <= other.time
  }
}

interface StoredCollection {
  readonly documents: Map<unknown, Document>
  /** What a majority has. */
  readonly majority: Map<unknown, Document>
  /** When each document was last written. */
  readonly writtenAt: Map<unknown, number>
  readonly indexes: Map<string, { readonly fields: readonly string[]; readonly isUnique: boolean }>
}

interface Transaction {
  readonly key: string
  readonly session: number
  readonly snapshot: number
  readonly writes: Map<string, Map<unknown, Write>>
  isOpen: boolean
}

interface Cursor {
  readonly session: number | undefined
  readonly collection: string
  readonly pipeline: readonly Document[]
  after: number
}

interface Wait {
  readonly isOver: () => boolean
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export interface ReplicaSetOptions {
  readonly time: VirtualTime
  readonly random: Random
  /** Receives each change once a majority has it. */
  readonly onCommitted: (change: Change) => void
  /** Receives each write as the primary makes it, or adds it to a MongoDB transaction. */
  readonly onWrite: (write: Write) => void
}

export class SimulatedMongo {
  readonly #time: VirtualTime
  readonly #random: Random
  readonly #onCommitted: (change: Change) => void
  readonly #onWrite: (write: Write) => void
  readonly #collections = new Map<string, StoredCollection>()
  #oplog: Change[] = []
  /** The oplog has the changes after this. */
  #oplogAfter = 0
  #latest = 0
  #majority = 0
  #isUp = true
  #waits: Wait[] = []
  readonly #cursors = new Map<bigint, Cursor>()
  #cursorCount = 0n
  readonly #transactions = new Map<string, Transaction>()
  readonly #killedMs = new Map<number, number>()
  readonly #latestTransaction = new Map<number, number>()
  readonly #locks = new Map<string, Map<unknown, Transaction>>()
  /** The results of the commands that the driver may repeat, and of commits. */
  readonly #done = new Map<number | string, { readonly result: unknown; readonly time: number }>()
  /** How long a majority takes to have a write. */
  lagMs = 5
  /** Of the primary’s clock. */
  skewMs = 0

  constructor({ time, random, onCommitted, onWrite }: ReplicaSetOptions) {
    this.#time = time
    this.#random = random
    this.#onCommitted = onCommitted
    this.#onWrite = onWrite
  }

  get latest(): number {
    return this.#latest
  }

  get majority(): number {
    return this.#majority
  }

  /** All documents that a majority has. */
  documents<Doc>(collection: string): Doc[] {
    return [...(this.#collections.get(collection)?.majority.values() ?? [])] as Doc[]
  }

  /** The primary fails. The next one has an unknown part of what no majority had, and a clock of its own. */
  fail(downMs: number): void {
    const ends = this.#oplog.filter(({ time, isEnd }) => time > this.#majority && isEnd)
    const kept = this.#random.chance(0.5) || ends.length === 0 ? this.#majority : this.#random.pick(ends).time
    for (let n = this.#oplog.length - 1; n >= 0 && this.#oplog[n]!.time > kept; n--) this.#rollBack(n)
    for (const [key, { time }] of this.#done) if (time > kept) this.#done.delete(key)
    for (const transaction of this.#transactions.values()) this.#end(transaction)
    this.#cursors.clear()
    this.#isUp = false
    const waits = this.#waits
    this.#waits = []
    for (const { reject } of waits) reject(new MongoNetworkError('the primary has failed'))
    this.#time.schedule(downMs, null, () => {
      this.#isUp = true
      this.skewMs = this.#random.below(400) - 200
      // The new primary writes an entry, so that what it has taken over is committed with it.
      this.#append([
        {
          collection: '',
          kind: 'none',
          id: null,
          before: undefined,
          after: undefined,
          updatedFields: {},
          by: '',
        },
      ])
      this.#wake()
    })
  }

  /** Drops the part of the oplog that a majority has. */
  truncateOplog(): void {
    this.#oplog = this.#oplog.slice(this.#majority - this.#oplogAfter)
    this.#oplogAfter = this.#majority
  }

  async find(
    origin: Origin,
    name: string,
    filter: Document,
    { sort, limit }: { readonly sort?: Document; readonly limit?: number } = {},
  ): Promise<Document[]> {
    const documents = await this.#read(origin, name, filter)
    const found = documents.filter((one) => matches(filter, one, this.#now()))
    return (sort ? sorted(found, sort) : found).slice(0, limit)
  }

  async aggregate(origin: Origin, name: string, pipeline: readonly Document[]): Promise<Document[]> {
    const merge = pipeline.at(-1)?.$merge as { readonly into: string } | undefined
    const documents = await this.#read(origin, name, {})
    const rows = aggregate(documents, merge ? pipeline.slice(0, -1) : pipeline, this.#now())
    if (!merge) return rows
    for (const row of rows) {
      const id = row._id as unknown
      const before = this.#collection(merge.into).documents.get(id)
      const kind = before ? ('update' as const) : ('insert' as const)
      this.#append([
        { collection: merge.into, kind, id, before, after: row, updatedFields: {}, by: origin.process },
      ])
    }
    await this.#committed(this.#latest)
    return []
  }

  /** Updates one document; `matched` is 0 when none fits and none is inserted. */
  async update(
    origin: Origin,
    name: string,
    filter: Document,
    update: Document | readonly Document[],
    upsert: boolean,
  ): Promise<{ readonly matched: number; readonly after: Document | null }> {
    return this.#once(origin, async () => {
      for (;;) {
        const before = this.#first(origin, name, filter)
        if (!before && !upsert) return { matched: 0, after: null }
        const id = (before ?? filter)._id as unknown
        if (id === undefined) throw unsupported('an upsert without an _id')
        const { document, updatedFields } = applyUpdate(before ?? { _id: id }, update, this.#now(), !before)
        const kind = before ? ('update' as const) : ('insert' as const)
        const write = {
          collection: name,
          kind,
          id,
          before,
          after: document,
          updatedFields,
          by: origin.process,
        }
        if (await this.#put(origin, write)) return { matched: before ? 1 : 0, after: document }
      }
    })
  }

  /** Inserts one document; throws when a key is taken. */
  async insert(origin: Origin, name: string, document: Document): Promise<void> {
    await this.#once(origin, async () => {
      for (;;) {
        const id = document._id as unknown
        if (this.#current(origin, name, id)) throw duplicate('_id')
        const write = {
          collection: name,
          kind: 'insert' as const,
          id,
          before: undefined,
          after: document,
          updatedFields: {},
          by: origin.process,
        }
        if (await this.#put(origin, write)) return
      }
    })
  }

  async delete(origin: Origin, name: string, filter: Document): Promise<void> {
    await this.#once(origin, async () => {
      const found = this.#collection(name)
        .documents.values()
        .filter((one) => matches(filter, one, this.#now()))
      for (const before of found.toArray()) {
        await this.#put(origin, {
          collection: name,
          kind: 'delete',
          id: before._id as unknown,
          before,
          after: undefined,
          updatedFields: {},
          by: origin.process,
        })
      }
    })
  }

  /** Waits until a majority has what was written so far. */
  async committed(): Promise<void> {
    await this.#committed(this.#latest)
  }

  async createIndex(
    name: string,
    index: string,
    fields: readonly string[],
    isUnique: boolean,
  ): Promise<void> {
    await this.#up()
    this.#collection(name).indexes.set(index, { fields, isUnique })
  }

  async indexNames(name: string): Promise<string[]> {
    await this.#up()
    return [...this.#collection(name).indexes.keys()]
  }

  async dropIndex(name: string, index: string): Promise<void> {
    await this.#up()
    this.#collection(name).indexes.delete(index)
  }

  async collectionNames(): Promise<string[]> {
    await this.#up()
    return [...this.#collections.keys()].filter((name) => name !== '')
  }

  async openChangeStream(
    origin: Origin,
    collection: string,
    pipeline: readonly Document[],
    resumeAfter: { readonly time: number } | null,
  ): Promise<Document> {
    await this.#up()
    if (resumeAfter && resumeAfter.time < this.#oplogAfter)
      throw serverError(286, 'NonResumableChangeStreamError')
    const id = ++this.#cursorCount
    const after = resumeAfter?.time ?? this.#latest
    const cursor: Cursor = { session: origin.session, collection, pipeline, after }
    this.#cursors.set(id, cursor)
    return { id, firstBatch: this.#scan(cursor, 1000), postBatchResumeToken: { time: cursor.after } }
  }

  async getMore(id: bigint, maxTimeMs: number, batchSize: number): Promise<Document> {
    await this.#up()
    const cursor = this.#cursors.get(id)
    if (!cursor) throw serverError(43, 'ResumableChangeStreamError')
    let isLate = false
    const cancel = this.#time.schedule(maxTimeMs, null, () => {
      isLate = true
      this.#wake()
    })
    let nextBatch: Document[] = []
    await this.#until(() => {
      if (!this.#cursors.has(id)) return true
      if (cursor.after < this.#oplogAfter) return true
      nextBatch = this.#scan(cursor, batchSize)
      return nextBatch.length > 0 || isLate
    })
    cancel()
    if (!this.#cursors.has(id)) throw serverError(43, 'ResumableChangeStreamError')
    if (cursor.after < this.#oplogAfter) throw serverError(286, 'NonResumableChangeStreamError')
    return { id, nextBatch, postBatchResumeToken: { time: cursor.after } }
  }

  async killCursors(ids: readonly bigint[]): Promise<void> {
    await this.#up()
    for (const id of ids) this.#cursors.delete(id)
    this.#wake()
  }

  async killSessions(sessions: readonly number[]): Promise<void> {
    await this.#up()
    for (const session of sessions) this.#killedMs.set(session, this.#time.nowMs)
    for (const transaction of this.#transactions.values()) {
      if (sessions.includes(transaction.session)) this.#end(transaction)
    }
    for (const [id, { session }] of this.#cursors) {
      if (session !== undefined && sessions.includes(session)) this.#cursors.delete(id)
    }
    this.#wake()
  }

  async commit({ session, transaction: number }: Origin): Promise<void> {
    await this.#up()
    const key = `${session}/${number}`
    const done = this.#done.get(key)
    if (done) return this.#committed(done.time)
    const transaction = this.#transactions.get(key)
    if (!transaction) throw serverError(251, 'TransientTransactionError')
    const writes = [...transaction.writes.values()].flatMap((each) => [...each.values()])
    this.#end(transaction)
    const time = writes.length === 0 ? this.#latest : this.#append(writes)
    this.#done.set(key, { result: null, time })
    this.#wake()
    await this.#committed(time)
  }

  async abort({ session, transaction: number }: Origin): Promise<void> {
    await this.#up()
    const transaction = this.#transactions.get(`${session}/${number}`)
    if (transaction) this.#end(transaction)
    this.#wake()
  }

  /** Runs a write once, however often the driver sends its command, and waits for a majority. */
  async #once<Result>(origin: Origin, run: () => Promise<Result>): Promise<Result> {
    await this.#up()
    const done = this.#done.get(origin.command)
    if (done) {
      await this.#committed(done.time)
      return done.result as Result
    }
    const transaction = this.#transactionOf(origin)
    const result = await run()
    if (transaction) return result
    this.#done.set(origin.command, { result, time: this.#latest })
    return result
  }

  #transactionOf({
    session,
    transaction: number,
    isFirstOfTransaction,
    sentMs = 0,
  }: Origin): Transaction | null {
    if (number === undefined) return null
    const key = `${session}/${number}`
    // A real MongoDB begins a transaction here, which stays open for a minute: docs/decisions/simulation.md.
    if (sentMs < (this.#killedMs.get(session!) ?? 0)) throw serverError(251, 'TransientTransactionError')
    const latest = this.#latestTransaction.get(session!) ?? 0
    if (isFirstOfTransaction && number > latest) {
      // The session has left its previous one.
      const previous = this.#transactions.get(`${session}/${latest}`)
      if (previous) this.#end(previous)
      this.#wake()
      this.#latestTransaction.set(session!, number)
      const begun: Transaction = {
        key,
        session: session!,
        snapshot: this.#latest,
        writes: new Map(),
        isOpen: true,
      }
      this.#transactions.set(key, begun)
      this.#time.schedule(60_000, null, () => {
        this.#end(begun)
        this.#wake()
      })
    }
    const transaction = this.#transactions.get(key)
    if (!transaction) throw serverError(251, 'TransientTransactionError')
    return transaction
  }

  async #read(origin: Origin, name: string, filter: Document): Promise<Document[]> {
    await this.#up()
    const collection = this.#collection(name)
    const transaction = this.#transactionOf(origin)
    if (transaction) return this.#snapshot(transaction, name)
    const { afterTime } = origin
    if (afterTime !== undefined) await this.#committed(afterTime)
    const id = filter._id as unknown
    if (typeof id !== 'string') return [...collection.majority.values()]
    const document = collection.majority.get(id)
    return document ? [document] : []
  }

  /** The documents of a collection as a MongoDB transaction sees them. */
  #snapshot({ snapshot, writes }: Transaction, name: string): Document[] {
    const { documents } = this.#collection(name)
    const seen = new Map(documents)
    for (let n = this.#oplog.length - 1; n >= 0 && this.#oplog[n]!.time > snapshot; n--) {
      const { collection, id, before, kind } = this.#oplog[n]!
      if (kind === 'none' || collection !== name) continue
      if (before) seen.set(id, before)
      else seen.delete(id)
    }
    for (const [id, { after }] of writes.get(name) ?? []) if (after) seen.set(id, after)
    return [...seen.values()]
  }

  /** One of these documents. */
  #seen({ snapshot, writes }: Transaction, name: string, id: unknown): Document | undefined {
    const written = writes.get(name)?.get(id)
    if (written) return written.after
    let seen = this.#collection(name).documents.get(id)
    for (let n = this.#oplog.length - 1; n >= 0 && this.#oplog[n]!.time > snapshot; n--) {
      const change = this.#oplog[n]!
      if (change.collection === name && change.id === id) seen = change.before
    }
    return seen
  }

  /** The document that a write with `filter` would change. */
  #first(origin: Origin, name: string, filter: Document): Document | undefined {
    const transaction = this.#transactionOf(origin)
    const { documents } = this.#collection(name)
    const now = this.#now()
    const id = filter._id as unknown
    if (id === undefined || typeof id === 'object') throw unsupported('an update without an _id')
    const document = transaction ? this.#seen(transaction, name, id) : documents.get(id)
    return document && matches(filter, document, now) ? document : undefined
  }

  #current(origin: Origin, name: string, id: unknown): Document | undefined {
    const transaction = this.#transactionOf(origin)
    return transaction?.writes.get(name)?.get(id)?.after ?? this.#collection(name).documents.get(id)
  }

  /** Makes one write, or adds it to its MongoDB transaction; false when it must be repeated. */
  async #put(origin: Origin, write: Write): Promise<boolean> {
    const { collection: name, id } = write
    const transaction = this.#transactionOf(origin)
    const holder = this.#locks.get(name)?.get(id)
    if (holder && holder !== transaction) {
      if (transaction) throw this.#conflict(transaction)
      await this.#until(() => !holder.isOpen)
      return false
    }
    const { writtenAt } = this.#collection(name)
    if (transaction && (writtenAt.get(id) ?? 0) > transaction.snapshot) throw this.#conflict(transaction)
    this.#checkUnique(name, write.after)
    this.#onWrite(write)
    if (!transaction) {
      this.#append([write])
      return true
    }
    const writes = transaction.writes.get(name) ?? new Map<unknown, Write>()
    transaction.writes.set(name, writes)
    const earlier = writes.get(id)
    writes.set(id, earlier ? { ...write, kind: earlier.kind, before: earlier.before } : write)
    const locks = this.#locks.get(name) ?? new Map<unknown, Transaction>()
    this.#locks.set(name, locks.set(id, transaction))
    return true
  }

  #checkUnique(name: string, document: Document | undefined): void {
    if (!document) return
    for (const { fields, isUnique } of this.#collection(name).indexes.values()) {
      if (!isUnique || fields.some((field) => field.includes('.'))) continue
      for (const other of this.#collection(name).documents.values()) {
        const isSame = fields.every((field) => isEqual(other[field], document[field]))
        if (isSame && !isEqual(other._id, document._id)) throw duplicate(fields[0]!)
      }
    }
  }

  #conflict(transaction: Transaction): MongoServerError {
    this.#end(transaction)
    this.#wake()
    return serverError(112, 'TransientTransactionError')
  }

  /** Ends a MongoDB transaction, and releases what it has locked. */
  #end(transaction: Transaction): void {
    if (!transaction.isOpen) return
    transaction.isOpen = false
    this.#transactions.delete(transaction.key)
    for (const locks of this.#locks.values()) {
      for (const [id, holder] of locks) if (holder === transaction) locks.delete(id)
    }
  }

  #append(writes: readonly Write[]): number {
    for (const [n, write] of writes.entries()) {
      const change: Change = { ...write, time: ++this.#latest, isEnd: n === writes.length - 1 }
      this.#oplog.push(change)
      const { documents, writtenAt } = this.#collection(change.collection)
      writtenAt.set(change.id, change.time)
      if (change.after) documents.set(change.id, change.after)
      else documents.delete(change.id)
    }
    const time = this.#latest
    this.#time.schedule(this.lagMs * (0.2 + this.#random.next()), null, () => this.#commitUpTo(time))
    return time
  }

  #rollBack(n: number): void {
    const change = this.#oplog[n]!
    const { documents } = this.#collection(change.collection)
    if (change.before) documents.set(change.id, change.before)
    else documents.delete(change.id)
    // Its time is not given again.
    this.#oplog[n] = { ...change, kind: 'none', after: undefined, before: undefined, collection: '' }
  }

  #commitUpTo(time: number): void {
    // Replication stands still while there is no primary.
    if (time <= this.#majority || !this.#isUp) return
    const from = this.#majority - this.#oplogAfter
    this.#majority = time
    for (const change of this.#oplog.slice(from, time - this.#oplogAfter)) {
      const { majority } = this.#collection(change.collection)
      if (change.kind === 'none') continue
      if (change.after) majority.set(change.id, change.after)
      else majority.delete(change.id)
      this.#onCommitted(change)
    }
    this.#wake()
  }

  /** Reads what a change stream has to give, at most a part of it as MongoDB may. */
  #scan(cursor: Cursor, batchSize: number): Document[] {
    const max = Math.min(batchSize, 1 + this.#random.below(40))
    const found: Document[] = []
    for (let time = cursor.after + 1; time <= this.#majority; time++) {
      const change = this.#oplog[time - this.#oplogAfter - 1]!
      cursor.after = time
      if (change.collection !== cursor.collection) continue
      found.push(...aggregate([eventOf(change)], cursor.pipeline, this.#now()))
      if (found.length >= max) return found
    }
    return found
  }

  #collection(name: string): StoredCollection {
    const present = this.#collections.get(name)
    if (present) return present
    const made = { documents: new Map(), majority: new Map(), writtenAt: new Map(), indexes: new Map() }
    this.#collections.set(name, made)
    return made
  }

  #now(): Date {
    return new Date(epochMs + Math.round(this.#time.nowMs + this.skewMs))
  }

  #up(): Promise<void> {
    return this.#until(() => this.#isUp)
  }

  #committed(time: number): Promise<void> {
    return this.#until(() => this.#majority >= time)
  }

  async #until(isOver: () => boolean): Promise<void> {
    if (isOver()) return
    await new Promise<void>((resolve, reject) => this.#waits.push({ isOver, resolve, reject }))
  }

  #wake(): void {
    const waits = this.#waits
    this.#waits = []
    for (const wait of waits) {
      if (wait.isOver()) wait.resolve()
      else this.#waits.push(wait)
    }
  }
}

const eventOf = ({ time, kind, id, after, updatedFields }: Change): Document => ({
  _id: { time },
  clusterTime: new ClusterTime(time),
  operationType: kind,
  documentKey: { _id: id },
  ...(kind === 'insert' ? { fullDocument: after } : { updateDescription: { updatedFields } }),
})

export function serverError(code: number, ...errorLabels: string[]): MongoServerError {
  return new MongoServerError({ message: `error ${code}`, code, errorLabels })
}

const duplicate = (field: string): MongoServerError =>
  new MongoServerError({ message: 'duplicate key', code: 11_000, keyPattern: { [field]: 1 } })
