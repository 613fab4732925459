// npm run faults -- SCENARIO… | all | short | soak | planted
// Makes the parts of a running programme fail and judges what its clients saw.

import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { findPlanted } from './planted.ts'
import { createRandom } from './random.ts'
import { diskDir, mountDisk, scenarios, soak, unmountDisk, type Scenario } from './scenarios.ts'
import { openWorld, type Verdict, type World } from './world.ts'

const usage = `usage: npm run faults -- SCENARIO… | all | short | soak | planted  [--seed N] [--minutes N] [--report RULE,…]
all       every scenario
short     some of them, in at most five minutes, as continuous integration runs them
soak      random faults for --minutes (5), then one verdict
planted   applies each patch of test/faults/planted to a copy of the tree; its scenario has to find it
--seed    repeats the faults and requests of an earlier run
--report  violations of these rules, such as S10, are printed and do not fail a scenario
scenarios: ${scenarios.map(({ name }) => name).join(' ')}`

const outDir = path.resolve(import.meta.dirname, '../../.data/faults')

interface Row extends Partial<Verdict> {
  readonly scenario: string
  readonly seed: number
  readonly verdict: 'passed' | 'failed' | 'skipped'
  readonly reason?: string
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string' },
    report: { type: 'string' },
    help: { type: 'boolean' },
  },
})
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const reported = new Set((values.report ?? '').split(','))
const chosen = choose(positionals)
if (values.help || chosen === null) {
  console.log(usage)
  process.exit(values.help ? 0 : 1)
}
console.log(`seed ${seed}: repeat with --seed ${seed}`)
mkdirSync(outDir, { recursive: true })
const rows: Row[] = []
if (positionals[0] === 'soak') rows.push(await runSoak(Number(values.minutes ?? 5)))
else if (positionals[0] === 'planted')
  process.exit((await findPlanted(positionals.slice(1), seed, runAll)) ? 0 : 1)
else rows.push(...(await runAll(chosen)))
writeFileSync(path.join(outDir, 'result.json'), JSON.stringify({ seed, rows }, null, 2))
printTable(rows)
const count = (wanted: Row['verdict']) => rows.filter(({ verdict }) => verdict === wanted).length
const failed = count('failed')
console.log(`${count('passed')} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)

function choose(names: readonly string[]): readonly Scenario[] | null {
  const [first] = names
  if (first === undefined) return null
  if (first === 'soak' || first === 'planted') return []
  if (first === 'all') return scenarios
  if (first === 'short') return scenarios.filter(({ isShort }) => isShort)
  const found = scenarios.filter(({ name }) => names.includes(name))
  return found.length === names.length ? found : null
}

/** Runs scenarios; those that need the same world, one after the other in it. */
async function runAll(list: readonly Scenario[], tree?: string): Promise<Row[]> {
  const found: Row[] = []
  const worlds = Map.groupBy(list, ({ members, disk, network }) =>
    disk ? 'disk' : network ? 'network' : String(members),
  )
  for (const [kind, group] of worlds) {
    const able = group.filter((scenario) => {
      const reason = scenario.skipped?.() ?? null
      if (reason !== null) found.push({ scenario: scenario.name, seed, verdict: 'skipped', reason })
      return reason === null
    })
    if (able.length > 0) found.push(...(await inWorld(kind, able, tree)))
  }
  return found
}

async function inWorld(kind: string, group: readonly Scenario[], tree: string | undefined): Promise<Row[]> {
  const found: Row[] = []
  const random = createRandom(seed)
  if (kind === 'disk') mountDisk()
  let world: World | null = null
  try {
    world = await openWorld({
      members: kind === '3' || kind === 'network' ? 3 : 1,
      random,
      historyFile: path.join(outDir, `world-${kind}.jsonl`),
      hasNetwork: kind === 'network',
      ...(kind === 'disk' && { diskDir }),
      ...(tree !== undefined && { tree }),
    })
    for (const scenario of group) found.push(await inScenario(world, scenario))
  } finally {
    await world?.close()
    if (kind === 'disk') unmountDisk()
  }
  return found
}

async function inScenario(world: World, { name, run }: Scenario): Promise<Row> {
  const random = createRandom(seed).fork(name)
  try {
    const verdict = await world.scenario(name, random, () => run(world, random.fork('faults')))
    return report({
      scenario: name,
      seed,
      verdict: verdict.violations.some(({ rule }) => !reported.has(rule)) ? 'failed' : 'passed',
      ...verdict,
    })
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return report({ scenario: name, seed, verdict: 'failed', violations: [{ rule: 'run', text }] })
  }
}

async function runSoak(minutes: number): Promise<Row> {
  const random = createRandom(seed)
  const world = await openWorld({ members: 3, random, historyFile: path.join(outDir, 'soak.jsonl') })
  try {
    const before = await Promise.all(world.hubs.map((hub) => hub.memoryMb()))
    const row = await inScenario(world, {
      name: 'soak',
      members: 3,
      run: (_, of) => soak(world, of, minutes),
    })
    const after = row.memoryMb ?? []
    console.log(
      `memory of the hubs at the begin ${before.join(' and ')} MB, at the end ${after.join(' and ')} MB`,
    )
    return row
  } finally {
    await world.close()
  }
}

function report(row: Row): Row {
  console.log(`${row.scenario}: ${row.verdict} after ${row.seconds ?? '?'} s`)
  for (const { rule, text } of row.violations ?? []) console.log(`  ${rule} ${text}`)
  const late = row.lateReadiness ?? []
  if (late.length > 0) {
    const longest = Math.round(Math.max(...late.map(({ tookMs }) => tookMs)))
    console.log(
      `  ${late.length} of ${row.readiness} answers of /readyz took longer than 0.5 s by the clock, the longest ${longest} ms`,
    )
  }
  return row
}

function printTable(all: readonly Row[]): void {
  console.log(
    '| scenario | faults | requests | acknowledged | violations | recovery | longest answer | own delay | verdict |',
  )
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |')
  const seconds = (ms: number | null | undefined) =>
    ms === null || ms === undefined ? '–' : `${(ms / 1000).toFixed(1)} s`
  for (const row of all) {
    const rules = [...new Set((row.violations ?? []).map(({ rule }) => rule))].join(' ')
    const cells = [
      row.scenario,
      row.faults?.length ?? 0,
      row.requests ?? 0,
      row.acknowledged ?? 0,
      rules === '' ? 'none' : rules,
      seconds(row.recoveryMs),
      seconds(row.longestMs),
      seconds(row.ownDelayMs),
      row.reason === undefined ? row.verdict : `skipped: ${row.reason}`,
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
}
