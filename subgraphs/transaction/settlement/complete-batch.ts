// Completes a defined batch: totals and files first, then the settlement status of its transactions. Each
// step gives the same result when it is repeated, in this process or in another.

import { randomUUID } from 'node:crypto'
import type { Db } from 'mongodb'
import type { SettlementBatchId } from '../../../schema/values/id.ts'
import { chunks } from '../../platform/async/chunks.ts'
import type { Payment } from '../payment/payment.ts'
import { RunningTotals, type BatchDefinition, type BatchTotals } from './batch.ts'
import { movingKinds, paymentsMax, readContents, type BatchContents } from './batch-contents.ts'
import { settlementBatchesOf, storedNet } from './batch-store.ts'
import { csvHeader, csvLine } from './csv.ts'
import { deleteOtherAttempts, FileSetWriter } from './files.ts'
import { pacs002 } from './pacs002.ts'
import { pacs008, TransferTotals } from './pacs008.ts'

/** Throws the reason of `signal` when it is aborted; what is left is completed by a later call. */
export async function completeBatch(db: Db, id: SettlementBatchId, signal: AbortSignal): Promise<void> {
  const batches = settlementBatchesOf(db)
  const batch = await batches.findOne({ _id: id })
  if (!batch || batch.marked) return
  const earlier = batches.find({ number: { $lt: batch.number } }, { projection: { settlementDate: 1 } })
  const closedBefore = (await earlier.toArray()).map(({ settlementDate }) => settlementDate)
  const contents = await readContents(db, batch, closedBefore, signal)
  if (batch.status === 'CLOSING') await closeBatch(db, batch, contents)
  await markSettled(db, id, contents)
  await batches.updateOne({ _id: id, status: 'CLOSED' }, { $set: { marked: true } })
}

async function closeBatch(db: Db, batch: BatchDefinition, contents: BatchContents): Promise<void> {
  const attempt = randomUUID()
  const running = new RunningTotals(contents.cancelledOut)
  for await (const booking of contents.bookings(...movingKinds)) running.add(booking)
  const totals = running.totals()
  await writeFiles(new FileSetWriter(db, batch._id, attempt), batch, totals, contents)
  await settlementBatchesOf(db).updateOne(
    { _id: batch._id, status: 'CLOSING' },
    { $set: { status: 'CLOSED', attempt, ...totals, net: totals.net.map(storedNet) } },
  )
  // Another process may have closed the batch first: then the files of its attempt are the ones to keep.
  const closed = await settlementBatchesOf(db).findOne({ _id: batch._id })
  if (closed?.status === 'CLOSED') await deleteOtherAttempts(db, batch._id, closed.attempt)
}

/** Writes the operator’s file of all rows in each format, and each participant’s CSV file of its own rows. */
async function writeFiles(
  files: FileSetWriter,
  { _id: id, fixedAt: createdAt, settlementDate }: BatchDefinition,
  { parts }: BatchTotals,
  contents: BatchContents,
): Promise<void> {
  const write = async (format: 'PACS_008' | 'PACS_002', texts: AsyncIterable<string>) => {
    for await (const text of texts) await files.write(null, format, text)
  }
  for (const { participant } of parts) await files.write(participant, 'CSV', csvHeader)
  await files.write(null, 'CSV', csvHeader)
  const transfers = new TransferTotals()
  for await (const row of contents.rows()) {
    transfers.add(row)
    const line = csvLine(row)
    for (const owner of new Set([null, row.wallet, row.acquirer])) await files.write(owner, 'CSV', line)
  }
  const header = { id, createdAt, settlementDate }
  await write('PACS_008', pacs008(header, transfers, contents.rows()))
  await write('PACS_002', pacs002({ ...header, id: `${id}-status` }, id, contents.declines()))
  await files.finish()
}

/** Sets the settlement status of each payment and refund of a batch to SETTLED. */
async function markSettled(db: Db, batch: SettlementBatchId, { bookings }: BatchContents): Promise<void> {
  const payments = db.collection<Payment>('payments')
  for await (const chunk of chunks(bookings('PAYMENT'), paymentsMax)) {
    const ids = chunk.map(({ payment }) => payment)
    await payments.updateMany(
      { _id: { $in: ids }, settlement: 'PENDING' },
      { $set: { settlement: 'SETTLED', batch } as never },
    )
  }
  for await (const chunk of chunks(bookings('REFUND'), paymentsMax)) {
    const ids = chunk.map(({ transaction }) => transaction)
    await payments.updateMany(
      { 'refunds._id': { $in: ids } },
      { $set: { 'refunds.$[one].settlement': 'SETTLED', 'refunds.$[one].batch': batch } as never },
      { arrayFilters: [{ 'one._id': { $in: ids } }] },
    )
  }
}
