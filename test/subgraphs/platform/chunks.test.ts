import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chunks } from '../../../subgraphs/platform/async/chunks.ts'
import { closeSpread } from '../../../subgraphs/platform/async/close-spread.ts'

async function* streamOf<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items
}

describe('chunks', () => {
  test('hold every item once and in order, and all but the last have the given size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(), { maxLength: 50 }),
        fc.integer({ min: 1, max: 10 }),
        async (items, size) => {
          const found = [...chunks(items, size)]
          expect(found.flat()).toEqual(items)
          expect(found.slice(0, -1).every(({ length }) => length === size)).toBe(true)
          expect(found.every(({ length }) => length > 0 && length <= size)).toBe(true)
          expect(await Array.fromAsync(chunks(streamOf(items), size))).toEqual(found)
        },
      ),
    )
  })
})

describe('closing many connections', () => {
  test.each([0, 1, 100, 250])('closes each of %i connections once', async (count) => {
    const closed: number[] = []
    const items = Array.from({ length: count }, (_, n) => n)
    await closeSpread(items, (item) => closed.push(item), 3)
    expect(closed).toEqual(items)
  })
})
