// Prints the hash of a whole data set, to compare processes: node hash-dataset.ts SEED SCALE

import { createHash } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { aDataset } from '../fixtures/a-dataset.ts'

/** SHA-256 of all rows of the data set, in order. */
export function hashDataset(seed: number, scale: number): string {
  const { participants, projects, corridors, products, merchants, payments } = aDataset(seed, scale)
  const hash = createHash('sha256')
  for (const rows of [participants, projects, corridors, products, merchants, payments]) {
    for (const row of rows)
      hash.update(JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? `${value}n` : value)))
  }
  return hash.digest('hex')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(hashDataset(Number(process.argv[2]), Number(process.argv[3])))
}
