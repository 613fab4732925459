// Settlement files in MongoDB: written in pieces as the text comes, so that no file is ever in memory as a whole.

import { createHash, type Hash } from 'node:crypto'
import type { Binary, Collection, Db } from 'mongodb'
import type { ParticipantId, SettlementBatchId } from '../../../schema/values/id.ts'

export const formats = {
  CSV: { suffix: '.csv', type: 'text/csv; charset=utf-8; header=present' },
  PACS_008: { suffix: '.pacs008.xml', type: 'application/xml; charset=utf-8' },
  PACS_002: { suffix: '.pacs002.xml', type: 'application/xml; charset=utf-8' },
} as const

export type FileFormat = keyof typeof formats

/** A document of the collection `settlementFiles`. */
export interface StoredFile {
  /** "batch/attempt/format/owner". */
  readonly _id: string
  readonly batch: SettlementBatchId
  /** Which attempt to close the batch wrote it: pieces of two never mix. */
  readonly attempt: string
  /** Whose transactions are in it; null: everybody's. */
  readonly owner: ParticipantId | null
  readonly format: FileFormat
  /** Hexadecimal, of its bytes. */
  readonly sha256: string
  readonly bytes: number
}

interface Piece {
  readonly _id: { readonly file: string; readonly n: number }
  readonly bytes: Binary
}

interface Draft {
  readonly file: Omit<StoredFile, 'sha256' | 'bytes'>
  readonly hash: Hash
  pending: string[]
  pendingLength: number
  bytes: number
  pieces: number
}

/** The files of one attempt to close a batch. */
export interface FileSet {
  /** Adds to a file, which begins with its first text. */
  write(owner: ParticipantId | null, format: FileFormat, text: string): Promise<void>
  /** Writes what is left. The files can be read from then on. */
  finish(): Promise<void>
}

export function writeFiles(db: Db, batch: SettlementBatchId, attempt: string): FileSet {
  const drafts = new Map<string, Draft>()
  let pieces: { _id: Piece['_id']; bytes: Buffer }[] = []
  let waiting = 0

  const flush = async () => {
    if (pieces.length === 0) return
    const ready = pieces
    pieces = []
    waiting = 0
    await piecesOf(db).insertMany(ready as never, { ordered: false })
  }
  const cut = (draft: Draft) => {
    if (draft.pendingLength === 0) return
    const bytes = Buffer.from(draft.pending.join(''))
    draft.hash.update(bytes)
    draft.bytes += bytes.length
    draft.pending = []
    draft.pendingLength = 0
    pieces.push({ _id: { file: draft.file._id, n: draft.pieces++ }, bytes })
    waiting += bytes.length
  }

  return {
    async write(owner, format, text) {
      const _id = `${batch}/${attempt}/${format}/${owner ?? ''}`
      let draft = drafts.get(_id)
      if (!draft) {
        const file = { _id, batch, attempt, owner, format }
        draft = { file, hash: createHash('sha256'), pending: [], pendingLength: 0, bytes: 0, pieces: 0 }
        drafts.set(_id, draft)
      }
      draft.pending.push(text)
      draft.pendingLength += text.length
      if (draft.pendingLength >= pieceLength) cut(draft)
      if (waiting >= waitingMax) await flush()
    },
    async finish() {
      for (const draft of drafts.values()) {
        cut(draft)
        if (waiting >= waitingMax) await flush()
      }
      await flush()
      const files = [...drafts.values()].map(({ file, hash, bytes }) => ({
        ...file,
        sha256: hash.digest('hex'),
        bytes,
      }))
      if (files.length > 0) await filesOf(db).insertMany(files)
    },
  }
}

/** Removes whatever attempts on `batch` other than `kept` have left. */
export async function dropAttempts(db: Db, batch: SettlementBatchId, kept: string): Promise<void> {
  await filesOf(db).deleteMany({ batch, attempt: { $ne: kept } })
  await piecesOf(db).deleteMany({
    _id: { $gte: { file: `${batch}/`, n: 0 }, $lt: { file: `${batch}0`, n: 0 } },
    // A slash comes before "0", and nothing in between.
    $nor: [{ _id: { $gte: { file: `${batch}/${kept}/`, n: 0 }, $lt: { file: `${batch}/${kept}0`, n: 0 } } }],
  })
}

export async function* readFile(db: Db, file: StoredFile): AsyncIterable<Uint8Array> {
  const range = { $gte: { file: file._id, n: 0 }, $lte: { file: file._id, n: 2 ** 31 - 1 } }
  const pieces = piecesOf(db).find({ _id: range }, { sort: { _id: 1 }, batchSize: 16 })
  for await (const { bytes } of pieces) yield bytes.buffer.subarray(0, bytes.position)
}

export const filesOf = (db: Db): Collection<StoredFile> => db.collection<StoredFile>('settlementFiles')
const piecesOf = (db: Db): Collection<Piece> => db.collection<Piece>('settlementFilePieces')

/** Characters; with hundreds of files open at once each must be small. */
const pieceLength = 64 * 1024
/** Bytes that leave in one call. */
const waitingMax = 4 * 1024 * 1024
