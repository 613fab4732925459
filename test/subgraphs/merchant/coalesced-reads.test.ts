import { expect, test } from 'vitest'
import { coalesceReads } from '../../../subgraphs/merchant/coalesced-reads.ts'

/** Reads that end when the test ends them; each gives its number. */
function manualReads() {
  const ends: ((error?: Error) => void)[] = []
  const read = () =>
    new Promise<number>((resolve, reject) => {
      const number = ends.length + 1
      ends.push((error) => (error ? reject(error) : resolve(number)))
    })
  return { ends, read }
}

test('calls that find a read running share the next one, which begins after them', async () => {
  const { ends, read } = manualReads()
  let version = 0
  const reads = coalesceReads<number>(() => version++, 10)
  const first = reads('a', read)
  const later = [reads('a', read), reads('a', read)]
  expect(ends).toHaveLength(1)
  ends[0]!()
  expect(await first).toBe(1)
  await new Promise(setImmediate)
  expect(ends).toHaveLength(2)
  ends[1]!()
  expect(await Promise.all(later)).toEqual([2, 2])
})

test('a read that fails lets the next one begin', async () => {
  const { ends, read } = manualReads()
  const reads = coalesceReads<number>(() => 0, 10)
  const first = reads('a', read)
  const second = reads('a', read)
  ends[0]!(new Error('away'))
  await expect(first).rejects.toThrow('away')
  await new Promise(setImmediate)
  ends[1]!()
  expect(await second).toBe(2)
})

test('a result is kept until the version changes, and not when it changed during the read', async () => {
  const { ends, read } = manualReads()
  let version = 0
  const reads = coalesceReads<number>(() => version, 10)
  const first = reads('a', read)
  version = 1
  ends[0]!()
  await first
  const second = reads('a', read)
  ends[1]!()
  expect([await second, await reads('a', read)]).toEqual([2, 2])
  version = 2
  void reads('a', read)
  expect(ends).toHaveLength(3)
})
