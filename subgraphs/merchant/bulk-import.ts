// Imports files of merchants of any size: rows are validated as those of `registerMerchants`, and written
// some hundred at a time. Each write also stores how far the import is, in the same MongoDB transaction, so
// an import that is interrupted anywhere continues after the last row that counts.

import { coerceInputValue, type GraphQLInputType } from 'graphql'
import { setImmediate } from 'node:timers/promises'
import type { ClientSession, Collection, Db } from 'mongodb'
import { holdsCardNumber } from '../../schema/values/card-number.ts'
import type { ParticipantId } from '../../schema/values/id.ts'
import { isRefusal, refuse, type ProblemCode, type Refusal } from '../../schema/values/problems.ts'
import { isDuplicateKey } from '../platform/mongo/errors.ts'
import { authorOf, type AuditLog } from '../shared/audit-log.ts'
import type { Participant } from '../shared/registry.ts'
import type { RequestContext } from '../shared/viewer.ts'
import {
  BulkRecordError,
  readHeader,
  readValue,
  recordsOf,
  type BulkFormat,
  type BulkPosition,
  type BulkRecord,
  type Column,
} from './bulk-rows.ts'
import type { CountStore } from './count-store.ts'
import type { MerchantStore } from './merchant-store.ts'
import { describeMerchant, type Merchant, type MerchantInput } from './merchant.ts'

export interface BulkImportRequest {
  /** 1–64 characters. The same key continues an import. */
  readonly key: string
  readonly format: BulkFormat
  /** Where in the file the bytes begin: 0 for the whole file. */
  readonly offset: number
}

/** How far an import is. */
export interface BulkImportReport {
  readonly key: string
  /** Bytes of the file, without compression, that are imported: send the rest from here. */
  readonly offset: number
  readonly rows: number
  readonly created: number
  /** Rows of a merchant that existed, changed or not. */
  readonly updated: number
  readonly rejected: number
  readonly complete: boolean
}

export interface RejectedImportRow {
  /** From 1, in the file. */
  readonly line: number
  readonly code: ProblemCode
  readonly path: readonly string[]
  readonly message: string
}

export interface BulkImport {
  /**
   * Imports what `bytes` has after the last row that counts. Throws what `bytes` throws, after the rows
   * before are written. Refuses with FORBIDDEN, BAD_VALUE, IDEMPOTENCY_CONFLICT or VERSION_CONFLICT.
   */
  run(
    request: BulkImportRequest,
    bytes: AsyncIterable<Uint8Array>,
    context: RequestContext,
  ): Promise<BulkImportReport | Refusal>
  /** Null when the caller has no import with this key. */
  report(key: string, context: RequestContext): Promise<BulkImportReport | null | Refusal>
  /** The rejected rows of an import, in the order of the file. */
  rejected(key: string, context: RequestContext): AsyncIterable<RejectedImportRow>
}

/** A document of the collection `imports`. */
interface StoredImport extends Omit<BulkImportReport, 'key'> {
  /** "participant/key". */
  readonly _id: string
  readonly format: BulkFormat
  readonly line: number
  /** Of CSV, once its first row is read. */
  readonly header: readonly Column[] | null
  readonly startedAt: Date
}

/** A document of the collection `importRejects`. */
interface StoredReject extends Omit<RejectedImportRow, 'line'> {
  /** "participant/key/line", with the line in ten digits. */
  readonly _id: string
  readonly at: Date
}

export interface BulkImportDependencies {
  readonly db: Db
  readonly store: MerchantStore
  readonly counts: CountStore
  readonly audit: Pick<AuditLog, 'record'>
  readonly now: () => Date
  readonly acquirerOf: (context: RequestContext) => Participant | Refusal
  /** The input type of a row. */
  readonly rowType: GraphQLInputType
}

const batchRows = 500
const sliceMs = 2
const keptSeconds = 30 * 86_400

export async function createBulkImport(dependencies: BulkImportDependencies): Promise<BulkImport> {
  const { db, acquirerOf } = dependencies
  const { imports, rejects } = collectionsOf(db)
  await imports.createIndex({ startedAt: 1 }, { name: 'expiry', expireAfterSeconds: keptSeconds })
  await rejects.createIndex({ at: 1 }, { name: 'expiry', expireAfterSeconds: keptSeconds })
  return {
    run: (request, bytes, context) => runImport(dependencies, request, bytes, context),
    async report(key, context) {
      const acquirer = acquirerOf(context)
      if (isRefusal(acquirer)) return acquirer
      const stored = await imports.findOne({ _id: idOf(acquirer.id, key) })
      return stored && reportOf(key, stored)
    },
    async *rejected(key, context) {
      const acquirer = acquirerOf(context)
      if (isRefusal(acquirer)) return
      const first = `${idOf(acquirer.id, key)}/`
      const found = rejects.find(
        { _id: { $gte: first, $lt: `${first}:` } },
        { sort: { _id: 1 }, batchSize: 500 },
      )
      for await (const { _id, code, path, message } of found) {
        yield { line: Number(_id.slice(first.length)), code, path, message }
      }
    },
  }
}

const collectionsOf = (db: Db) => ({
  imports: db.collection<StoredImport>('imports'),
  rejects: db.collection<StoredReject>('importRejects'),
})

const idOf = (acquirer: ParticipantId, key: string): string => `${acquirer}/${key}`

const reportOf = (
  key: string,
  { offset, rows, created, updated, rejected, complete }: StoredImport,
): BulkImportReport => ({ key, offset, rows, created, updated, rejected, complete })

async function runImport(
  dependencies: BulkImportDependencies,
  { key, format, offset }: BulkImportRequest,
  bytes: AsyncIterable<Uint8Array>,
  context: RequestContext,
): Promise<BulkImportReport | Refusal> {
  const acquirer = dependencies.acquirerOf(context)
  if (isRefusal(acquirer)) return acquirer
  if (!/^[\w.:-]{1,64}$/.test(key)) {
    return refuse('BAD_VALUE', 'the idempotency key has 1–64 letters, digits or . _ : -', ['idempotencyKey'])
  }
  const stored = await begin(dependencies, acquirer, key, format, context)
  if (stored.format !== format) {
    return refuse('IDEMPOTENCY_CONFLICT', `the import with this key is of ${stored.format}`, [
      'idempotencyKey',
    ])
  }
  if (stored.complete) return reportOf(key, stored)
  if (offset > stored.offset) {
    return refuse('BAD_VALUE', `the import is at offset ${stored.offset}, not ${offset}`, ['offset'])
  }
  const progress = new Progress(dependencies, acquirer, stored, context)
  try {
    const refusal = await addAll(progress, recordsOf(skip(bytes, stored.offset - offset), format, stored))
    return refusal ?? reportOf(key, progress.stored)
  } catch (error) {
    if (error instanceof ImportMovedError) return moved
    throw error
  }
}

/** Reads and writes all records. What comes before an error or a refusal is written. */
async function addAll(progress: Progress, records: AsyncIterable<BulkRecord>): Promise<Refusal | null> {
  try {
    let endMs = performance.now() + sliceMs
    for await (const record of records) {
      const refusal = await progress.add(record)
      if (refusal) return refusal
      if (performance.now() < endMs) continue
      // A chunk has hundreds of rows: other requests are served in between.
      await setImmediate()
      endMs = performance.now() + sliceMs
    }
  } catch (error) {
    if (error instanceof ImportMovedError) throw error
    await progress.write(false)
    if (!(error instanceof BulkRecordError)) throw error
    return refuse('BAD_VALUE', `line ${error.line}: ${error.message}`, ['body'])
  }
  await progress.write(true)
  return null
}

/** Leaves out the first `count` bytes. */
async function* skip(bytes: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let rest = count
  for await (const chunk of bytes) {
    if (rest < chunk.length) yield chunk.subarray(rest)
    rest = Math.max(0, rest - chunk.length)
  }
}

class ImportMovedError extends Error {}

const moved = refuse('VERSION_CONFLICT', 'another request continues the import with this key', [
  'idempotencyKey',
])

/** The import with this key, which is stored with its entry in the audit log when it is new. */
async function begin(
  { db, audit, now }: BulkImportDependencies,
  acquirer: Participant,
  key: string,
  format: BulkFormat,
  context: RequestContext,
): Promise<StoredImport> {
  const { imports } = collectionsOf(db)
  const at = now()
  const fresh: StoredImport = {
    _id: idOf(acquirer.id, key),
    format,
    offset: 0,
    line: 0,
    header: null,
    rows: 0,
    created: 0,
    updated: 0,
    rejected: 0,
    complete: false,
    startedAt: at,
  }
  const found = await imports.findOne({ _id: fresh._id })
  if (found) return found
  try {
    await db.client.withSession((session) =>
      session.withTransaction(async () => {
        await imports.insertOne(fresh, { session })
        await audit.record(auditEntry(context, acquirer, key, at, null, { format }), session)
      }),
    )
    return fresh
  } catch (error) {
    const other = isDuplicateKey(error) ? await imports.findOne({ _id: fresh._id }) : null
    if (!other) throw error
    return other
  }
}

const auditEntry = (
  context: RequestContext,
  acquirer: Participant,
  key: string,
  at: Date,
  before: object | null,
  after: object,
) => ({
  ...authorOf(context),
  at,
  action: 'importMerchants' as const,
  target: `import:${idOf(acquirer.id, key)}` as const,
  before,
  after,
})

/** The rows that are read and not written yet, and how far the import is. */
class Progress {
  stored: StoredImport
  readonly #dependencies: BulkImportDependencies
  readonly #acquirer: Participant
  readonly #context: RequestContext
  #end: BulkPosition
  #rows = 0
  #header: readonly Column[] | null
  #merchants = new Map<string, Merchant>()
  #rejected: RejectedImportRow[] = []

  constructor(
    dependencies: BulkImportDependencies,
    acquirer: Participant,
    stored: StoredImport,
    context: RequestContext,
  ) {
    this.#dependencies = dependencies
    this.#acquirer = acquirer
    this.#context = context
    this.stored = stored
    this.#end = stored
    this.#header = stored.header
  }

  /** Reads a record, and writes when there are enough. Refuses a header that names no merchants. */
  async add({ text, line, end }: BulkRecord): Promise<Refusal | null> {
    const record = line === 1 ? text.replace(/^\ufeff/, '') : text
    if (this.stored.format === 'csv' && !this.#header) {
      const header = readHeader(record)
      if ('flaw' in header) return refuse('BAD_VALUE', `line ${line}: ${header.flaw}`, ['body'])
      this.#header = header
    } else if (record.trim() !== '') {
      const merchant = this.#read(record)
      // A later row of the same merchant changes it, so it belongs to a later write.
      if (!isRefusal(merchant) && this.#merchants.has(merchant.id)) await this.write(false)
      this.#rows++
      if (isRefusal(merchant)) this.#reject(line, merchant)
      else this.#merchants.set(merchant.id, merchant)
    }
    this.#end = end
    if (this.#rows >= batchRows) await this.write(false)
    return null
  }

  #read(record: string): Merchant | Refusal {
    const { rowType, counts } = this.#dependencies
    const value = readValue(record, this.stored.format, this.#header)
    if (!value) return refuse('BAD_VALUE', unreadable[this.stored.format])
    const number = Object.keys(value).find((field) => textsIn(value[field]).some(holdsCardNumber))
    if (number !== undefined) return refuse('PAN_REFUSED', undefined, [number])
    const flaws: Refusal[] = []
    const input = coerceInputValue(value, rowType, (path, _, { message }) => {
      flaws.push(refuse('BAD_VALUE', message, path.map(String)))
    }) as MerchantInput
    return flaws[0] ?? describeMerchant(input, this.#acquirer, counts.cube.products)
  }

  #reject(line: number, { code, path, message }: Refusal): void {
    this.#rejected.push({ line, code, path, message })
  }

  /** Writes the rows and how far the import is. Throws ImportMovedError when another request has. */
  async write(complete: boolean): Promise<void> {
    if (this.#end.offset === this.stored.offset && !complete) return
    const { store, now } = this.#dependencies
    const at = now()
    const before = this.stored
    let after = before
    await store.register([...this.#merchants.values()], at, async ({ created, updated }, session) => {
      after = {
        ...before,
        offset: this.#end.offset,
        line: this.#end.line,
        header: this.#header,
        rows: before.rows + this.#rows,
        created: before.created + created,
        updated: before.updated + updated,
        rejected: before.rejected + this.#rejected.length,
        complete,
      }
      await this.#save(before, after, at, session)
    })
    this.stored = after
    this.#rows = 0
    this.#merchants.clear()
    this.#rejected = []
  }

  async #save(before: StoredImport, after: StoredImport, at: Date, session: ClientSession): Promise<void> {
    const { db, audit } = this.#dependencies
    const { imports, rejects } = collectionsOf(db)
    const same = { _id: before._id, offset: before.offset, complete: false }
    const { _id, ...content } = after
    const { matchedCount } = await imports.replaceOne(same, content, { session })
    if (matchedCount === 0) throw new ImportMovedError()
    await saveRejects(rejects, _id, this.#rejected, at, session)
    if (!after.complete) return
    const key = _id.slice(this.#acquirer.id.length + 1)
    const { rows, created, updated, rejected } = after
    const counts = { complete: true, rows, created, updated, rejected }
    await audit.record(
      auditEntry(this.#context, this.#acquirer, key, at, { complete: false }, counts),
      session,
    )
  }
}

const textsIn = (value: unknown): readonly string[] =>
  [value].flat().filter((one): one is string => typeof one === 'string')

const unreadable: Readonly<Record<BulkFormat, string>> = {
  ndjson: 'the line is no JSON object',
  csv: 'the row has not the cells of the header, or a misplaced quote',
}

async function saveRejects(
  rejects: Collection<StoredReject>,
  id: string,
  rows: readonly RejectedImportRow[],
  at: Date,
  session: ClientSession,
): Promise<void> {
  if (rows.length === 0) return
  const documents = rows.map(({ line, ...row }) => ({
    _id: `${id}/${String(line).padStart(10, '0')}`,
    ...row,
    at,
  }))
  await rejects.insertMany(documents, { session })
}
