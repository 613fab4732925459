// Exports the transactions that the caller may read as a file, oldest first: each payment, and after it its
// refunds. A page is read when the client has taken the one before.

import type { Collection, Filter } from 'mongodb'
import { formatAmount, type Money } from '../../../schema/values/money.ts'
import type { PaymentId } from '../../../schema/values/id.ts'
import { refuse, type Refusal } from '../../../schema/values/problems.ts'
import { readForClient } from '../../platform/mongo/client-reads.ts'
import { requireScope, visibilityOf } from '../../shared/access.ts'
import { csvLine, csvText } from '../../shared/csv.ts'
import type { Registry } from '../../shared/registry.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import type { Payment, Refund } from '../payment/payment.ts'
import { firstPaymentId } from '../store/stored-refusal.ts'
import { visibleClauses } from './clauses.ts'

const pageRows = 200

/** Payments after the one with the id `after`. Refuses with FORBIDDEN, or BAD_VALUE for what is no id. */
export function transactionRows(
  { payments, registry }: { readonly payments: Collection<Payment>; readonly registry: Registry },
  context: RequestContext,
  format: 'ndjson' | 'csv',
  after: string | null,
): AsyncIterable<string> | Refusal {
  const refusal = requireScope(context, 'payments:read')
  if (refusal) return refusal
  if (after !== null && !/^[\da-f-]{36}$/.test(after)) {
    return refuse('BAD_VALUE', '`after` is the id of a payment', ['after'])
  }
  const visible = visibleClauses(visibilityOf(context, registry), '')
  const pageAfter = (id: PaymentId | null): Promise<Payment[]> => {
    const rest = id === null ? { _id: { $gte: firstPaymentId } } : { _id: { $gt: id } }
    const filter = { $and: [rest, ...visible] } as Filter<Payment>
    const found = payments.find(filter, {
      sort: { _id: 1 },
      limit: pageRows,
      projection: { events: 0, keys: 0 },
    })
    return readForClient(payments.db, 'list', () => found.toArray())
  }
  return pages(pageAfter, format, after as PaymentId | null)
}

async function* pages(
  pageAfter: (id: PaymentId | null) => Promise<Payment[]>,
  format: 'ndjson' | 'csv',
  after: PaymentId | null,
): AsyncGenerator<string, void> {
  if (format === 'csv') yield csvLine(columns.map(([name]) => name))
  const lineOf = format === 'csv' ? csvOf : jsonOf
  for (let last = after; ;) {
    const page = await pageAfter(last)
    if (page.length > 0) yield page.flatMap(rowsOf).map(lineOf).join('')
    if (page.length < pageRows) return
    last = page.at(-1)!._id
  }
}

interface Row {
  readonly kind: 'PAYMENT' | 'REFUND'
  readonly payment: Payment
  /** The payment itself, or the refund. */
  readonly of: Payment | Refund
}

const rowsOf = (payment: Payment): readonly Row[] => [
  { kind: 'PAYMENT', payment, of: payment },
  ...payment.refunds.map((refund): Row => ({ kind: 'REFUND', payment, of: refund })),
]

const columns: readonly (readonly [string, (row: Row) => string])[] = [
  ['id', ({ of }) => of._id],
  ['kind', ({ kind }) => kind],
  ['payment', ({ payment }) => payment._id],
  ['status', ({ of }) => of.status],
  ['createdAt', ({ of }) => of.createdAt.toISOString()],
  ['updatedAt', ({ of }) => of.updatedAt.toISOString()],
  ['reference', ({ payment }) => payment.reference],
  ['rrn', ({ payment }) => payment.rrn],
  ['entryMode', ({ payment }) => payment.entryMode],
  ['corridor', ({ payment }) => payment.corridor],
  ['wallet', ({ payment }) => payment.wallet],
  ['acquirer', ({ payment }) => payment.acquirer],
  ['merchant', ({ payment }) => payment.merchant],
  ['merchantAmount', ({ of }) => formatAmount(of.merchantAmount)],
  ['merchantCurrency', ({ of }) => of.merchantAmount.currency],
  ['payerAmount', ({ of }) => formatAmount(of.payerAmount)],
  ['payerCurrency', ({ of }) => of.payerAmount.currency],
]

const csvOf = (row: Row): string => csvLine(columns.map(([, cellOf]) => csvText(cellOf(row))))

const jsonOf = ({ kind, payment, of }: Row): string => {
  const { reference, rrn, entryMode, corridor, wallet, acquirer, merchant } = payment
  return `${JSON.stringify({
    id: of._id,
    kind,
    payment: payment._id,
    status: of.status,
    createdAt: of.createdAt,
    updatedAt: of.updatedAt,
    reference,
    rrn,
    entryMode,
    corridor,
    wallet,
    acquirer,
    merchant,
    merchantAmount: moneyOf(of.merchantAmount),
    payerAmount: moneyOf(of.payerAmount),
  })}\n`
}

const moneyOf = (money: Money) => ({ amount: formatAmount(money), currency: money.currency })
