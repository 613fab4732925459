// The declines of a batch as an ISO 20022 message: FIToFIPaymentStatusReport, in the shape of
// pacs.002.001.10. Pure.
//
// The message refers to the batch’s message of credit transfers (pacs008.ts), which does not hold declined
// payments.

import { reasons } from '../../../schema/values/reasons.ts'
import { compact, transferMessage, type MessageHeader } from './pacs008.ts'
import type { DeclineRow } from './row.ts'
import { element, escaped } from './xml.ts'

/** `original` is the id of the batch’s message of credit transfers. */
export async function* pacs002(
  header: MessageHeader,
  original: string,
  declines: AsyncIterable<DeclineRow>,
): AsyncIterable<string> {
  yield `<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10"><FIToFIPmtStsRpt>\n`
  yield `<GrpHdr>${element('MsgId', escaped(header.id, 35))}${element('CreDtTm', header.createdAt.toISOString())}</GrpHdr>\n`
  yield `<OrgnlGrpInfAndSts>${element('OrgnlMsgId', escaped(original, 35))}${element(
    'OrgnlMsgNmId',
    transferMessage,
  )}</OrgnlGrpInfAndSts>\n`
  for await (const decline of declines) yield status(decline)
  yield '</FIToFIPmtStsRpt></Document>\n'
}

function status({ payment, reference, at, reason }: DeclineRow): string {
  const id = compact(payment)
  const { isoCode, message } = reasons[reason]
  const content = [
    element('OrgnlInstrId', id),
    element('OrgnlEndToEndId', escaped(reference, 35)),
    element('OrgnlTxId', id),
    element('TxSts', 'RJCT'),
    element('StsRsnInf', element('Rsn', element('Cd', isoCode)) + element('AddtlInf', escaped(message, 105))),
    element('AccptncDtTm', at.toISOString()),
  ]
  return `${element('TxInfAndSts', content.join(''))}\n`
}
