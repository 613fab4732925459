import { expect, test, vi } from 'vitest'
import { mapStream } from '../../../subgraphs/platform/async/map-stream.ts'

const end = { done: true, value: undefined }

async function* numbers(count: number): AsyncGenerator<number> {
  for (let n = 1; n <= count; n++) yield n
}

/** A stream that gives nothing until it is left. */
function quietStream() {
  const source = {
    next: vi.fn<() => Promise<IteratorResult<number>>>(() => new Promise(() => {})),
    return: vi.fn<() => Promise<never>>(() => Promise.reject(new Error('failed to leave'))),
    [Symbol.asyncIterator]: () => source,
  }
  return source
}

test('maps each item, and leaves out the items that become null', async () => {
  const even = mapStream(numbers(6), async (n) => (n % 2 === 0 ? `${n}` : null))
  expect(await Array.fromAsync(even)).toEqual(['2', '4', '6'])
  expect(await even.next()).toEqual(end)
})

test('rejects with what the source or the mapping throws', async () => {
  const broken = mapStream(numbers(1), () => {
    throw new Error('no mapping')
  })
  await expect(broken.next()).rejects.toThrow('no mapping')
})

test('ends pending calls at once when it is left, although the source stays quiet and fails', async () => {
  const source = quietStream()
  const stream = mapStream(source, (n) => n)
  const pending = [stream.next(), stream.next()]
  expect(await stream.return()).toEqual(end)
  expect(await Promise.all(pending)).toEqual([end, end])
  expect(await stream.next()).toEqual(end)
  await stream.return()
  expect(source.return).toHaveBeenCalledTimes(1)
})

test('leaves its source at the end of a loop', async () => {
  const source = quietStream()
  source.next.mockResolvedValueOnce({ done: false, value: 1 })
  for await (const item of mapStream(source, (n) => n)) {
    expect(item).toBe(1)
    break
  }
  expect(source.return).toHaveBeenCalledTimes(1)
})

test('throws what is thrown into it, and leaves its source', async () => {
  const source = quietStream()
  await expect(mapStream(source, (n) => n).throw!(new Error('enough'))).rejects.toThrow('enough')
  expect(source.return).toHaveBeenCalledTimes(1)
})
