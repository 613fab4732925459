// What a viewer sees of settlement: the operator everything, a participant the batches that it has a part in, and of each its own.

import type { Db } from 'mongodb'
import { money } from '../../../schema/values/money.ts'
import { orThrow, type Refusal } from '../../../schema/values/problems.ts'
import { demandScope, isOperator, requireScope } from '../../shared/access.ts'
import { createLoader } from '../../platform/async/batching.ts'
import { pagesOf, type Connection, type PageArguments } from '../../shared/page.ts'
import type { SettlementBatch } from './batch.ts'
import { settlementBatchesOf, settlementBatchOf, type CloseInput, type BatchCloser } from './batch-closer.ts'
import type { RequestContext, Viewer } from '../../shared/viewer.ts'
import { filesOf, formats, readFile, type FileFormat, type StoredFile } from './files.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'

export interface SettlementFile {
  readonly name: string
  readonly format: FileFormat
  readonly sha256: string
  readonly url: string
}

/** A file to be sent. */
export interface OpenFile {
  readonly name: string
  /** Media type. */
  readonly type: string
  /** Hexadecimal. */
  readonly sha256: string
  readonly bytes: number
  readonly content: AsyncIterable<Uint8Array>
}

export interface SettlementQueries {
  close(context: RequestContext, input: CloseInput): Promise<SettlementBatch | Refusal>
  /** Null when there is none that the viewer has a part in. */
  batch(context: RequestContext, id: string): Promise<SettlementBatch | null>
  page(context: RequestContext, args: PageArguments): Promise<Connection<SettlementBatch>>
  /** What the SDL's fields say of a batch to this viewer. */
  counts(
    context: RequestContext,
    batch: SettlementBatch,
  ): { readonly payments: number; readonly refunds: number }
  net(context: RequestContext, batch: SettlementBatch): object[]
  files(context: RequestContext, batch: SettlementBatch): Promise<readonly SettlementFile[]>
  /** The file called `name`; null when there is none that the viewer may read. */
  open(viewer: Viewer, name: string): Promise<OpenFile | null>
}

export function createSettlementQueries(db: Db, batchCloser: Pick<BatchCloser, 'close'>): SettlementQueries {
  const batches = settlementBatchesOf(db)
  const pages = pagesOf('settlementBatches', ['number'], 100)
  const visible = (context: RequestContext) =>
    isOperator(context) ? {} : { 'parts.participant': context.viewer.participant }

  const byId = createLoader<string, SettlementBatch>({
    load: async (ids) => {
      const found = await batches.find({ _id: { $in: [...ids] } }).toArray()
      const all = new Map(found.map((batch) => [batch._id, settlementBatchOf(batch)]))
      return ids.map((id) => all.get(id) ?? null)
    },
  })
  const filesByBatch = createLoader<SettlementBatch, readonly StoredFile[]>({
    key: ({ _id }) => _id,
    load: async (closed) => {
      const found = await filesOf(db)
        .find({ batch: { $in: closed.map(({ _id }) => _id) } })
        .toArray()
      return closed.map((batch) =>
        found.filter((file) => file.batch === batch._id && file.attempt === attemptOf(batch)),
      )
    },
  })

  const own = (context: RequestContext, batch: SettlementBatch) => {
    if (batch.status === 'CLOSING') return null
    return isOperator(context) ? batch : partOf(batch, context.viewer.participant)
  }

  return {
    async close(context, input) {
      return (
        requireScope(context, 'operator') ??
        (await batchCloser.close(
          { participant: context.viewer.participant, requestId: context.requestId },
          { ...input },
        ))
      )
    },
    async batch(context, id) {
      const batch = await byId.load(id)
      return batch && (isOperator(context) || partOf(batch, context.viewer.participant)) ? batch : null
    },
    async page(context, args) {
      demandScope(context, 'payments:read')
      const page = orThrow(pages.read(args))
      const older = page.after ? { number: { $lt: page.after[0] } } : {}
      const found = await batches
        .find({ ...visible(context), ...older }, { sort: { number: -1 }, limit: page.size + 1 })
        .toArray()
      return pages.connection(page, found.map(settlementBatchOf), ({ number }) => [number])
    },
    counts: (context, batch) => own(context, batch) ?? { payments: 0, refunds: 0 },
    net(context, batch) {
      if (batch.status === 'CLOSING') return []
      return batch.net
        .filter(({ participant }) => isOperator(context) || participant === context.viewer.participant)
        .map(({ participant, currency, minor }) => ({
          participant: { id: participant },
          currency,
          amount: money(minor, currency),
        }))
    },
    async files(context, batch) {
      if (!own(context, batch)) return []
      const owner = isOperator(context) ? null : context.viewer.participant
      const found = (await filesByBatch.load(batch)) ?? []
      return found
        .filter((file) => file.owner === owner)
        .toSorted((a, b) => (a.format < b.format ? -1 : 1))
        .map((file) => ({
          name: nameOf(file),
          format: file.format,
          sha256: file.sha256,
          url: `/settlement/${nameOf(file)}`,
        }))
    },
    async open(viewer, name) {
      const asked = readName(name)
      const context = { viewer, requestId: '' }
      if (!asked || requireScope(context, 'payments:read')) return null
      if (!isOperator(context) && asked.owner !== viewer.participant) return null
      const batch = await byId.load(asked.batch)
      const found = batch && (await filesByBatch.load(batch))
      const file = found?.find(({ owner, format }) => owner === asked.owner && format === asked.format)
      if (!file) return null
      const { type } = formats[file.format]
      return { name, type, sha256: file.sha256, bytes: file.bytes, content: readFile(db, file) }
    },
  }
}

const attemptOf = (batch: SettlementBatch): string | null =>
  batch.status === 'CLOSED' ? batch.attempt : null

const partOf = (batch: SettlementBatch, participant: ParticipantId) =>
  batch.status === 'CLOSED' ? (batch.parts.find((part) => part.participant === participant) ?? null) : null

/** "settlement-2026-03-01.csv" has everything, "settlement-2026-03-01.wallet-sg-01.csv" what is one participant's. */
const nameOf = ({ batch, owner, format }: StoredFile): string =>
  `${batch}${owner === null ? '' : `.${owner}`}${formats[format].suffix}`

function readName(name: string): Pick<StoredFile, 'batch' | 'owner' | 'format'> | null {
  for (const [format, { suffix }] of Object.entries(formats)) {
    if (!name.endsWith(suffix)) continue
    const match = /^(settlement-\d{4}-\d{2}-\d{2})(?:\.([\w-]{1,100}))?$/.exec(name.slice(0, -suffix.length))
    if (match) return { batch: match[1]!, owner: match[2] ?? null, format: format as FileFormat }
  }
  return null
}
