import fc from 'fast-check'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { readHeader, recordsOf, type BulkFormat } from '../../../subgraphs/merchant/bulk-rows.ts'
import { csvCells, csvLine, csvText } from '../../../subgraphs/shared/csv.ts'

const start = { offset: 0, line: 0 }

async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length]!
    yield bytes.subarray(at, at + size)
    at += size
  }
}

const recordsIn = async (bytes: Buffer, format: BulkFormat, sizes: readonly number[], from = start) =>
  Array.fromAsync(recordsOf(inPieces(bytes.subarray(from.offset), sizes), format, from))

const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
const cell = fc.string({ unit: fc.constantFrom('a', "'", '"', ',', '\n', '\r\n', '=', '店'), maxLength: 6 })

describe('the records of a file', () => {
  test('are those that were written, however its bytes arrive, and after any of them the rest follows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(cell, { minLength: 2, maxLength: 3 }), { minLength: 1, maxLength: 5 }),
        sizes,
        async (rows, pieces) => {
          const bytes = Buffer.from(rows.map((cells) => csvLine(cells.map(csvText))).join(''))
          const records = await recordsIn(bytes, 'csv', pieces)
          expect(records.map(({ text }) => csvCells(text))).toEqual(rows)
          expect(records.at(-1)!.end.offset).toBe(bytes.length)
          for (const [n, { end }] of records.entries()) {
            expect(await recordsIn(bytes, 'csv', pieces, end)).toEqual(records.slice(n + 1))
          }
        },
      ),
    )
  })

  test('have the numbers of their first lines', async () => {
    const bytes = Buffer.from('a,"b\nc"\n\nd,e')
    const records = await recordsIn(bytes, 'csv', [3])
    expect(records.map(({ line }) => line)).toEqual([1, 3, 4])
    expect((await recordsIn(bytes, 'ndjson', [3])).map(({ line }) => line)).toEqual([1, 2, 3, 4])
  })

  test('are refused when they are too long or not UTF-8', async () => {
    await expect(recordsIn(Buffer.alloc(70_000, 'x'), 'ndjson', [9_000])).rejects.toMatchObject({ line: 1 })
    await expect(recordsIn(Buffer.from([0x61, 0x0a, 0xff, 0x0a]), 'ndjson', [4])).rejects.toMatchObject({
      line: 2,
    })
  })

  test('take no more memory in a file of 100 MB than in a small one', async () => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const used = (): number => {
      gc()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    const chunk = Buffer.from(`${JSON.stringify({ mid: 'M1', name: 'A shop'.repeat(20) })}\n`.repeat(2_000))
    const chunks = Math.ceil(100_000_000 / chunk.length)
    async function* file(): AsyncGenerator<Buffer> {
      for (let n = 0; n < chunks; n++) yield chunk
    }
    let growth = 0
    let records = 0
    const before = used()
    for await (const { line } of recordsOf(file(), 'ndjson', start)) {
      records = line
      if (line % 100_000 === 0) growth = Math.max(growth, used() - before)
    }
    expect(records).toBe(chunks * 2_000)
    expect(growth).toBeLessThan(8_000_000)
  })
})

test('a cell is read as it was written, and is no formula in between', () => {
  fc.assert(
    fc.property(cell, (text) => {
      expect(csvText(text)).not.toMatch(/^"?[=+\-@]/)
      expect(csvCells(csvText(text))).toEqual([text])
    }),
  )
})

test('a header names each column once, and all that are needed', () => {
  expect(readHeader('mid,name,mcc,country,city')).toHaveLength(5)
  expect(readHeader('mid,name,mcc,country')).toEqual({ flaw: 'the header has no column city' })
  expect(readHeader('mid,mid,name,mcc,country,city')).toEqual({ flaw: 'the header has a column twice' })
  expect(readHeader('mid,name,mcc,country,city,colour')).toMatchObject({
    flaw: expect.stringMatching(/none of/),
  })
})
