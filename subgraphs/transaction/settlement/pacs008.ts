// A batch as an ISO 20022 message: FIToFICustomerCreditTransfer, in the shape of pacs.008.001.08. Pure.
//
// Each payment is a credit transfer from the payer’s wallet (debtor agent) to the merchant’s acquirer
// (creditor agent). The settled amount is the merchant’s; the instructed amount is the payer’s, fee included.
//
// Refunds, and cancelled payments of earlier batches, go the other way, with their kind as purpose. A payment
// that was cancelled in the same batch is left out. The header has one total per currency where the schema
// has room for a single one, so a batch in several currencies departs from the schema. The hub does not store
// the names of payers, and identifies merchants by their ids.

import type { Currency } from '../../../schema/values/currency.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'
import { formatAmount, money } from '../../../schema/values/money.ts'
import { hubParticipant } from '../../shared/registry.ts'
import type { Row } from './row.ts'
import { element, escaped } from './xml.ts'

export interface MessageHeader {
  /** At most 35 characters. */
  readonly id: string
  readonly createdAt: Date
  readonly settlementDate: string
}

export const transferMessage = 'pacs.008.001.08'

/** The totals in a message’s header, which precedes the first transfer. */
export class TransferTotals {
  count = 0
  readonly sums = new Map<Currency, bigint>()

  add(row: Row): void {
    if (row.isCancelledOut) return
    const { currency, minor } = row.merchantAmount
    this.count++
    this.sums.set(currency, (this.sums.get(currency) ?? 0n) + (minor < 0n ? -minor : minor))
  }
}

export async function* pacs008(
  header: MessageHeader,
  totals: Pick<TransferTotals, 'count' | 'sums'>,
  rows: AsyncIterable<Row>,
): AsyncIterable<string> {
  const sums = [...totals.sums]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, minor]) => amount('TtlIntrBkSttlmAmt', currency, minor))
    .join('')
  yield `<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:${transferMessage}"><FIToFICstmrCdtTrf>\n`
  yield `<GrpHdr>${element('MsgId', escaped(header.id, 35))}${element('CreDtTm', header.createdAt.toISOString())}${element(
    'NbOfTxs',
    String(totals.count),
  )}${sums}${element('IntrBkSttlmDt', header.settlementDate)}<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>\n`
  for await (const row of rows) if (!row.isCancelledOut) yield transfer(row)
  yield '</FIToFICstmrCdtTrf></Document>\n'
}

function transfer(row: Row): string {
  const { merchantAmount, payerAmount, fee } = row
  const isReturn = merchantAmount.minor < 0n || payerAmount.minor < 0n
  const merchant = {
    name: element('Nm', escaped(row.merchant, 140)),
    agent: agent(row.acquirer),
  }
  const payer = { name: element('Nm', 'NOTPROVIDED'), agent: agent(row.wallet) }
  const [debtor, creditor] = isReturn ? [merchant, payer] : [payer, merchant]
  const charge =
    fee.minor > 0n
      ? element('ChrgsInf', amount('Amt', fee.currency, fee.minor) + element('Agt', agent(hubParticipant)))
      : ''
  const id = compact(row.id)
  const content = [
    element(
      'PmtId',
      element('InstrId', id) +
        element('EndToEndId', escaped(row.reference, 35)) +
        element('TxId', id) +
        element('ClrSysRef', escaped(row.rrn, 35)),
    ),
    amount('IntrBkSttlmAmt', merchantAmount.currency, absolute(merchantAmount.minor)),
    element('IntrBkSttlmDt', row.settlementDate),
    element('AccptncDtTm', row.at.toISOString()),
    amount('InstdAmt', payerAmount.currency, absolute(payerAmount.minor)),
    element('XchgRate', row.rate ?? ''),
    element('ChrgBr', 'DEBT'),
    charge,
    element('Dbtr', debtor.name),
    element('DbtrAgt', debtor.agent),
    element('CdtrAgt', creditor.agent),
    element('Cdtr', creditor.name),
    element('Purp', element('Prtry', row.kind)),
    isReturn ? element('RmtInf', element('Ustrd', `payment ${escaped(row.payment, 132)}`)) : '',
  ]
  return `${element('CdtTrfTxInf', content.join(''))}\n`
}

/** A UUID without dashes, which fits the 35 characters of ISO 20022. */
export const compact = (id: string): string => escaped(id.replaceAll('-', ''), 35)

const agent = (participant: ParticipantId): string =>
  element('FinInstnId', element('Othr', element('Id', escaped(participant, 35))))

const amount = (name: string, currency: Currency, minor: bigint): string =>
  element(name, formatAmount(money(minor, currency)), ` Ccy="${currency}"`)

const absolute = (minor: bigint): bigint => (minor < 0n ? -minor : minor)
