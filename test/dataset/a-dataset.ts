// Data sets for tests. They are made once for each seed and scale in a file, for reading the cities takes half a second.

import { makeDataset, type Dataset } from '../../dataset/dataset.ts'
import { builtInRates } from '../../subgraphs/transaction/price/rates.ts'

export const until = new Date('2026-11-23T03:12:45.678Z')

const made = new Map<string, Dataset>()

export function aDataset(seed = 1, scale = 0.01): Dataset {
  const key = `${seed}/${scale}`
  let dataset = made.get(key)
  if (!dataset) made.set(key, (dataset = makeDataset({ seed, scale, until, rates: builtInRates })))
  return dataset
}
