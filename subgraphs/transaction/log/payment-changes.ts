// The changes of the collection `payments`, as events for the log.

import type { Db, Timestamp } from 'mongodb'
import { openChangeStream, type ChangeStream } from '../../platform/mongo/change-stream.ts'
import { RecentMap } from '../../platform/async/recent-map.ts'
import { firstPaymentId } from '../store/stored-refusal.ts'
import type { Step } from './log-writer.ts'
import {
  entriesOf,
  entriesOfRefund,
  loggedPayment,
  projectionOf,
  unplaced,
  type Logged,
  type Unplaced,
} from './entries-of-payment.ts'
import type { LoggedPayment } from '../../log/entry.ts'
import type { PaymentEvent, Refund } from '../payment/payment.ts'

export interface PaymentChange {
  /** Its resume token. */
  readonly _id: unknown
  readonly clusterTime: Timestamp
  readonly operationType: 'insert' | 'update' | 'replace'
  readonly documentKey: { readonly _id: string }
  readonly fullDocument?: Logged
  readonly updateDescription?: { readonly updatedFields: Readonly<Record<string, unknown>> }
}

/** From now on when `resumeAfter` is null. */
export const openPayments = (db: Db, resumeAfter: unknown): Promise<ChangeStream<PaymentChange>> =>
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
          ...projectionOf('fullDocument.'),
        },
      },
    ],
  })

/**
 * Turns each change into the events that it brings, in order. An update does not carry the payment, whose facts each entry
 * needs: they are known from its insertion, or read.
 */
export function eventReader(db: Db): (changes: readonly PaymentChange[]) => Promise<Required<Step>[]> {
  const payments = db.collection<Logged>('payments')
  const recent = new RecentMap<string, LoggedPayment>(2 * recentMax)

  const factsOf = async (changes: readonly PaymentChange[]): Promise<ReadonlyMap<string, LoggedPayment>> => {
    const facts = new Map<string, LoggedPayment>()
    for (const { documentKey, fullDocument } of changes) {
      const known = fullDocument ? loggedPayment(fullDocument) : recent.get(documentKey._id)
      if (known) facts.set(documentKey._id, known)
    }
    const unknown = changes.filter(bringsEvents).flatMap((change) => {
      const id = idOf(change)
      return facts.has(id) ? [] : [id]
    })
    if (unknown.length > 0) {
      const found = payments.find({ _id: { $in: unknown } }, { projection: projectionOf('') })
      for await (const payment of found) facts.set(payment._id, loggedPayment(payment))
    }
    for (const [id, known] of facts) recent.set(id, known)
    return facts
  }

  return async (changes) => {
    const facts = await factsOf(changes)
    return changes.map((change) => {
      const known = facts.get(idOf(change))
      // Without facts it was removed by hand since: there is nothing left to say about it.
      return { events: known ? entriesIn(change, known) : [], token: change._id }
    })
  }
}

/** Facts of so many payments are kept. */
const recentMax = 20_000

/** True when a change gives all events of a payment, not just new ones: somebody has replaced it by hand. */
export const isWhole = ({ operationType, updateDescription }: PaymentChange): boolean =>
  operationType === 'replace' ||
  ['events', 'refunds'].some((array) => Array.isArray(updateDescription?.updatedFields[array]))

/** False for a mark, such as that it is settled: thousands of them come at once, and none is worth a look. */
const bringsEvents = ({ fullDocument, updateDescription }: PaymentChange): boolean =>
  fullDocument !== undefined ||
  Object.keys(updateDescription!.updatedFields).some((field) => /^(events|refunds)(\.\d+)?$/.test(field))

const idOf = ({ documentKey }: PaymentChange): string => documentKey._id

/** What a change brings: all events for a new document, what was pushed (`events.2`, `refunds.0`) for an update. */
function entriesIn(
  { fullDocument, documentKey, updateDescription }: PaymentChange,
  facts: LoggedPayment,
): Unplaced[] {
  if (fullDocument) return entriesOf(fullDocument)
  const { _id } = documentKey
  const updated = updateDescription!.updatedFields
  const events = (pushed(updated, 'events') as PaymentEvent[]).toSorted((a, b) => a.sequence - b.sequence)
  return [
    ...events.map((event) => unplaced(_id, event, facts)),
    ...(pushed(updated, 'refunds') as Refund[]).flatMap((refund) => entriesOfRefund(_id, refund, facts)),
  ]
}

const elementOf = { events: /^events\.\d+$/, refunds: /^refunds\.\d+$/ } as const

function pushed(updated: Readonly<Record<string, unknown>>, array: keyof typeof elementOf): unknown[] {
  const whole = updated[array]
  if (Array.isArray(whole)) return whole
  const elements = Object.keys(updated).filter((field) => elementOf[array].test(field))
  return elements.map((field) => updated[field])
}
