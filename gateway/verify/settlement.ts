// Settlement: which batch takes each booking follows from the definitions of the batches alone. Totals, files
// and marks are compared with that.

import { createHash } from 'node:crypto'
import { Check } from './check.ts'
import { bookedKindOf } from './books.ts'
import type { Batch, Booking, Entry, Payment } from './documents.ts'
import { SetDifference, Sum } from './fingerprint.ts'
import type { Snapshot } from './snapshot.ts'

interface Recount {
  payments: number
  refunds: number
  readonly net: Map<string, bigint>
  readonly rows: Sum
}

export class Settlement {
  readonly batches = new Check('batches', 'settlement batches hold each booking of a closed date once')
  readonly files = new Check(
    'files',
    'settlement files hold the rows of their batch, and match their SHA-256',
  )
  readonly #closed: readonly Batch[]
  readonly #byDate: ReadonlyMap<string, Batch>
  readonly #recounts = new Map<string, Recount>()
  readonly #marks = new SetDifference()
  /** Batches of payments that completed and were then cancelled, by payment. */
  readonly #cancelled = new Map<string, Batch | null>()

  constructor(closed: readonly Batch[]) {
    this.#closed = closed.toSorted((a, b) => a.number - b.number)
    this.#byDate = new Map(closed.map((batch) => [batch.settlementDate, batch]))
  }

  addPayment({ _id, batch, refunds, events }: Payment): void {
    if (events.some(({ from, to }) => from === 'COMPLETED' && to === 'CANCELLING'))
      this.#cancelled.set(_id, null)
    this.#addMark(-1, _id, batch)
    for (const refund of refunds) this.#addMark(-1, refund._id, refund.batch)
  }

  /** After all payments. */
  addEntry(entry: Entry): void {
    const { _id: position, transaction, booking } = entry
    const batch = booking && this.#batchOf(position, booking.settlementDate)
    if (!batch) return
    const kind = bookedKindOf(entry)
    const recount = this.#recountOf(batch)
    if (kind === 'PAYMENT') {
      recount.payments++
      if (this.#cancelled.has(transaction)) this.#cancelled.set(transaction, batch)
    }
    if (kind === 'REFUND') recount.refunds++
    // A payment that is cancelled in its own batch is in neither total; its two rows cancel out.
    if (kind === 'CANCELLATION' && this.#cancelled.get(transaction) === batch) recount.payments--
    if (kind !== 'CANCELLATION') this.#addMark(1, transaction, batch._id)
    for (const { participant, currency, minor } of booking.postings) {
      const key = `${participant}/${currency}`
      recount.net.set(key, (recount.net.get(key) ?? 0n) + minor)
    }
    recount.rows.add(rowOf(transaction, kind!, booking))
  }

  async finish(snapshot: Snapshot): Promise<void> {
    for (const [n, batch] of this.#closed.entries()) {
      const { _id, number, after, upTo } = batch
      const previous = this.#closed[n - 1]
      this.batches.expect(
        number === n + 1 && after === (previous?.upTo ?? 0n) && upTo >= after,
        _id,
        () => `is number ${number} from ${after} to ${upTo}, after number ${previous?.number ?? 0}`,
      )
      if (batch.status !== 'CLOSED') continue
      this.#checkTotals(batch)
      await this.#checkFiles(snapshot, batch)
    }
    const { found, isComplete } = this.#marks.differences()
    for (const { id, side } of found) {
      const text =
        side === 1 ? 'is in a batch, and not marked with it' : 'is marked with a batch that has it not'
      this.batches.fail(id, text)
    }
    if (!isComplete) this.batches.fail('batches', 'more transactions are marked wrongly than can be named')
  }

  /** The batch that takes a booking; undefined while there is none. */
  #batchOf(position: bigint, date: string): Batch | undefined {
    const own = this.#byDate.get(date)
    if (!own || position <= own.upTo) return own
    return this.#closed.find(({ number, upTo }) => number > own.number && position <= upTo)
  }

  #recountOf({ _id }: Batch): Recount {
    let recount = this.#recounts.get(_id)
    if (!recount) {
      recount = { payments: 0, refunds: 0, net: new Map(), rows: new Sum() }
      this.#recounts.set(_id, recount)
    }
    return recount
  }

  /** Of a batch whose transactions are still being marked, none is compared. */
  #addMark(side: 1 | -1, transaction: string, batch: string | undefined): void {
    if (batch === undefined) return
    const marked = this.#closed.find(({ _id }) => _id === batch)
    if (marked?.marked === false) return
    this.#marks.add(side, transaction, 0, batch)
  }

  #checkTotals(batch: Batch): void {
    const { payments, refunds, net } = this.#recountOf(batch)
    const stored = new Map(
      batch.net.map(({ participant, currency, minor }) => [
        `${participant}/${currency}`,
        BigInt(minor.toString()),
      ]),
    )
    const wrong = [...new Set([...net.keys(), ...stored.keys()])].filter(
      (key) => (net.get(key) ?? 0n) !== (stored.get(key) ?? 0n),
    )
    this.batches.expect(
      batch.payments === payments && batch.refunds === refunds && wrong.length === 0,
      batch._id,
      () =>
        `stored ${batch.payments} payments and ${batch.refunds} refunds, recounted ${payments} and ${refunds}` +
        (wrong.length > 0
          ? `; net of ${wrong[0]} stored ${stored.get(wrong[0]!)}, recounted ${net.get(wrong[0]!)}`
          : ''),
    )
  }

  async #checkFiles(snapshot: Snapshot, batch: Batch): Promise<void> {
    interface Stored {
      readonly _id: string
      readonly owner: string | null
      readonly format: string
      readonly sha256: string
      readonly bytes: number
    }
    const filter = { batch: batch._id, attempt: batch.attempt }
    const stored = await snapshot.find<Stored>('settlementFiles', filter).toArray()
    const ofOperator = stored.find(({ owner, format }) => owner === null && format === 'CSV')
    if (!ofOperator) this.files.fail(batch._id, 'has no file of all rows')
    for (const { _id, format, owner, sha256, bytes } of stored) {
      const hash = createHash('sha256')
      const rows = new Sum()
      let read = 0
      let rest = ''
      for await (const piece of piecesOf(snapshot, _id)) {
        hash.update(piece)
        read += piece.length
        if (format !== 'CSV' || owner !== null) continue
        const lines = (rest + piece.toString()).split('\r\n')
        rest = lines.pop()!
        for (const line of lines) if (!line.startsWith('id,kind,')) rows.add(rowOfLine(line))
      }
      this.files.expect(
        hash.digest('hex') === sha256 && read === bytes,
        _id,
        () => 'does not match its SHA-256',
      )
      if (format !== 'CSV' || owner !== null) continue
      const expected = this.#recountOf(batch).rows
      this.files.expect(
        rows.equals(expected),
        _id,
        () => `${rows.count} rows, ${expected.count} bookings, and not the same`,
      )
    }
  }
}

async function* piecesOf(snapshot: Snapshot, file: string): AsyncIterable<Buffer> {
  interface Piece {
    readonly _id: { readonly file: string; readonly n: number }
    readonly bytes: Buffer
  }
  const filter = { _id: { $gte: { file, n: 0 }, $lte: { file, n: 2 ** 31 - 1 } } }
  const options = { sort: { _id: 1 as const }, promoteBuffers: true, batchSize: 16 }
  for await (const { bytes } of snapshot.find<Piece>('settlementFilePieces', filter, options)) yield bytes
}

/** A row as text: amounts in minor units, negative where money returns. */
function rowOf(transaction: string, kind: string, { postings }: Booking): string {
  const sumOf = (account: string): bigint =>
    postings.reduce((sum, posting) => (posting.account === account ? sum + posting.minor : sum), 0n)
  return `${transaction}|${kind}|${sumOf('ACQUIRER')}|${-sumOf('WALLET')}|${sumOf('FEE')}`
}

/** Cells 12, 14 and 16 are amounts with exactly the digits of their currency. */
function rowOfLine(line: string): string {
  const cells = [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/gy)].map(([, cell]) => cell!)
  const minor = (n: number): bigint => BigInt((cells[n - 1] ?? '0').replace('.', ''))
  return `${cells[0]}|${cells[1]}|${minor(12)}|${minor(14)}|${minor(16)}`
}
