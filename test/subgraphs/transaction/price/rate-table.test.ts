import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { currencies, digitsOf, type Currency } from '../../../../schema/values/currency.ts'
import { money } from '../../../../schema/values/money.ts'
import { isRefusal } from '../../../../schema/values/problems.ts'
import { convertFloor, convertHalfUp } from '../../../../schema/values/rate.ts'
import { priceFixedPayer } from '../../../../subgraphs/transaction/price/pricing.ts'
import {
  checkFollows,
  readRateTable,
  type RateTable,
} from '../../../../subgraphs/transaction/price/rate-table.ts'
import { builtInTable, tableRates } from '../../../../subgraphs/transaction/price/rates.ts'
import { aCorridor } from '../../../fixtures/a-programme.ts'

const noon = new Date('2026-03-01T12:00:00Z')
const rows = [
  { currency: 'SGD', cny: '5.5490' },
  { currency: 'JPY', cny: '0.04836' },
]
const aTable = (changes: object = {}) =>
  readRateTable({ rows, asOf: noon, markupBasisPoints: 50, ...changes }, ['input'])

describe('a table of rates', () => {
  test('is read with each rate in its normal form', () => {
    expect(aTable()).toEqual({ cny: { SGD: '5.549', JPY: '0.04836' }, asOf: noon, markupBasisPoints: 50 })
    expect(aTable({ rows: [...rows, { currency: 'CNY', cny: '1.0' }] })).toEqual(aTable())
    for (const cny of ['0.00001', '1000', '0.0000100001', '999.9999999999']) {
      expect(isRefusal(aTable({ rows: [{ currency: 'SGD', cny }] }))).toBe(false)
    }
  })

  const second = (row: object) => ({ rows: [rows[0], { ...rows[1], ...row }] })
  test.each([
    { changes: { rows: [] }, code: 'BAD_VALUE', path: 'rows' },
    { changes: second({ currency: 'XXX' }), code: 'UNKNOWN_CURRENCY', path: 'rows.1.currency' },
    { changes: second({ currency: 'SGD' }), code: 'BAD_VALUE', path: 'rows.1.currency' },
    { changes: second({ cny: '' }), code: 'RATE_MALFORMED', path: 'rows.1.cny' },
    { changes: second({ cny: '1,5' }), code: 'RATE_MALFORMED', path: 'rows.1.cny' },
    { changes: second({ cny: '1e3' }), code: 'RATE_MALFORMED', path: 'rows.1.cny' },
    { changes: second({ cny: '.5' }), code: 'RATE_MALFORMED', path: 'rows.1.cny' },
    { changes: second({ cny: '0' }), code: 'RATE_NOT_POSITIVE', path: 'rows.1.cny' },
    { changes: second({ cny: '0.00' }), code: 'RATE_NOT_POSITIVE', path: 'rows.1.cny' },
    { changes: second({ cny: '-5' }), code: 'RATE_NOT_POSITIVE', path: 'rows.1.cny' },
    { changes: second({ cny: '0.12345678901' }), code: 'RATE_TOO_PRECISE', path: 'rows.1.cny' },
    { changes: second({ cny: '0.0000099999' }), code: 'RATE_OUT_OF_RANGE', path: 'rows.1.cny' },
    { changes: second({ cny: '1000.0000000001' }), code: 'RATE_OUT_OF_RANGE', path: 'rows.1.cny' },
    { changes: second({ currency: 'CNY', cny: '1.01' }), code: 'BAD_VALUE', path: 'rows.1.cny' },
    { changes: { markupBasisPoints: -1 }, code: 'BAD_VALUE', path: 'markupBasisPoints' },
    { changes: { markupBasisPoints: 1001 }, code: 'BAD_VALUE', path: 'markupBasisPoints' },
    { changes: { markupBasisPoints: 0.5 }, code: 'BAD_VALUE', path: 'markupBasisPoints' },
  ])('is refused with $changes', ({ changes, code, path }) => {
    expect(aTable(changes)).toMatchObject({ kind: 'refused', code, path: `input.${path}`.split('.') })
  })

  test.each([
    { asOf: '2026-03-01T12:00:00.000Z', follows: true },
    { asOf: '2026-02-22T12:00:00.000Z', follows: true },
    { asOf: '2026-02-22T11:59:59.999Z', follows: false },
    { asOf: '2026-03-01T12:00:00.001Z', follows: false },
  ])('as of $asOf may be set now: $follows', ({ asOf, follows }) => {
    const refusal = checkFollows({ asOf: new Date(asOf) }, builtInTable, noon)
    if (follows) expect(refusal).toBeNull()
    else expect(refusal).toMatchObject({ code: 'BAD_VALUE', path: ['input', 'asOf'] })
  })

  test('follows only an earlier table', () => {
    expect(checkFollows({ asOf: noon }, { asOf: noon }, noon)).toMatchObject({ path: ['input', 'asOf'] })
    expect(checkFollows({ asOf: noon }, { asOf: new Date(noon.getTime() - 1) }, noon)).toBeNull()
  })
})

describe('with any table that may be set', () => {
  const foreign = currencies.filter((currency) => currency !== 'CNY')
  /** In units of the tenth digit after the point, from the least to the most. */
  const aRate = fc
    .oneof(
      fc.bigInt(100_000n, 10_000_000_000_000n),
      fc.bigInt(100_000n, 100_010n),
      fc.bigInt(9_999_999_999_990n, 10_000_000_000_000n),
    )
    .map((units) => `${units / 10n ** 10n}.${(units % 10n ** 10n).toString().padStart(10, '0')}`)
  const someTable = fc
    .record({
      rates: fc.uniqueArray(fc.tuple(fc.constantFrom(...foreign), aRate), {
        minLength: 2,
        maxLength: 8,
        selector: ([currency]) => currency,
      }),
      markupBasisPoints: fc.integer({ min: 0, max: 1000 }),
    })
    .map(({ rates, markupBasisPoints }) => {
      const tableRows = rates.map(([currency, cny]) => ({ currency, cny }))
      const table = readRateTable({ rows: tableRows, asOf: noon, markupBasisPoints }, [])
      if (isRefusal(table)) throw new Error(table.message)
      return table
    })
  const pairOf = (table: RateTable): [Currency, Currency] => Object.keys(table.cny) as [Currency, Currency]
  const free = aCorridor('SG-CN', {
    fees: { freeUpTo: money(9_000_000_000_000_000n, 'CNY'), basisPoints: 0 },
  })

  test('a cross rate there and back is one, exactly', () => {
    fc.assert(
      fc.property(someTable, (table) => {
        const [a, b] = pairOf(table)
        const rates = tableRates(table.cny, noon, 0)
        const [there, back] = [rates.midRate(a, b)!.mid, rates.midRate(b, a)!.mid]
        expect(there.numerator * back.numerator).toBe(there.denominator * back.denominator)
      }),
    )
  })

  test('converting there and back never gains anything', () => {
    fc.assert(
      fc.property(someTable, fc.bigInt(1n, 10n ** 15n), (table, minor) => {
        const [home, abroad] = pairOf(table)
        const rates = tableRates(table.cny, noon, table.markupBasisPoints)
        const there = convertFloor(money(minor, home), rates.midRate(home, abroad)!.mid)
        expect(convertFloor(there, rates.midRate(abroad, home)!.mid).minor).toBeLessThanOrEqual(minor)

        const paid = priceFixedPayer(money(minor, home), abroad, free, rates)
        if (isRefusal(paid)) return
        const back = priceFixedPayer(paid.merchantAmount, home, free, rates)
        if (!isRefusal(back)) expect(back.merchantAmount.minor).toBeLessThanOrEqual(minor)
      }),
    )
  })

  test('any two currencies have a rate above zero, and a price or a refusal', () => {
    fc.assert(
      fc.property(someTable, fc.bigInt(1n, 10n ** 15n), (table, minor) => {
        const [payer, merchant] = pairOf(table)
        const rates = tableRates(table.cny, noon, table.markupBasisPoints)
        const price = priceFixedPayer(money(minor, payer), merchant, free, rates)
        if (isRefusal(price)) {
          expect(price.code).toMatch(/^AMOUNT_(NOT_POSITIVE|TOO_LARGE)$/)
          return
        }
        expect(Number(price.rate!.value)).toBeGreaterThan(0)
        // Never more than the mid rate yields.
        const most = convertHalfUp(money(minor, payer), rates.midRate(payer, merchant)!.mid).minor
        expect(price.merchantAmount.minor).toBeLessThanOrEqual(most)
        expect(digitsOf(price.merchantAmount.currency)).toBe(digitsOf(merchant))
      }),
    )
  })
})
