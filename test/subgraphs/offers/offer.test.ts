import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { benefitOf, bestOffer, percentOf, readCircle, type Offer } from '../../../subgraphs/offers/offer.ts'
import { anId } from '../../fixtures/an-id.ts'

const day = 86_400_000
const at = new Date('2026-03-01T00:00:00Z')
const cny = (minor: bigint) => ({ minor, currency: 'CNY' as const })

const anOffer = (changes: Partial<Offer> = {}): Offer => ({
  id: anId('m:1'),
  merchant: anId('m'),
  kind: 'TAX_REFUND',
  title: 'Tax refund',
  currency: 'CNY',
  gift: { basisPoints: 900, amount: null },
  minimum: cny(20_000n),
  maximum: null,
  wallets: null,
  validFrom: new Date(at.getTime() - day),
  validUntil: new Date(at.getTime() + day),
  location: null,
  ...changes,
})

describe('an offer gives', () => {
  test.each([
    { what: 'a share, rounded down', offer: {}, paid: 20_001n, gives: 1_800n },
    { what: 'nothing below its minimum', offer: {}, paid: 19_999n, gives: 0n },
    { what: 'at most its maximum', offer: { maximum: cny(500n) }, paid: 20_000n, gives: 500n },
    {
      what: 'an amount',
      offer: { gift: { basisPoints: null, amount: cny(800n) } },
      paid: 20_000n,
      gives: 800n,
    },
    {
      what: 'never more than is paid',
      offer: { minimum: null, gift: { basisPoints: null, amount: cny(800n) } },
      paid: 300n,
      gives: 300n,
    },
  ])('$what', ({ offer, paid, gives }) => {
    expect(benefitOf(anOffer(offer as Partial<Offer>), cny(paid))).toEqual(cny(gives))
  })

  test('nothing in another currency: WRONG_CURRENCY', () => {
    expect(benefitOf(anOffer(), { minor: 30_000n, currency: 'THB' })).toMatchObject({
      code: 'WRONG_CURRENCY',
      path: ['amount', 'currency'],
    })
  })
})

describe('the offer that a payment gets', () => {
  const payment = { amount: cny(30_000n), wallet: anId<never>('wallet-sg-01'), at }
  const given = (...offers: Offer[]) => bestOffer(offers, payment)?.offer.id ?? null

  test('is valid when the payment was created: its end is exclusive', () => {
    expect(given(anOffer({ validUntil: at }))).toBe(null)
    expect(given(anOffer({ validFrom: at }))).toBe('m:1')
  })

  test('is for its wallet', () => {
    expect(given(anOffer({ wallets: [anId('wallet-th-01')] }))).toBe(null)
    expect(given(anOffer({ wallets: [anId('wallet-sg-01')] }))).toBe('m:1')
  })

  test('is the best of all, and the first by id among equal ones, in any order', () => {
    const offer = fc.record({ number: fc.nat(20), basisPoints: fc.integer({ min: 0, max: 1_000 }) })
    fc.assert(
      fc.property(fc.uniqueArray(offer, { selector: ({ number }) => number, maxLength: 8 }), (rows) => {
        const offers = rows.map(({ number, basisPoints }) =>
          anOffer({ id: anId(`m:${String(number).padStart(2, '0')}`), gift: { basisPoints, amount: null } }),
        )
        const best = bestOffer(offers, payment)
        const most = Math.max(0, ...rows.map(({ basisPoints }) => basisPoints))
        expect(best?.benefit.minor ?? 0n).toBe((30_000n * BigInt(most)) / 10_000n)
        expect(bestOffer(offers.toReversed(), payment)).toEqual(best)
      }),
    )
  })
})

test.each([
  [900, '9'],
  [750, '7.5'],
  [1000, '10'],
  [1, '0.01'],
])('%i hundredths of a percent are “%s” percent', (basisPoints, percent) => {
  expect(percentOf(basisPoints)).toBe(percent)
})

test.each([
  { lat: 91, lng: 0, radiusMeters: 1, field: 'lat' },
  { lat: 0, lng: -181, radiusMeters: 1, field: 'lng' },
  { lat: 0, lng: 0, radiusMeters: 0, field: 'radiusMeters' },
  { lat: 0, lng: 0, radiusMeters: 50_001, field: 'radiusMeters' },
])('a circle with an invalid $field is BAD_VALUE', ({ field, ...circle }) => {
  expect(readCircle(circle)).toMatchObject({ code: 'BAD_VALUE', path: ['near', field] })
})
