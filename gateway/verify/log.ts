// The log: dense positions, and exactly one entry for each event of each payment and refund.

import { setTimeout as pause } from 'node:timers/promises'
import { Check } from './check.ts'
import type { Booking, Entry, Event, LogBatch, LoggedPayment, Payment } from './documents.ts'
import { SetDifference } from './fingerprint.ts'
import type { Snapshot } from './snapshot.ts'

export const bookingText = ({ settlementDate, postings }: Booking): string =>
  settlementDate +
  postings
    .map(({ account, participant, currency, minor }) => `,${account} ${participant} ${currency} ${minor}`)
    .join('')

/** Compares the events of payments with the entries of the log, in one pass over each. */
export class LogComparison {
  readonly dense = new Check('log', 'the positions of the log are 1, 2, 3 … without a gap')
  readonly oneToOne = new Check('entries', 'the log has each event of each payment and refund once')
  /** Position of the latest entry. */
  tip = 0n
  readonly #difference = new SetDifference()
  readonly #lateMs: number

  /** An event may take `lateMs` to reach the log. */
  constructor(lateMs: number) {
    this.#lateMs = lateMs
  }

  addPayment(payment: Payment): void {
    const facts = factsOf(payment, payment.reporting.minor)
    for (const event of payment.events) this.#addEvent(payment._id, event, payment.createdAt, facts)
    for (const refund of payment.refunds) {
      const own = `${factsOf(payment, refund.reporting.minor)}|${payment._id}`
      for (const event of refund.events) this.#addEvent(refund._id, event, payment.createdAt, own)
    }
  }

  addEntry(entry: Entry): void {
    this.dense.expect(entry._id === this.tip + 1n, String(entry._id), () => `follows position ${this.tip}`)
    this.tip = entry._id
    const { transaction, sequence, payment, refundOf } = entry
    const facts = factsOf(payment, payment.reportingMinor) + (refundOf === undefined ? '' : `|${refundOf}`)
    const isUuid = this.#difference.add(
      -1,
      transaction,
      sequence,
      contentOf(entry, payment.authorizeMs, facts),
    )
    this.oneToOne.expect(isUuid, transaction, () => 'is not the id of a transaction')
  }

  /** Decides on the differences: an event that the log lacks may still be on its way. */
  async finish(snapshot: Snapshot): Promise<void> {
    const { found, isComplete } = this.#difference.differences()
    const nameOf = ({ id, sequence }: { id: string; sequence: number }) => `${id}/${sequence}`
    const inBoth = new Set(found.filter(({ side }) => side === -1).map(nameOf))
    const missing = new Set<string>()
    for (const difference of found) {
      const name = nameOf(difference)
      if (difference.side === -1) continue
      if (inBoth.delete(name)) this.oneToOne.fail(name, 'the entry differs from the event, or is there twice')
      else missing.add(name)
    }
    for (const name of inBoth)
      this.oneToOne.fail(name, 'the log has an entry more than the transaction has events')
    await this.#awaitEntries(snapshot, missing)
    for (const name of missing)
      this.oneToOne.fail(name, `the event is not in the log after ${this.#lateMs / 1000} s`)
    if (!isComplete) this.oneToOne.fail('log', 'more events and entries differ than can be named')
  }

  #addEvent(id: string, event: Event, createdAt: Date, facts: string): void {
    const isAnswer = event.kind === 'APPROVED' || event.kind === 'REFUSED'
    const authorizeMs = isAnswer ? event.at.getTime() - createdAt.getTime() : null
    const isUuid = this.#difference.add(1, id, event.sequence, contentOf(event, authorizeMs, facts))
    if (!isUuid) this.oneToOne.fail(id, 'is not a UUID')
  }

  async #awaitEntries(snapshot: Snapshot, missing: Set<string>): Promise<void> {
    const log = snapshot.now<LogBatch>('log')
    for (let [after, waitedMs] = [this.tip, 0]; missing.size > 0; waitedMs += 200) {
      const batches = log.find({ last: { $gt: after } }, { sort: { last: 1 } })
      for await (const { last, entries } of batches) {
        for (const { transaction, sequence } of entries) missing.delete(`${transaction}/${sequence}`)
        after = last
      }
      if (waitedMs >= this.#lateMs || missing.size === 0) return
      await pause(200)
    }
  }
}

const factsOf = (
  payment: Omit<LoggedPayment, 'reportingMinor' | 'authorizeMs'>,
  reportingMinor: bigint,
): string =>
  [
    payment.createdAt.getTime(),
    payment.wallet,
    payment.acquirer,
    payment.merchant,
    payment.merchantCountry,
    payment.walletCountry,
    payment.corridor,
    payment.project,
    payment.direction,
    payment.mcc,
    payment.entryMode,
    reportingMinor,
  ].join('|')

const contentOf = (event: Event, authorizeMs: number | null, facts: string): string =>
  `${event.kind}|${event.from}|${event.to}|${event.at.getTime()}|${event.reason}|${authorizeMs}|${
    event.booking ? bookingText(event.booking) : ''
  }|${facts}`

/** All entries of archive and log, in the order of their positions. */
export async function* readEntries(snapshot: Snapshot): AsyncIterable<Entry> {
  let last = 0n
  for (const name of ['logArchive', 'log']) {
    const options = { sort: { _id: 1 as const }, projection: { token: 0 }, batchSize: 100 }
    for await (const batch of snapshot.find<LogBatch & { _id: bigint }>(name, {}, options)) {
      // Retention archives a batch before it deletes it.
      if (name === 'log' && batch.last <= last) continue
      last = batch.last
      yield* batch.entries
    }
  }
}
