// The settlement file as CSV, per RFC 4180: UTF-8, commas, CR LF, a header row. Pure.

import { formatAmount } from '../../../schema/values/money.ts'
import { csvText as text } from '../../shared/csv.ts'
import type { Row } from './row.ts'

/** The name of each column, and the function that gives its cells. */
const columns: readonly (readonly [string, (row: Row) => string])[] = [
  ['id', ({ id }) => text(id)],
  ['kind', ({ kind }) => kind],
  ['payment', ({ payment }) => text(payment)],
  ['rrn', ({ rrn }) => text(rrn)],
  ['reference', ({ reference }) => text(reference)],
  ['completed_at', ({ at }) => at.toISOString()],
  ['settlement_date', ({ settlementDate }) => settlementDate],
  ['corridor', ({ corridor }) => text(corridor)],
  ['wallet', ({ wallet }) => text(wallet)],
  ['acquirer', ({ acquirer }) => text(acquirer)],
  ['merchant', ({ merchant }) => text(merchant)],
  ['merchant_amount', ({ merchantAmount }) => formatAmount(merchantAmount)],
  ['merchant_currency', ({ merchantAmount }) => merchantAmount.currency],
  ['payer_amount', ({ payerAmount }) => formatAmount(payerAmount)],
  ['payer_currency', ({ payerAmount }) => payerAmount.currency],
  ['fee', ({ fee }) => formatAmount(fee)],
  ['fee_currency', ({ fee }) => fee.currency],
  ['rate', ({ rate }) => rate ?? ''],
]

export const csvHeader = `${columns.map(([name]) => name).join(',')}\r\n`

/** Amounts are negative in rows that return money; all other cells are text. */
export const csvLine = (row: Row): string => `${columns.map(([, cellOf]) => cellOf(row)).join(',')}\r\n`
