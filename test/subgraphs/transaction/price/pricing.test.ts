import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { currencies, type Currency } from '../../../../schema/values/currency.ts'
import { formatAmount, money, type Money } from '../../../../schema/values/money.ts'
import { isRefusal, type Refusal } from '../../../../schema/values/problems.ts'
import { convertCeil, convertFloor, invert } from '../../../../schema/values/rate.ts'
import { postingsOf } from '../../../../subgraphs/transaction/payment/posting.ts'
import {
  checkLimit,
  exactly,
  priceFixedMerchant,
  priceFixedPayer,
  type Price,
} from '../../../../subgraphs/transaction/price/pricing.ts'
import { builtInRates, tableRates } from '../../../../subgraphs/transaction/price/rates.ts'
import { aCorridor } from '../../../fixtures/a-programme.ts'
import { anId } from '../../../fixtures/an-id.ts'

const free = aCorridor('SG-CN', { fees: { freeUpTo: money(20_000n, 'CNY'), basisPoints: 0 } })
const priced = (price: Price | Refusal): Price => {
  if (isRefusal(price)) throw new Error(price.message)
  return price
}
const shown = (amount: Money): string => `${formatAmount(amount)} ${amount.currency}`

describe('pricing a fixed merchant amount', () => {
  test.each([
    { pays: 'SGD', amount: money(8_850n, 'CNY'), base: '16.03 SGD', fee: '0.00 SGD', reporting: '88.50 CNY' },
    { pays: 'JPY', amount: money(8_850n, 'CNY'), base: '1840 JPY', fee: '0 JPY', reporting: '88.50 CNY' },
    {
      pays: 'KWD',
      amount: money(8_850n, 'CNY'),
      base: '3.816 KWD',
      fee: '0.000 KWD',
      reporting: '88.50 CNY',
    },
    { pays: 'CNY', amount: money(8_850n, 'CNY'), base: '88.50 CNY', fee: '0.00 CNY', reporting: '88.50 CNY' },
    {
      pays: 'SGD',
      amount: money(20_000n, 'CNY'),
      base: '36.23 SGD',
      fee: '0.00 SGD',
      reporting: '200.00 CNY',
    },
    {
      pays: 'SGD',
      amount: money(20_001n, 'CNY'),
      base: '37.32 SGD',
      fee: '1.09 SGD',
      reporting: '200.01 CNY',
    },
    {
      pays: 'CNY',
      amount: money(50_000n, 'THB'),
      base: '112.37 CNY',
      fee: '0.00 CNY',
      reporting: '112.37 CNY',
    },
    {
      pays: 'SGD',
      amount: money(50_000n, 'THB'),
      base: '20.25 SGD',
      fee: '0.00 SGD',
      reporting: '111.80 CNY',
    },
  ] as const)('$amount.minor $amount.currency in $pays', ({ pays, amount, base, fee, reporting }) => {
    const price = priced(priceFixedMerchant(amount, pays, aCorridor('SG-CN'), builtInRates))
    expect([price.payerAmount, price.fee, price.reporting].map(shown)).toEqual([base, fee, reporting])
    expect(price.merchantAmount).toEqual(amount)
  })

  test('without a rate is refused', () => {
    const provider = tableRates({ SGD: '5.5' }, new Date(0), 0)
    expect(priceFixedMerchant(money(1n, 'CNY'), 'THB', free, provider)).toMatchObject({
      code: 'RATE_UNAVAILABLE',
    })
  })

  test('keeps the mid rate and the mark-up apart', () => {
    const { rate } = priced(priceFixedMerchant(money(100n, 'CNY'), 'SGD', free, builtInRates))
    expect(rate).toMatchObject({
      source: 'SGD',
      target: 'CNY',
      mid: '5.549',
      value: '5.521255',
      markupBasisPoints: 50,
    })
  })

  test('above the largest amount of the hub is refused', () => {
    const price = priceFixedMerchant(money(9_000_000_000_000_000n, 'CNY'), 'VND', free, builtInRates)
    expect(price).toMatchObject({ code: 'AMOUNT_TOO_LARGE', path: ['input', 'amount'] })
  })
})

describe('pricing a fixed payer amount', () => {
  test('the payer spends exactly that and the merchant receives the rest, rounded down', () => {
    const price = priced(priceFixedPayer(money(10_000n, 'SGD'), 'CNY', aCorridor('SG-CN'), builtInRates))
    expect([price.payerAmount, price.fee, price.merchantAmount].map(shown)).toEqual([
      '100.00 SGD',
      '2.91 SGD',
      '536.05 CNY',
    ])
  })

  test('that rounds to zero is refused', () => {
    expect(priceFixedPayer(money(1n, 'VND'), 'CNY', free, builtInRates)).toMatchObject({
      code: 'AMOUNT_NOT_POSITIVE',
    })
  })
})

describe('the limit for one payment', () => {
  const corridor = aCorridor('SG-CN', {
    limits: { perPayment: money(50_000n, 'CNY'), perDay: money(0n, 'CNY') },
  })

  test('is inclusive', () => {
    expect(checkLimit(money(50_000n, 'CNY'), corridor, builtInRates)).toBeNull()
    expect(checkLimit(money(50_001n, 'CNY'), corridor, builtInRates)).toMatchObject({
      __typename: 'LimitExceeded',
      code: 'LIMIT_PER_PAYMENT',
      path: ['input', 'amount'],
      limit: money(50_000n, 'CNY'),
      used: money(0n, 'CNY'),
      resetsAt: null,
    })
  })

  test('counts in its own currency, at the mid rate', () => {
    expect(checkLimit(money(223_613n, 'THB'), corridor, builtInRates)).toBeNull()
    expect(checkLimit(money(223_640n, 'THB'), corridor, builtInRates)).toMatchObject({
      code: 'LIMIT_PER_PAYMENT',
    })
  })
})

const aCurrency = fc.constantFrom<Currency>(...currencies)
const someMinor = fc.bigInt(1n, 1_000_000_000n)
const someBasisPoints = fc.integer({ min: 0, max: 1000 })

describe('for all amounts and currencies', () => {
  test('what is printed as the rate gives what is charged', () => {
    fc.assert(
      fc.property(aCurrency, aCurrency, someMinor, (payer, merchant, minor) => {
        const price = priced(priceFixedMerchant(money(minor, merchant), payer, free, builtInRates))
        const charged = price.rate
          ? convertCeil(price.merchantAmount, invert(exactly(price.rate)))
          : price.merchantAmount
        expect(charged).toEqual(price.payerAmount)
        expect(price.rate === null).toBe(payer === merchant)
      }),
    )
  })

  test('converting there and back never gains the payer anything', () => {
    fc.assert(
      fc.property(aCurrency, aCurrency, someMinor, (home, abroad, minor) => {
        const there = priceFixedPayer(money(minor, home), abroad, free, builtInRates)
        if (isRefusal(there)) return
        const back = priceFixedPayer(there.merchantAmount, home, free, builtInRates)
        if (!isRefusal(back)) expect(back.merchantAmount.minor).toBeLessThanOrEqual(minor)
        const undone = there.rate
          ? convertFloor(there.merchantAmount, invert(exactly(there.rate)))
          : there.merchantAmount
        expect(undone.minor).toBeLessThanOrEqual(minor)
      }),
    )
  })

  test('the postings sum to zero per currency, and the spread is never negative', () => {
    fc.assert(
      fc.property(
        aCurrency,
        aCurrency,
        someMinor,
        someBasisPoints,
        fc.boolean(),
        (payer, merchant, minor, basisPoints, isPayerFixed) => {
          const corridor = aCorridor('SG-CN', { fees: { freeUpTo: money(20_000n, 'CNY'), basisPoints } })
          const price = isPayerFixed
            ? priceFixedPayer(money(minor, payer), merchant, corridor, builtInRates)
            : priceFixedMerchant(money(minor, merchant), payer, corridor, builtInRates)
          if (isRefusal(price)) return
          const postings = postingsOf(price, {
            wallet: anId('wallet-sg-01'),
            acquirer: anId('acquirer-cn-01'),
          })
          const sums = new Map<Currency, bigint>()
          for (const posting of postings) {
            sums.set(posting.currency, (sums.get(posting.currency) ?? 0n) + posting.minor)
            expect(posting.minor).not.toBe(0n)
            if (posting.account === 'SPREAD') expect(posting.minor).toBeGreaterThan(0n)
          }
          expect([...sums.values()].every((sum) => sum === 0n)).toBe(true)
          const owed = postings.find(({ account }) => account === 'ACQUIRER')
          expect(owed).toMatchObject({ participant: 'acquirer-cn-01', minor: price.merchantAmount.minor })
        },
      ),
    )
  })

  test('cross rates go through CNY exactly', () => {
    fc.assert(
      fc.property(aCurrency, aCurrency, aCurrency, (a, b, c) => {
        const [ab, bc, ac] = [
          builtInRates.midRate(a, b)!.mid,
          builtInRates.midRate(b, c)!.mid,
          builtInRates.midRate(a, c)!.mid,
        ]
        expect(ab.numerator * bc.numerator * ac.denominator).toBe(
          ab.denominator * bc.denominator * ac.numerator,
        )
      }),
    )
  })
})
