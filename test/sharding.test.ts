// No `mongos` runs in these tests: what a sharded cluster would refuse is read from the source.

import { describe, expect, test } from 'vitest'
import { files, read } from './harness/files.ts'
import { placements } from './harness/shard-keys.ts'
import { writesIn } from './harness/writes.ts'

const sources = files.filter((file) => /^(subgraphs|gateway)\/.*\.ts$/.test(file))

describe('on a sharded cluster', () => {
  test('every collection of the source has a place', () => {
    const name = /collection(?:<(?:[^()]|\(\))*?>)?\(\s*'(\w+)'/g
    const found = sources.flatMap((file) =>
      [...read(file).matchAll(name)].map(([, collection]) => collection!),
    )
    const missing = [...new Set(found)].filter((collection) => !(collection in placements))
    expect(missing).toEqual(['system.replset'].filter((each) => found.includes(each)))
    expect(new Set(found).size).toBeGreaterThan(20)
  })

  test('every write of one document names its `_id`, so it goes to one shard', () => {
    const writes = sources.flatMap((file) => writesIn(read(file)).map((write) => ({ file, ...write })))
    const scattered = writes.filter(({ filter }) => !/\b_id\b/.test(filter))
    expect(scattered).toEqual([])
    expect(writes.length).toBeGreaterThan(35)
  })

  test('a write without `_id` is found', () => {
    expect(writesIn(`await days.updateOne({ day }, { $set: { _id: 1 } })`)).toEqual([
      { line: 1, filter: '{ day }' },
    ])
    expect(writesIn(`const same = { a: 1 }\nx.deleteOne(same)`)).toEqual([{ line: 2, filter: '{ a: 1 }' }])
    expect(writesIn(`[{ updateOne: { filter: { key }, update } }]`)).toEqual([{ line: 1, filter: '{ key }' }])
  })
})
