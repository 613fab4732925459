import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { makeDataset } from '../../dataset/dataset.ts'
import { builtInRates, reportingFen } from '../../subgraphs/transaction/index.ts'
import { aDataset, until } from '../fixtures/a-dataset.ts'
import { hashDataset } from './hash-dataset.ts'

describe('a data set', () => {
  test('has the same bytes for the same seed, scale and end, in this process and in another', () => {
    const here = hashDataset(7, 0.002)
    const there = execFileSync(process.execPath, [
      fileURLToPath(new URL('hash-dataset.ts', import.meta.url)),
      '7',
      '0.002',
    ])
    expect(hashDataset(7, 0.002)).toBe(here)
    expect(there.toString().trim()).toBe(here)
  })

  test('differs for another seed', () => {
    expect(hashDataset(8, 0.0005)).not.toBe(hashDataset(7, 0.0005))
  })

  test('has the same merchants and corridors for another end: only the times move', () => {
    const options = {
      seed: 7,
      scale: 0.002,
      rates: builtInRates,
      reportingFen,
      until: new Date('2027-01-01T00:00:00Z'),
    }
    const later = makeDataset(options)
    expect([...later.merchants]).toEqual([...aDataset(7, 0.002).merchants])
    expect(later.corridors).toEqual(aDataset(7, 0.002).corridors)
    expect(later.participants).not.toEqual(aDataset(7, 0.002).participants)
  })

  test.each([0, 0.00009, 1.01, Number.NaN])('is refused at scale %s', (scale) => {
    expect(() => makeDataset({ seed: 1, scale, until, rates: builtInRates, reportingFen })).toThrow(
      RangeError,
    )
  })
})
