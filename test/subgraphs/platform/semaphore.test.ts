import { expect, test } from 'vitest'
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
