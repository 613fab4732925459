// What the walls between callers cost per request, and what they keep from a good caller: its latency alone,
// and beside a thousand bad requests a second and a caller at its limit.
//
// BENCH_SECONDS (default 15) is the length of one measurement under attack, BENCH_ROUNDS (default 5) their
// number.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { queries } from '../engine/world.ts'
import { load, serve } from '../load.ts'
import { median, quantile, ratio } from '../measure.ts'
import { openLoop } from '../open-loop.ts'
import { report, row, type Row } from '../report.ts'
import { keys } from './keys.ts'

const seconds = Number(process.env['BENCH_SECONDS'] ?? 15)
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5)
const headers = { authorization: `Bearer ${keys[0]}` }
const server = new URL('serve.ts', import.meta.url)
/** Requests a second of the good caller: well below what the hub can answer. */
const goodPerSecond = 300
const badPerSecond = 1_000

export async function bench(): Promise<void> {
  report('walls', [...(await cost()), ...(await underAttack())])
}

/** Requests a second with the walls, as a share of those without. */
async function cost(): Promise<Row[]> {
  const servers = [await serve('walls', server, ['walls']), await serve('bare', server, ['bare'])]
  const rows: Row[] = []
  for (const query of queries) {
    const bodies = Array.from({ length: 64 }, (_, n) =>
      JSON.stringify({ query: query.document, variables: query.variables(n * 31) }),
    )
    const targets = servers.map(({ name, url }) => ({ name, url, headers, bodies }))
    const [walls, bare] = await load(targets, { connections: 32, rounds: rounds * 2 + 1, sliceSeconds: 1 })
    rows.push(
      row(`${query.name}: with keys, scopes, cost and limits`, walls!.perSecond, 'requests/s'),
      row(
        `${query.name}: without`,
        bare!.perSecond,
        'requests/s',
        { ratio: ratio(walls!, bare!), peer: 'without' },
        '≥ 0.92',
      ),
    )
  }
  await Promise.all(servers.map((one) => one.close()))
  return rows
}

async function underAttack(): Promise<Row[]> {
  // The caller at its limit gets some hundred operations a second, and 429 for the others.
  const hub = await serve('walls', server, ['walls'], { KEY_COST_PER_MINUTE: '60000' })
  const p99s: Record<'alone' | 'attacked', number[]> = { alone: [], attacked: [] }
  const answers: string[] = []
  const measure = async (): Promise<number> => {
    const { document, variables } = queries[0]
    const latencies = await openLoop({
      url: hub.url,
      headers: { authorization: `Bearer ${keys[10]}` },
      perSecond: goodPerSecond,
      seconds,
      body: (n) => JSON.stringify({ query: document, variables: variables(n) }),
    })
    return quantile(latencies, 0.99)
  }
  await measure()
  for (let round = 0; round < rounds; round++) {
    p99s.alone.push(await measure())
    const attack = attackFor(hub.url, seconds + 1)
    p99s.attacked.push(await measure())
    answers.push(await attack)
  }
  await hub.close()
  console.log(answers.at(-1))
  const [alone, attacked] = [median(p99s.alone), median(p99s.attacked)]
  const ratios = p99s.attacked.map((p99, round) => p99 / p99s.alone[round]!)
  return [
    row(`${goodPerSecond} good requests a second, p99 alone`, alone, 'ms'),
    row(`the same beside ${badPerSecond} bad requests a second and a caller at its limit`, attacked, 'ms'),
    row('the second, as a multiple of the first', median(ratios), '×', null, '≤ 1.3'),
  ]
}

const attackFor = async (url: string, length: number): Promise<string> => {
  const attack = fileURLToPath(new URL('attack.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [
    attack,
    url,
    String(badPerSecond),
    String(length),
  ])
  return stdout.trim()
}
