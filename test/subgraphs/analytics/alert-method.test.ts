import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bandsOf,
  isUnlikely,
  judge,
  nothingCounted,
  usualOf,
  type Bands,
  type Counted,
} from '../../../subgraphs/analytics/alert-method.ts'
import { hourMs, minuteMs } from '../../../subgraphs/analytics/range.ts'
import { alarmsOfWeek, type Incident } from '../../fixtures/a-simulated-week.ts'

const now = Date.UTC(2026, 2, 2, 12)
const bands: Bands = {
  declines: { middle: 0.05, width: 0.01 },
  latency: { middle: 900, width: 50 },
  volume: { middle: 30, width: 2 },
}

const counted = (over: Partial<Counted>): Counted => ({ ...nothingCounted(), ...over })
const recent = (perMinute: readonly Counted[], since = 0) => ({
  now,
  since,
  minutes: new Map(perMinute.map((one, ago) => [now / minuteMs - 1 - ago, one])),
})

describe('in simulated weeks with seasons', () => {
  test.each([
    { perMinute: 40, seeds: [1, 2, 3] },
    { perMinute: 3, seeds: [4, 5] },
  ])('there is no false alarm at $perMinute payments a minute', ({ perMinute, seeds }) => {
    const alarms = seeds.flatMap((seed) => alarmsOfWeek({ seed, perMinute, everyMs: 30_000 }))
    expect(alarms).toEqual([])
  })

  const kinds = { DECLINES: 'DECLINES', NO_ANSWER: 'DECLINES', SLOW: 'LATENCY', SILENCE: 'SILENCE' } as const

  test.each(Object.keys(kinds) as Incident['effect'][])(
    'an incident is found within two minutes of its beginning: %s',
    (effect) => {
      for (let seed = 1; seed <= 8; seed++) {
        const from = 34 * hourMs + ((seed * 7_457) % 60) * 1_000 + seed * 5 * minuteMs
        const alarms = alarmsOfWeek({
          seed,
          perMinute: 60,
          fromHour: 33,
          toHour: 35,
          everyMs: 5_000,
          incident: { from, to: from + 20 * minuteMs, effect },
        })
        expect(alarms.filter(({ at }) => at <= from)).toEqual([])
        const found = alarms.find(({ kind }) => kind === kinds[effect])
        expect((found!.at - from) / 1000, `seconds with seed ${seed}`).toBeLessThanOrEqual(120)
      }
    },
  )
})

describe('a judgement', () => {
  test('is no alert with ten payments, whatever becomes of them', () => {
    const minutes = fc
      .array(fc.constantFrom(0, 1, 2, 3, 10), { minLength: 1, maxLength: 120 })
      .map((list) => {
        let rest = 10
        return list.map((wanted) => {
          const payments = Math.min(wanted, rest)
          rest -= payments
          return counted({ payments, declined: payments, answers: new Map([[150, payments]]) })
        })
      })
    fc.assert(
      fc.property(minutes, (list) => {
        expect(judge('DECLINES', bands, recent(list)).isConfirmed).toBe(false)
        expect(judge('LATENCY', bands, recent(list)).isConfirmed).toBe(false)
      }),
    )
  })

  test('is in band where no more payments are declined than usual', () => {
    const minute = fc.record({
      payments: fc.integer({ min: 0, max: 500 }),
      share: fc.double({ min: 0, max: 0.05, noNaN: true }),
    })
    fc.assert(
      fc.property(fc.array(minute, { maxLength: 120 }), (list) => {
        const minutes = list.map(({ payments, share }) => {
          const declined = Math.floor(payments * share)
          return counted({ payments, declined, approved: payments - declined })
        })
        expect(judge('DECLINES', bands, recent(minutes)).standing).not.toBe('OUT')
      }),
    )
  })

  test('needs two windows, one after the other', () => {
    const bad = counted({ payments: 30, declined: 20, approved: 10 })
    const good = counted({ payments: 30, declined: 1, approved: 29 })
    expect(judge('DECLINES', bands, recent([bad, good]))).toMatchObject({
      standing: 'OUT',
      isConfirmed: false,
    })
    expect(judge('DECLINES', bands, recent([bad, bad]))).toMatchObject({
      standing: 'OUT',
      isConfirmed: true,
      from: now - 2 * minuteMs,
      observed: 20 / 30,
      usual: 0.05,
      payments: 60,
    })
    expect(judge('DECLINES', bands, recent([good, bad, bad]))).toMatchObject({ standing: 'IN' })
  })

  test('counts payments without an answer, except those of the last seconds', () => {
    const waiting = counted({ payments: 30 })
    expect(judge('DECLINES', bands, recent([waiting, waiting])).isConfirmed).toBe(true)
    const done = counted({ payments: 30, approved: 30 })
    const justNow = counted({ payments: 30, approved: 22 })
    expect(judge('DECLINES', bands, recent([justNow, done])).standing).toBe('IN')
  })

  test('takes the time before the hub counted for no silence', () => {
    expect(judge('SILENCE', bands, recent([])).isConfirmed).toBe(true)
    expect(judge('SILENCE', bands, recent([], now - minuteMs / 2)).standing).toBe('UNKNOWN')
  })

  test('is unknown without a band', () => {
    const none: Bands = { declines: null, latency: null, volume: null }
    const bad = counted({ payments: 300, declined: 300 })
    expect(judge('DECLINES', none, recent([bad, bad])).standing).toBe('UNKNOWN')
  })
})

describe('what is usual', () => {
  test('is not moved by a quarter of the days, whatever they have', () => {
    const value = fc.double({ min: 0, max: 1e6, noNaN: true })
    fc.assert(
      fc.property(fc.array(value, { minLength: 4, maxLength: 4 }), (wild) => {
        // Of four weeks, the days 1–4 ago are wild: they have less than half of the weight.
        const samples = Array.from({ length: 28 }, (_, n) => ({ ago: n + 1, value: wild[n] ?? 10 + (n % 3) }))
        const { middle, width } = usualOf(samples)!
        expect(middle).toBeGreaterThanOrEqual(10)
        expect(middle).toBeLessThanOrEqual(12)
        expect(width).toBeLessThanOrEqual(1.4826 * 2)
      }),
    )
  })

  test('needs five days with enough payments', () => {
    const day = counted({ payments: 100, approved: 95, declined: 5, answers: new Map([[60, 100]]) })
    const days = (count: number, one: Counted) =>
      new Map(Array.from({ length: count }, (_, n) => [n + 1, one]))
    expect(bandsOf(days(4, day))).toEqual({ declines: null, latency: null, volume: null })
    expect(bandsOf(days(5, day))).toMatchObject({
      declines: { middle: 0.05, width: 0 },
      volume: { middle: 100 / 180, width: 0 },
    })
    const few = counted({ payments: 10, approved: 10 })
    expect(bandsOf(days(28, few))).toMatchObject({ declines: null, latency: null })
  })
})

test('what is unlikely has an exact probability below 1 in 10,000', () => {
  const tail = (count: number, of: number, p: number): number => {
    let term = (1 - p) ** of
    let sum = count === 0 ? term : 0
    for (let n = 1; n <= of; n++) {
      term *= ((of - n + 1) / n) * (p / (1 - p))
      if (n >= count) sum += term
    }
    return sum
  }
  const cases = fc.record({
    of: fc.integer({ min: 1, max: 200 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    p: fc.double({ min: 0.02, max: 0.9, noNaN: true }),
  })
  fc.assert(
    fc.property(cases, ({ of, share, p }) => {
      const count = Math.round(share * of)
      if (isUnlikely(count, of, p)) expect(tail(count, of, p)).toBeLessThan(1e-4)
    }),
  )
})
