// npm run simulate -- [--seeds N] [--seed S] [--bug NAME|all]

import { parseArgs } from 'node:util'
import { loadWorld } from './copies.ts'
import { bugs } from './planted-bugs.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    bug: { type: 'string' },
  },
})

const first = Number(values.seed ?? 1)
const count = Number(values.seeds ?? (values.seed === undefined ? 1000 : 1))
const isVerbose = count === 1
const seeds = Array.from({ length: count }, (_, n) => first + n)

/** Runs seeds until one fails, and prints it. */
async function firstFailure(bug: string | null): Promise<number | null> {
  const { simulate } = await loadWorld(bug)
  for (const seed of seeds) {
    const { violations, faults, digest, entries, steps } = await simulate(
      seed,
      isVerbose ? console.log : undefined,
    )
    if (violations.length === 0 && !isVerbose) continue
    if (bug === null || isVerbose) {
      console.log(`seed ${seed}: ${entries} entries, ${steps} steps, digest ${digest}`)
      for (const fault of faults) console.log(`  ${fault}`)
    }
    for (const violation of bug === null || isVerbose ? violations : violations.slice(0, 1))
      console.log(`  violated: ${violation}`)
    if (violations.length > 0) return seed
  }
  return null
}

const startedAt = performance.now()
let isWrong = false
if (values.bug === undefined) {
  const failed = await firstFailure(null)
  isWrong = failed !== null
  const seconds = (performance.now() - startedAt) / 1000
  console.log(
    isWrong ? `failed: npm run simulate -- --seed ${failed}` : `${count} seeds in ${seconds.toFixed(1)} s`,
  )
} else {
  const wanted = bugs
    .map(({ name }) => name)
    .filter((name) => values.bug === 'all' || name.includes(values.bug!))
  for (const name of wanted) {
    const found = await firstFailure(name)
    isWrong ||= found === null
    console.log(`${found === null ? 'NOT found' : `found by seed ${found}`}: ${name}`)
  }
}
process.exit(isWrong ? 1 : 0)
