import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { makePayments } from '../../dataset/payments.ts'
import { digitsOf } from '../../schema/values/currency.ts'
import { convertHalfUp } from '../../schema/values/rate.ts'
import { builtInRates, reportingFen, type PastPayment } from '../../subgraphs/transaction/index.ts'
import { aDataset, until } from '../fixtures/a-dataset.ts'
import { anId } from '../fixtures/an-id.ts'

const dayMs = 86_400_000
const { payments, merchants, participants, corridors } = aDataset()
const all = [...payments]

function valueCny({ amount }: PastPayment): number {
  if (amount.currency === 'CNY') return Number(amount.minor) / 100
  return Number(convertHalfUp(amount, builtInRates.midRate(amount.currency, 'CNY')!.mid).minor) / 100
}

/** The programme's figures at `end`: the last 365 days, and the same range one calendar year before. */
function figures(some: readonly PastPayment[], end: Date) {
  const yearEarlier = (time: number): number => {
    const date = new Date(time)
    return date.setUTCFullYear(date.getUTCFullYear() - 1)
  }
  const within = (from: number, to: number) => {
    const range = some.filter(({ createdAt }) => createdAt.getTime() >= from && createdAt.getTime() < to)
    const completed = range.filter(({ declined }) => declined === null)
    const value = completed.reduce((sum, payment) => sum + valueCny(payment), 0)
    return { payments: range.length, completed: completed.length, value }
  }
  const start = end.getTime() - 365 * dayMs
  return {
    recent: within(start, end.getTime()),
    earlier: within(yearEarlier(start), yearEarlier(end.getTime())),
  }
}

describe('payments', () => {
  test.each([1, 2, 3])('have the programme’s figures at one percent, with seed %d', (seed) => {
    const { payments: some, participants: members } = aDataset(seed)
    const { recent, earlier } = figures([...some], until)
    const currencies = new Map(members.map(({ id, settlementCurrency }) => [id, settlementCurrency]))
    const from = until.getTime() - 365 * dayMs
    const fen = [...some]
      .filter(({ createdAt, declined }) => createdAt.getTime() >= from && declined === null)
      .reduce((sum, { amount, wallet }) => sum + reportingFen(amount, currencies.get(wallet)!), 0n)
    expect(recent.completed).toBe(19_810)
    expect(fen).toBe(427_000_000n)
    expect(recent.completed / recent.payments).toBeCloseTo(0.97, 2)
    expect(recent.completed / earlier.completed).toBeCloseTo(2.11, 2)
    expect(Math.abs(recent.value / earlier.value - 1.29)).toBeLessThan(0.005)
  })

  test.each([
    { when: 'it ends at midnight', end: '2027-01-01T00:00:00.000Z' },
    { when: 'a leap day lies in the last year', end: '2028-06-01T18:30:00.000Z' },
    { when: 'a leap day lies in the year before', end: '2029-02-15T07:00:00.000Z' },
    { when: 'it ends on a leap day', end: '2028-02-29T12:00:00.000Z' },
  ])('grow as the programme reports when $when', ({ end }) => {
    const date = new Date(end)
    const options = { seed: 1, scale: 0.01, until: date, rates: builtInRates, reportingFen }
    const { recent, earlier } = figures([...makePayments(options, merchants, corridors, participants)], date)
    expect(recent.completed).toBe(19_810)
    expect(Math.abs(recent.payments / earlier.payments - 2.11)).toBeLessThan(0.02)
    expect(Math.abs(recent.value / earlier.value - 1.29)).toBeLessThan(0.02)
  })

  test('come in order of time over two years, and are complete before the end', () => {
    expect(payments.count).toBe(all.length)
    const times = all.map(({ createdAt }) => createdAt.getTime())
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(all[0]!.createdAt.getTime()).toBeGreaterThanOrEqual(until.getTime() - 731 * dayMs)
    for (const { createdAt, authorizeMs } of all.slice(-200)) {
      expect(createdAt.getTime() + authorizeMs).toBeLessThanOrEqual(until.getTime())
    }
  })

  test('have UUIDs of version 7 of their time as ids, and references unique per wallet', () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
    expect(new Set(all.map(({ wallet, reference }) => `${wallet}/${reference}`)).size).toBe(all.length)
    const form = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
    expect(all.filter(({ id }) => !form.test(id))).toEqual([])
    const timeOf = (id: string) => Number.parseInt(id.slice(0, 13).replace('-', ''), 16)
    expect(all.filter(({ id, createdAt }) => timeOf(id) !== createdAt.getTime())).toEqual([])
  })

  test('are made by LIVE wallets at ACTIVE merchants, over open corridors that support the entry mode', () => {
    const wallets = new Map(
      participants
        .filter(({ roles, status }) => roles.includes('WALLET') && status === 'LIVE')
        .map(({ id, country }) => [id, country]),
    )
    const open = new Map(corridors.filter(({ status }) => status === 'OPEN').map((one) => [one.id, one]))
    const shops = new Map([...merchants].map((merchant) => [merchant.id, merchant]))
    const isSound = ({ wallet, merchant, entryMode, amount }: PastPayment): boolean => {
      const corridor = open.get(anId(`${wallets.get(wallet)}-${merchant.country}`))
      const shop = { ...shops.get(merchant.id) }
      return (
        isDeepStrictEqual({ ...shop, ...merchant }, shop) &&
        merchant.status === 'ACTIVE' &&
        merchant.entryModes.includes(entryMode) &&
        corridor !== undefined &&
        corridor.entryModes.includes(entryMode) &&
        corridor.currencies.includes(amount.currency)
      )
    }
    expect(all.filter((payment) => !isSound(payment))).toEqual([])
  })

  test('stay within the limits of their corridors', () => {
    const limits = new Map(
      corridors.map(({ id, limits: { perPayment } }) => [id, Number(perPayment.minor) / 100]),
    )
    const countries = new Map(participants.map(({ id, country }) => [id, country]))
    for (const payment of all) {
      const limit = limits.get(anId(`${countries.get(payment.wallet)}-${payment.merchant.country}`))!
      expect(valueCny(payment)).toBeLessThanOrEqual(limit)
    }
  })

  test('have all four directions, most of them inbound, and every wallet country', () => {
    const direction = new Map(corridors.map((corridor) => [corridor.id, corridor.direction]))
    const countries = new Map(participants.map(({ id, country }) => [id, country]))
    const ways = Map.groupBy(all, ({ wallet, merchant }) =>
      direction.get(anId(`${countries.get(wallet)}-${merchant.country}`)),
    )
    expect(new Set(ways.keys())).toEqual(new Set(['INBOUND', 'LOCAL', 'OUTBOUND', 'THIRD_MARKET']))
    expect(ways.get('INBOUND')!.length / all.length).toBeCloseTo(0.84, 1)
    expect(new Set(ways.get('INBOUND')!.map(({ wallet }) => countries.get(wallet))).size).toBe(30)
  })

  test('have usual amounts: whole in currencies without minor units, and in the steps of prices', () => {
    const steps: Record<string, bigint> = {
      JPY: 10n,
      KRW: 100n,
      VND: 1_000n,
      IDR: 50_000n,
      THB: 100n,
      LAK: 50_000n,
    }
    const currencies = new Set<string>()
    for (const { amount, merchant } of all) {
      currencies.add(amount.currency)
      expect(amount.currency).toBe(merchant.currency)
      expect(amount.minor).toBeGreaterThan(0n)
      const step = steps[amount.currency]
      if (step) expect(amount.minor % step).toBe(0n)
    }
    for (const currency of ['JPY', 'KRW', 'VND'] as const) {
      expect(digitsOf(currency)).toBe(0)
      expect(currencies).toContain(currency)
    }
    const yuan = all.filter(({ amount }) => amount.currency === 'CNY')
    expect(yuan.filter(({ amount }) => amount.minor % 100n === 0n).length / yuan.length).toBeGreaterThan(0.5)
  })

  test('are declined for many reasons, most often for insufficient funds', () => {
    const reasons = Map.groupBy(
      all.filter(({ declined }) => declined !== null),
      ({ declined }) => declined,
    )
    expect(reasons.size).toBeGreaterThan(7)
    const largest = [...reasons].toSorted(([, a], [, b]) => b.length - a.length)[0]![0]
    expect(largest).toBe('INSUFFICIENT_FUNDS')
  })

  test('are answered in about 180 ms, and never after the time-out of the corridor', () => {
    const times = all.map(({ authorizeMs }) => authorizeMs).toSorted((a, b) => a - b)
    expect(times[0]).toBeGreaterThan(0)
    expect(times[times.length >> 1]!).toBeGreaterThan(170)
    expect(times[times.length >> 1]!).toBeLessThan(190)
    expect(times.at(-1)).toBe(8_000)
  })

  test.each([
    { country: 'CN', offset: 8 },
    { country: 'JP', offset: 9 },
    { country: 'VN', offset: 7 },
  ])(
    'follow the local time of the merchant in $country: many in the evening, few at night',
    ({ country, offset }) => {
      const here = all.filter((payment) => payment.merchant.country === country)
      const share = (from: number, to: number) =>
        here.filter(({ createdAt }) => {
          const hour = (createdAt.getUTCHours() + offset) % 24
          return hour >= from && hour < to
        }).length / here.length
      expect(share(17, 21)).toBeGreaterThan(0.2)
      expect(share(1, 5)).toBeLessThan(0.04)
    },
  )

  test('are more at weekends, and more each month', () => {
    const recent = all.filter(({ createdAt }) => createdAt.getTime() >= until.getTime() - 364 * dayMs)
    const weekend = recent.filter(({ createdAt }) => [0, 6].includes(createdAt.getUTCDay())).length
    expect(weekend / recent.length).toBeGreaterThan(2 / 7 + 0.02)
    const half = until.getTime() - 182 * dayMs
    const late = recent.filter(({ createdAt }) => createdAt.getTime() >= half).length
    expect(late / (recent.length - late)).toBeGreaterThan(1.3)
  })
})
