import { expect, test } from 'vitest'
import { isPromise, pause } from '../../../subgraphs/platform/async/promise.ts'

test('a promise is recognised among values of every other kind', () => {
  expect(isPromise<unknown>(Promise.resolve(1))).toBe(true)
  expect([null, undefined, 1, 'text', {}, []].some((value: unknown) => isPromise(value))).toBe(false)
})

test('a pause ends when it is aborted, and does not start after that', async () => {
  const leaving = new AbortController()
  const resting = pause(3_600_000, leaving.signal)
  leaving.abort()
  await expect(resting).resolves.toBeUndefined()
  await expect(pause(3_600_000, leaving.signal)).resolves.toBeUndefined()
  await expect(pause(0)).resolves.toBeUndefined()
})
