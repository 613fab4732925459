// What a viewer sees of settlement: the operator sees everything, a participant only its own part of each
// batch.

import type { Collection, Db } from 'mongodb'
import type { ParticipantId, SettlementBatchId } from '../../../schema/values/id.ts'
import { money, type Money } from '../../../schema/values/money.ts'
import { orThrow, type Refusal } from '../../../schema/values/problems.ts'
import { createLoader, type Loader } from '../../platform/async/batching.ts'
import { readForClient } from '../../platform/mongo/client-reads.ts'
import { loaderById } from '../../platform/mongo/loader-by-id.ts'
import { demandScope, isOperator, requireScope } from '../../shared/access.ts'
import { authorOf } from '../../shared/audit-log.ts'
import { countUpTo, type Counted } from '../../shared/count.ts'
import { demandFirst, pagesOf, type Connection, type PageArguments } from '../../shared/page.ts'
import type { Registry } from '../../shared/registry.ts'
import type { RequestContext, Viewer } from '../../shared/viewer.ts'
import { defaultZone, settlementDate } from '../payment/settlement-date.ts'
import { batchId, closableFrom, type SettlementBatch } from './batch.ts'
import type { BatchCloser, CloseInput } from './batch-closer.ts'
import { settlementBatchesOf, settlementBatchOf } from './batch-store.ts'
import { filesOf, formats, readFile, type FileFormat, type StoredFile } from './files.ts'

export interface SettlementFile {
  readonly name: string
  readonly format: FileFormat
  readonly sha256: string
  readonly url: string
}

/** A file to be sent to a client. */
export interface OpenFile {
  readonly name: string
  /** Media type. */
  readonly type: string
  /** Hexadecimal. */
  readonly sha256: string
  readonly bytes: number
  readonly content: AsyncIterable<Uint8Array>
}

/** A settlement date of the calendar. */
export interface SettlementDay {
  readonly settlementDate: string
  readonly closableFrom: Date
  readonly isClosable: boolean
  /** Null until the date is closed. */
  readonly batch: SettlementBatch | null
}

interface NetOfParticipant {
  readonly participant: { readonly id: ParticipantId }
  readonly currency: string
  readonly amount: Money
}

export interface SettlementQueries {
  close(context: RequestContext, input: CloseInput): Promise<SettlementBatch | Refusal>
  /** Null when there is no such batch, or when the viewer has no part in it. */
  batch(context: RequestContext, id: SettlementBatchId): Promise<SettlementBatch | null>
  /** Newest first. */
  page(context: RequestContext, args: PageArguments): Promise<Connection<SettlementBatch> & Counted>
  /** The latest dates up to today’s, newest first, for the operator. */
  dates(context: RequestContext, first: number): Promise<readonly SettlementDay[]>
  /** Zeros until the batch is CLOSED. */
  counts(
    context: RequestContext,
    batch: SettlementBatch,
  ): { readonly payments: number; readonly refunds: number }
  net(context: RequestContext, batch: SettlementBatch): readonly NetOfParticipant[]
  files(context: RequestContext, batch: SettlementBatch): Promise<readonly SettlementFile[]>
  /** Null when there is no file called `name` that the viewer may read. */
  open(viewer: Viewer, name: string): Promise<OpenFile | null>
}

interface SettlementQueriesDependencies {
  readonly db: Db
  readonly batchCloser: Pick<BatchCloser, 'closeDate'>
  readonly registry: Pick<Registry, 'corridors'>
  readonly now: () => Date
}

interface Dependencies extends SettlementQueriesDependencies {
  readonly batches: Loader<SettlementBatchId, SettlementBatch>
  readonly files: Loader<SettlementBatch, readonly StoredFile[]>
}

export function createSettlementQueries(services: SettlementQueriesDependencies): SettlementQueries {
  const { db } = services
  const dependencies: Dependencies = {
    ...services,
    batches: loaderById(settlementBatchesOf(db), { read: settlementBatchOf }),
    files: createFileLoader(filesOf(db)),
  }
  return {
    close: (context, input) => close(dependencies, context, input),
    batch: (context, id) => readBatch(dependencies, context, id),
    page: (context, args) => readPage(dependencies, context, args),
    dates: (context, first) => readDates(dependencies, context, first),
    counts: (context, batch) => visiblePart(context, batch) ?? { payments: 0, refunds: 0 },
    net: readNet,
    files: (context, batch) => readFiles(dependencies, context, batch),
    open: (viewer, name) => openFile(dependencies, viewer, name),
  }
}

/** Loads the files of CLOSED batches; other batches have none. */
const createFileLoader = (files: Collection<StoredFile>): Loader<SettlementBatch, readonly StoredFile[]> =>
  createLoader({
    key: ({ _id }) => _id,
    load: async (batches) => {
      const found = await files.find({ batch: { $in: batches.map(({ _id }) => _id) } }).toArray()
      return batches.map((batch) =>
        found.filter((file) => file.batch === batch._id && file.attempt === attemptOf(batch)),
      )
    },
  })

const attemptOf = (batch: SettlementBatch): string | null =>
  batch.status === 'CLOSED' ? batch.attempt : null

async function close(
  { batchCloser }: Dependencies,
  context: RequestContext,
  input: CloseInput,
): Promise<SettlementBatch | Refusal> {
  return requireScope(context, 'operator') ?? batchCloser.closeDate(authorOf(context), { ...input })
}

async function readBatch(
  { batches }: Dependencies,
  context: RequestContext,
  id: SettlementBatchId,
): Promise<SettlementBatch | null> {
  const batch = await batches.load(id)
  return batch && (isOperator(context) || partOf(batch, context.viewer.participant)) ? batch : null
}

async function readPage(
  { db }: Dependencies,
  context: RequestContext,
  args: PageArguments,
): Promise<Connection<SettlementBatch> & Counted> {
  demandScope(context, 'payments:read')
  const page = orThrow(pages.read(args))
  const visible = isOperator(context) ? {} : { 'parts.participant': context.viewer.participant }
  const older = page.after ? { number: { $lt: page.after[0] } } : {}
  const found = settlementBatchesOf(db).find(
    { ...visible, ...older },
    { sort: { number: -1 }, limit: page.size + 1 },
  )
  const rows = (await readForClient(db, 'list', () => found.toArray())).map(settlementBatchOf)
  const count = countUpTo(settlementBatchesOf(db), visible)
  return { ...pages.connection(page, rows, ({ number }) => [number]), count }
}

const daysMax = 100

async function readDates(
  { db, registry, now }: Dependencies,
  context: RequestContext,
  first: number,
): Promise<readonly SettlementDay[]> {
  demandScope(context, 'operator')
  demandFirst(first, daysMax)
  const zones = [...registry.corridors.values()].map(({ settlementZone }) => settlementZone)
  const today = [defaultZone, ...zones]
    .map((zone) => settlementDate(now(), zone))
    .toSorted()
    .at(-1)!
  const dates = Array.from({ length: first }, (_, n) => dayBefore(today, n))
  const found = settlementBatchesOf(db).find({ _id: { $in: dates.map(batchId) } })
  const stored = await readForClient(db, 'list', () => found.toArray())
  const batches = new Map(stored.map((batch) => [batch.settlementDate, settlementBatchOf(batch)]))
  return dates.map((date) => {
    const from = closableFrom(date, zones)
    const isClosable = now() >= from
    return { settlementDate: date, closableFrom: from, isClosable, batch: batches.get(date) ?? null }
  })
}

/** The date `days` before `date`. */
const dayBefore = (date: string, days: number): string =>
  new Date(Date.parse(date) - days * 86_400_000).toISOString().slice(0, 10)

const pages = pagesOf('settlementBatches', ['number'], 100)

function readNet(context: RequestContext, batch: SettlementBatch): readonly NetOfParticipant[] {
  if (batch.status === 'CLOSING') return []
  return batch.net
    .filter(({ participant }) => isOperator(context) || participant === context.viewer.participant)
    .map(({ participant, currency, minor }) => ({
      participant: { id: participant },
      currency,
      amount: money(minor, currency),
    }))
}

async function readFiles(
  { files }: Dependencies,
  context: RequestContext,
  batch: SettlementBatch,
): Promise<readonly SettlementFile[]> {
  if (!visiblePart(context, batch)) return []
  const owner = isOperator(context) ? null : context.viewer.participant
  const found = (await files.load(batch)) ?? []
  return found
    .filter((file) => file.owner === owner)
    .toSorted((a, b) => (a.format < b.format ? -1 : 1))
    .map((file) => ({
      name: nameOf(file),
      format: file.format,
      sha256: file.sha256,
      url: `/settlement/${nameOf(file)}`,
    }))
}

async function openFile(
  { db, batches, files }: Dependencies,
  viewer: Viewer,
  name: string,
): Promise<OpenFile | null> {
  const wanted = readName(name)
  const context = { viewer, requestId: '' }
  if (!wanted || requireScope(context, 'payments:read')) return null
  if (!isOperator(context) && wanted.owner !== viewer.participant) return null
  const batch = await batches.load(wanted.batch)
  const found = batch && (await files.load(batch))
  const file = found?.find(({ owner, format }) => owner === wanted.owner && format === wanted.format)
  if (!file) return null
  const { type } = formats[file.format]
  return { name, type, sha256: file.sha256, bytes: file.bytes, content: readFile(db, file) }
}

/** The counts of a CLOSED batch that the viewer sees: all of them, or its own; null when there are none. */
function visiblePart(context: RequestContext, batch: SettlementBatch) {
  if (batch.status === 'CLOSING') return null
  return isOperator(context) ? batch : partOf(batch, context.viewer.participant)
}

const partOf = (batch: SettlementBatch, participant: ParticipantId) =>
  batch.status === 'CLOSED' ? (batch.parts.find((part) => part.participant === participant) ?? null) : null

/**
 * "settlement-2026-03-01.csv" holds everything, "settlement-2026-03-01.wallet-sg-01.csv" the rows of one
 * participant.
 */
const nameOf = ({ batch, owner, format }: StoredFile): string =>
  `${batch}${owner === null ? '' : `.${owner}`}${formats[format].suffix}`

function readName(name: string): Pick<StoredFile, 'batch' | 'owner' | 'format'> | null {
  for (const [format, { suffix }] of Object.entries(formats)) {
    if (!name.endsWith(suffix)) continue
    const match = /^(settlement-\d{4}-\d{2}-\d{2})(?:\.([\w-]{1,100}))?$/.exec(name.slice(0, -suffix.length))
    if (!match) continue
    const [, batch, owner = null] = match as unknown as [string, SettlementBatchId, ParticipantId?]
    return { batch, owner, format: format as FileFormat }
  }
  return null
}
