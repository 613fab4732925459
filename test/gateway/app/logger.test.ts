import { MongoNetworkError } from 'mongodb'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLogger } from '../../../gateway/app/logger.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A logger, and the lines that it has written. */
function aLogger() {
  const lines: Record<string, unknown>[] = []
  const logger = createLogger({ LOG_LEVEL: 'info' }, { write: (line) => void lines.push(JSON.parse(line)) })
  const written = () => lines.splice(0).map(({ msg, payment, unlogged }) => ({ msg, payment, unlogged }))
  return { logger, written }
}

const away = new MongoNetworkError('connection refused')
const unknown = 'a payment was moved, but the outcome of the write is unknown; reading it by its key'
const late = 'payments that are due could not be moved; trying again'

test('an outage logs each kind of line once, and then every five seconds with the number left out', () => {
  const { logger, written } = aLogger()
  for (let payment = 1; payment <= 1_000; payment++) logger.error({ err: away, payment }, unknown)
  logger.error({ err: new Error('the driver failed', { cause: away }) }, late)
  expect(written()).toEqual([
    { msg: unknown, payment: 1 },
    { msg: late, payment: undefined },
  ])
  vi.advanceTimersByTime(4_999)
  expect(written()).toEqual([])
  vi.advanceTimersByTime(1)
  expect(written()).toEqual([{ msg: unknown, payment: 1_000, unlogged: 998 }])
  logger.error({ err: away, payment: 1_001 }, unknown)
  expect(written()).toEqual([])
  vi.advanceTimersByTime(5_000)
  expect(written()).toEqual([{ msg: unknown, payment: 1_001 }])
  vi.advanceTimersByTime(5_000)
  logger.error({ err: away, payment: 1_002 }, unknown)
  expect(written()).toEqual([{ msg: unknown, payment: 1_002 }])
})

test('what is no outage logs every line', () => {
  const { logger, written } = aLogger()
  for (const payment of [1, 2, 3]) logger.error({ err: new TypeError('a mistake'), payment }, unknown)
  for (const payment of [4, 5]) logger.info({ payment }, 'a line without an error')
  logger.info('a line')
  expect(written().map(({ payment }) => payment)).toEqual([1, 2, 3, 4, 5, undefined])
})
