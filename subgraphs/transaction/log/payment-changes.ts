// Reads the changes of the collection `payments` as entries for the log.

import type { Collection, Db, Timestamp } from 'mongodb'
import type { PaymentId } from '../../../schema/values/id.ts'
import type { LoggedPayment } from '../../log/entry.ts'
import { RecentMap } from '../../platform/async/recent-map.ts'
import { openChangeStream, type ChangeStream } from '../../platform/mongo/change-stream.ts'
import type { PaymentEvent, Refund } from '../payment/payment.ts'
import { firstPaymentId } from '../store/stored-refusal.ts'
import {
  entriesOf,
  entriesOfRefund,
  entryOf,
  fieldsOfEntries,
  loggedPaymentOf,
  type NewEntry,
  type PaymentWithEvents,
} from './entries-of-payment.ts'
import type { EntryGroup } from './log-writer.ts'

export interface PaymentChange {
  /** Its resume token. */
  readonly _id: unknown
  readonly clusterTime: Timestamp
  readonly operationType: 'insert' | 'update' | 'replace'
  readonly documentKey: { readonly _id: PaymentId }
  readonly fullDocument?: PaymentWithEvents
  readonly updateDescription?: { readonly updatedFields: Readonly<Record<string, unknown>> }
}

/** Opens a stream of the changes after the token `resumeAfter`, or from now on when it is null. */
export const openPaymentChanges = (db: Db, resumeAfter: unknown): Promise<ChangeStream<PaymentChange>> =>
  openChangeStream<PaymentChange>(db, {
    collection: 'payments',
    resumeAfter,
    pipeline: [
      {
        $match: {
          operationType: { $in: ['insert', 'update', 'replace'] },
          'documentKey._id': { $gte: firstPaymentId },
        },
      },
      {
        $project: {
          operationType: 1,
          clusterTime: 1,
          documentKey: 1,
          'updateDescription.updatedFields': 1,
          ...fieldsOfEntries('fullDocument.'),
        },
      },
    ],
  })

/**
 * Turns each change into the entries of its events, in order. An update does not carry the payment that each
 * entry describes: that is cached from the payment’s insertion, or read.
 */
export class EntryReader {
  readonly #payments: Collection<PaymentWithEvents>
  readonly #recent = new RecentMap<PaymentId, LoggedPayment>(recentMax)

  constructor(db: Db) {
    this.#payments = db.collection<PaymentWithEvents>('payments')
  }

  async read(changes: readonly PaymentChange[]): Promise<Required<EntryGroup>[]> {
    const payments = await this.#paymentsOf(changes)
    return changes.map((change) => {
      const payment = payments.get(idOf(change))
      // A payment that was since removed by hand has nothing left to log.
      return { entries: payment ? entriesIn(change, payment) : [], token: change._id }
    })
  }

  async #paymentsOf(changes: readonly PaymentChange[]): Promise<ReadonlyMap<PaymentId, LoggedPayment>> {
    const payments = new Map<PaymentId, LoggedPayment>()
    for (const change of changes) {
      const id = idOf(change)
      const payment = change.fullDocument ? loggedPaymentOf(change.fullDocument) : this.#recent.get(id)
      if (payment) payments.set(id, payment)
    }
    const missing = changes.filter(bringsEvents).flatMap((change) => {
      const id = idOf(change)
      return payments.has(id) ? [] : [id]
    })
    if (missing.length > 0) {
      const found = this.#payments.find({ _id: { $in: missing } }, { projection: fieldsOfEntries() })
      for await (const payment of found) payments.set(payment._id, loggedPaymentOf(payment))
    }
    for (const [id, payment] of payments) this.#recent.set(id, payment)
    return payments
  }
}

/** At most this many payments are cached. */
const recentMax = 40_000

/**
 * True when a change brings all events of a payment, not only new ones, because the payment was replaced by
 * hand.
 */
export const bringsAllEvents = ({ operationType, updateDescription }: PaymentChange): boolean =>
  operationType === 'replace' ||
  ['events', 'refunds'].some((array) => Array.isArray(updateDescription?.updatedFields[array]))

/**
 * False for updates of other fields, such as SETTLED: thousands of these arrive at once, and need no read.
 */
const bringsEvents = ({ fullDocument, updateDescription }: PaymentChange): boolean =>
  fullDocument !== undefined ||
  Object.keys(updateDescription!.updatedFields).some((field) => /^(events|refunds)(\.\d+)?$/.test(field))

const idOf = ({ documentKey }: PaymentChange): PaymentId => documentKey._id

/** All events of a new document; the ones that an update pushed (`events.2`, `refunds.0`). */
function entriesIn(
  { fullDocument, documentKey, updateDescription }: PaymentChange,
  payment: LoggedPayment,
): NewEntry[] {
  if (fullDocument) return entriesOf(fullDocument)
  const { _id } = documentKey
  const updated = updateDescription!.updatedFields
  const events = (pushed(updated, 'events') as PaymentEvent[]).toSorted((a, b) => a.sequence - b.sequence)
  return [
    ...events.map((event) => entryOf(_id, event, payment)),
    ...(pushed(updated, 'refunds') as Refund[]).flatMap((refund) => entriesOfRefund(_id, refund, payment)),
  ]
}

const elementOf = { events: /^events\.\d+$/, refunds: /^refunds\.\d+$/ } as const

function pushed(updated: Readonly<Record<string, unknown>>, array: keyof typeof elementOf): unknown[] {
  const whole = updated[array]
  if (Array.isArray(whole)) return whole
  const elements = Object.keys(updated).filter((field) => elementOf[array].test(field))
  return elements.map((field) => updated[field])
}
