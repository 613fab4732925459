import { expect, test } from 'vitest'
import { csvHeader, csvLine } from '../../../../subgraphs/transaction/settlement/csv.ts'
import type { Row } from '../../../../subgraphs/transaction/settlement/row.ts'
import { money } from '../../../../schema/values/money.ts'
import { cellsOf, formulaStarts } from '../../../fixtures/csv.ts'

const row = (text: string): Row => ({
  kind: 'PAYMENT',
  id: text as Row['id'],
  payment: text as Row['payment'],
  rrn: text,
  reference: text,
  at: new Date(0),
  settlementDate: '2026-03-01',
  corridor: text as Row['corridor'],
  wallet: text as Row['wallet'],
  acquirer: text as Row['acquirer'],
  merchant: text as Row['merchant'],
  merchantAmount: money(-100n, 'CNY'),
  payerAmount: money(-20n, 'SGD'),
  fee: money(0n, 'SGD'),
  rate: null,
  isCancelledOut: false,
})

test.each(formulaStarts)('no text that begins with %j is a formula in a settlement file', (start) => {
  const [names, cells] = cellsOf(csvHeader + csvLine(row(`${start}cmd`)))
  expect(cells).toHaveLength(names!.length)
  // Amounts and their currencies are made by the hub: all other cells may be of a client.
  const texts = cells!.filter((_, n) => !/amount|currency|fee/.test(names![n]!))
  expect(texts.filter((cell) => /^[=+\-@\t\r\n]/.test(cell))).toEqual([])
  expect(texts.filter((cell) => cell === `'${start}cmd`)).toHaveLength(8)
})
