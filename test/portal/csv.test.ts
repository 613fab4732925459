import fc from 'fast-check'
import { expect, test } from 'vitest'
import { csvOf } from '../../portal/pages/payments/csv.ts'
import { cellsOf, formulaStarts } from '../fixtures/csv.ts'

test.each(formulaStarts)('a cell that begins with %j is no formula for a spreadsheet', (start) => {
  const [[cell]] = cellsOf(csvOf([[`${start}HYPERLINK("http://x","y")`]])) as [[string]]
  expect(cell).toBe(`'${start}HYPERLINK("http://x","y")`)
})

test('an amount stays a number, also a negative one', () => {
  expect(csvOf([['-12.50', '12']])).toBe('-12.50,12\r\n')
})

test('any texts come back as they were, but for the apostrophe, and none begins a formula', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 5 }), (row) => {
      const [cells] = cellsOf(csvOf([row]))
      expect(cells!.map((cell, n) => (cell === row[n] ? cell : cell.replace(/^'/, '')))).toEqual(row)
      for (const cell of cells!) expect(/^[=+@\t\r\n]|^-(?!\d+(\.\d+)?$)/.test(cell)).toBe(false)
    }),
  )
})
