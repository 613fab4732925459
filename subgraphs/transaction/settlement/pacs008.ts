// A batch as an ISO 20022 message: FIToFICustomerCreditTransfer, in the shape of pacs.008.001.08. Pure.
//
// Each payment is a credit transfer from the payer's wallet (debtor agent) to the merchant's acquirer (creditor agent): what is
// settled is the merchant's amount, what was instructed is the payer's, fee included. Refunds, and payments of earlier batches that
// were taken back, go the other way, with their kind as purpose; a payment that was taken back in the same batch is left out. The
// message has one total per currency where the schema has room for one: with a single currency it is what the schema says.
// Names of payers are not known here, and merchants go by their id.

import type { Currency } from '../../../schema/values/currency.ts'
import { formatAmount, money } from '../../../schema/values/money.ts'
import { hubParticipant } from '../payment/posting.ts'
import type { Row } from './row.ts'
import { element, escaped } from './xml.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'

export interface MessageHead {
  /** At most 35 characters. */
  readonly id: string
  readonly createdAt: Date
  readonly settlementDate: string
}

export const transferMessage = 'pacs.008.001.08'

/** What a message's header has to say before its first transfer is read. */
export class TransferTally {
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
  head: MessageHead,
  tally: Pick<TransferTally, 'count' | 'sums'>,
  rows: AsyncIterable<Row>,
): AsyncIterable<string> {
  const totals = [...tally.sums]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, minor]) => amount('TtlIntrBkSttlmAmt', currency, minor))
    .join('')
  yield `<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:${transferMessage}"><FIToFICstmrCdtTrf>\n`
  yield `<GrpHdr>${element('MsgId', escaped(head.id, 35))}${element('CreDtTm', head.createdAt.toISOString())}${element(
    'NbOfTxs',
    String(tally.count),
  )}${totals}${element('IntrBkSttlmDt', head.settlementDate)}<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>\n`
  for await (const row of rows) if (!row.isCancelledOut) yield transfer(row)
  yield '</FIToFICstmrCdtTrf></Document>\n'
}

function transfer(row: Row): string {
  const { merchantAmount, payerAmount, fee } = row
  const isBack = merchantAmount.minor < 0n || payerAmount.minor < 0n
  const merchant = {
    name: element('Nm', escaped(row.merchant, 140)),
    agent: agent(row.acquirer),
  }
  const payer = { name: element('Nm', 'NOTPROVIDED'), agent: agent(row.wallet) }
  const [debtor, creditor] = isBack ? [merchant, payer] : [payer, merchant]
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
    isBack ? element('RmtInf', element('Ustrd', `payment ${escaped(row.payment, 132)}`)) : '',
  ]
  return `${element('CdtTrfTxInf', content.join(''))}\n`
}

/** A UUID without dashes: ISO 20022 has 35 characters for it. */
export const compact = (id: string): string => escaped(id.replaceAll('-', ''), 35)

const agent = (participant: ParticipantId): string =>
  element('FinInstnId', element('Othr', element('Id', escaped(participant, 35))))

const amount = (name: string, currency: Currency, minor: bigint): string =>
  element(name, formatAmount(money(minor, currency)), ` Ccy="${currency}"`)

const absolute = (minor: bigint): bigint => (minor < 0n ? -minor : minor)
