// Settlement files in MongoDB: written in pieces while their text is produced, so that no whole file is held
// in memory.

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
  /** The attempt to close the batch that wrote the file: pieces of two attempts never mix. */
  readonly attempt: string
  /** The participant whose transactions the file holds; null: those of all participants. */
  readonly owner: ParticipantId | null
  readonly format: FileFormat
  /** Of the bytes, in hexadecimal. */
  readonly sha256: string
  readonly bytes: number
}

/** A document of the collection `settlementFilePieces`. */
interface Piece {
  readonly _id: { readonly file: string; readonly n: number }
  readonly bytes: Binary
}

interface UnfinishedFile {
  readonly file: Omit<StoredFile, 'sha256' | 'bytes'>
  readonly hash: Hash
  texts: string[]
  textLength: number
  bytes: number
  pieces: number
}

/** Writes the files of one attempt to close a batch. A file can be read once `finish` has resolved. */
export class FileSetWriter {
  readonly #db: Db
  readonly #batch: SettlementBatchId
  readonly #attempt: string
  readonly #files = new Map<string, UnfinishedFile>()
  #pieces: { readonly _id: Piece['_id']; readonly bytes: Buffer }[] = []
  #bufferedBytes = 0

  constructor(db: Db, batch: SettlementBatchId, attempt: string) {
    this.#db = db
    this.#batch = batch
    this.#attempt = attempt
  }

  /** Appends to a file; the first call for an owner and format creates the file. */
  async write(owner: ParticipantId | null, format: FileFormat, text: string): Promise<void> {
    const file = this.#fileOf(owner, format)
    file.texts.push(text)
    file.textLength += text.length
    if (file.textLength >= pieceLength) this.#cutPiece(file)
    if (this.#bufferedBytes >= bufferedBytesMax) await this.#flush()
  }

  async finish(): Promise<void> {
    for (const file of this.#files.values()) {
      this.#cutPiece(file)
      if (this.#bufferedBytes >= bufferedBytesMax) await this.#flush()
    }
    await this.#flush()
    const files = [...this.#files.values()].map(({ file, hash, bytes }) => ({
      ...file,
      sha256: hash.digest('hex'),
      bytes,
    }))
    if (files.length > 0) await filesOf(this.#db).insertMany(files)
  }

  #fileOf(owner: ParticipantId | null, format: FileFormat): UnfinishedFile {
    const _id = `${this.#batch}/${this.#attempt}/${format}/${owner ?? ''}`
    const present = this.#files.get(_id)
    if (present) return present
    const file = { _id, batch: this.#batch, attempt: this.#attempt, owner, format }
    const created = { file, hash: createHash('sha256'), texts: [], textLength: 0, bytes: 0, pieces: 0 }
    this.#files.set(_id, created)
    return created
  }

  #cutPiece(file: UnfinishedFile): void {
    if (file.textLength === 0) return
    const bytes = Buffer.from(file.texts.join(''))
    file.hash.update(bytes)
    file.bytes += bytes.length
    file.texts = []
    file.textLength = 0
    this.#pieces.push({ _id: { file: file.file._id, n: file.pieces++ }, bytes })
    this.#bufferedBytes += bytes.length
  }

  async #flush(): Promise<void> {
    if (this.#pieces.length === 0) return
    const pieces = this.#pieces
    this.#pieces = []
    this.#bufferedBytes = 0
    await piecesOf(this.#db).insertMany(pieces as never, { ordered: false })
  }
}

/** Deletes the files of all attempts on `batch` except `attempt`. */
export async function deleteOtherAttempts(db: Db, batch: SettlementBatchId, attempt: string): Promise<void> {
  await filesOf(db).deleteMany({ batch, attempt: { $ne: attempt } })
  // "0" is the character after "/".
  await piecesOf(db).deleteMany({
    _id: { $gte: { file: `${batch}/`, n: 0 }, $lt: { file: `${batch}0`, n: 0 } },
    $nor: [
      { _id: { $gte: { file: `${batch}/${attempt}/`, n: 0 }, $lt: { file: `${batch}/${attempt}0`, n: 0 } } },
    ],
  })
}

export async function* readFile(db: Db, file: StoredFile): AsyncIterable<Uint8Array> {
  const range = { $gte: { file: file._id, n: 0 }, $lte: { file: file._id, n: 2 ** 31 - 1 } }
  const pieces = piecesOf(db).find({ _id: range }, { sort: { _id: 1 }, batchSize: 16 })
  for await (const { bytes } of pieces) yield bytes.buffer.subarray(0, bytes.position)
}

export const filesOf = (db: Db): Collection<StoredFile> => db.collection<StoredFile>('settlementFiles')
const piecesOf = (db: Db): Collection<Piece> => db.collection<Piece>('settlementFilePieces')

/** In characters. Hundreds of files are written at once, so each piece must be small. */
const pieceLength = 64 * 1024
/** The bytes that are written in one call. */
const bufferedBytesMax = 4 * 1024 * 1024
