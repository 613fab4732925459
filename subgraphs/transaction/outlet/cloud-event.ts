// An event of the log as a CloudEvent 1.0 in its structured JSON form:
//
//   { "specversion": "1.0", "id": "8760", "source": "/crossgate", "type": "crossgate.payment.approved",
//     "subject": "0190…", "time": "2026-03-01T04:00:00.120Z", "datacontenttype": "application/json",
//     "data": { "position", "sequence", "from", "to", "reason", "payment": {…}, "refundOf",
//               "settlementDate", "postings": […] } }
//
// `id` is the position in the log, so `source` and `id` name an event once. `type` has "payment" or
// "refund" and the event’s StepKind in lower case.

import { formatAmount, money } from '../../../schema/values/money.ts'
import { reasons } from '../../../schema/values/reasons.ts'
import { paymentIdOf, type LogEntry } from '../../log/entry.ts'

export interface OutletEvent {
  /** Its place in the log. */
  readonly position: bigint
  /** Id of the payment: a message broker with partitions keeps the events of one in order by it. */
  readonly key: string
  readonly body: string
}

/** `source` is the same for all events of a hub, and another for another hub. */
export function cloudEventOf(entry: LogEntry, source: string): OutletEvent {
  const { _id: position, transaction, kind, at, refundOf } = entry
  const body = {
    specversion: '1.0',
    id: String(position),
    source,
    type: `crossgate.${refundOf ? 'refund' : 'payment'}.${kind.toLowerCase()}`,
    subject: transaction,
    time: at.toISOString(),
    datacontenttype: 'application/json',
    data: dataOf(entry),
  }
  return { position, key: paymentIdOf(entry), body: JSON.stringify(body) }
}

function dataOf({ _id, sequence, from, to, reason, payment, refundOf, booking }: LogEntry) {
  const { reportingMinor, createdAt, ...facts } = payment
  return {
    position: String(_id),
    sequence,
    from,
    to,
    reason: reason && { code: reason, isoCode: reasons[reason].isoCode },
    payment: {
      ...facts,
      createdAt: createdAt.toISOString(),
      reportingAmount: moneyJson(reportingMinor, 'CNY'),
    },
    ...(refundOf && { refundOf }),
    ...(booking && {
      settlementDate: booking.settlementDate,
      postings: booking.postings.map(({ account, participant, currency, minor }) => ({
        account,
        participant,
        amount: moneyJson(minor, currency),
      })),
    }),
  }
}

const moneyJson = (minor: bigint, currency: Parameters<typeof money>[1]) => ({
  amount: formatAmount(money(minor, currency)),
  currency,
})
