import { expect, test } from 'vitest'
import { OutageError } from '../../../subgraphs/platform/async/outage.ts'
import { Semaphore } from '../../../subgraphs/platform/async/semaphore.ts'

test('a semaphore admits at most its number of tasks, and the others in order of arrival', async () => {
  const semaphore = new Semaphore(2)
  const running: string[] = []
  const run = async (name: string) => {
    await semaphore.acquire()
    running.push(name)
  }
  const all = ['a', 'b', 'c', 'd'].map(run)
  await Promise.all(all.slice(0, 2))
  expect(running).toEqual(['a', 'b'])
  expect(semaphore.hasWaiting).toBe(true)
  semaphore.release()
  await all[2]
  expect(running).toEqual(['a', 'b', 'c'])
  semaphore.release()
  await all[3]
  expect(running).toEqual(['a', 'b', 'c', 'd'])
  expect(semaphore.hasWaiting).toBe(false)
})

test('a released semaphore admits the next task at once', async () => {
  const semaphore = new Semaphore(1)
  await semaphore.acquire()
  semaphore.release()
  await semaphore.acquire()
  expect(semaphore.hasWaiting).toBe(false)
})

test('a semaphore with a bound refuses what would wait beyond it', async () => {
  const semaphore = new Semaphore(1, 1)
  await semaphore.acquire()
  const second = semaphore.acquire()
  await expect(semaphore.acquire()).rejects.toThrow(OutageError)
  semaphore.release()
  await second
})

test('a task that leaves while it waits gives its turn to the next', async () => {
  const semaphore = new Semaphore(1)
  await semaphore.acquire()
  const leaving = new AbortController()
  const left = semaphore.acquire(leaving.signal)
  const next = semaphore.acquire()
  leaving.abort(new Error('gone'))
  await expect(left).rejects.toThrow('gone')
  await expect(semaphore.acquire(leaving.signal)).rejects.toThrow('gone')
  semaphore.release()
  await next
  expect(semaphore.hasWaiting).toBe(false)
})
