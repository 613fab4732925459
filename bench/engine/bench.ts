// Compares engines: the same three requests to five engines over subgraphs in memory. The first measurement
// is over HTTP, as in production; the second is without a network, and shows the cost of joining and
// rendering.

import { compareData, load, serve } from '../load.ts'
import { measure, ratio, type Rate } from '../measure.ts'
import { report, row, type Row } from '../report.ts'
import { rounds, sliceSeconds } from '../settings.ts'
import { apollo, hand, hive, hub, monolith } from './engines.ts'
import { benchKey } from './keys.ts'
import { queries } from './world.ts'

const names = ['hub', 'monolith', 'hand', 'apollo', 'hive'] as const
const labels = [
  'hub',
  'mercurius monolith with JIT',
  'joins by hand in Fastify',
  'Apollo Gateway',
  'Hive Gateway',
]
/** Of the hub and of the joins by hand, which both check it; the other engines ignore it. */
const headers = { authorization: `Bearer ${benchKey}` }
/** Goals for the hub's rate over HTTP, as a multiple of the rate of each engine. */
const goals = [null, null, '≥ 1', '≥ 15', null]
/** The same without a network. */
const goalsInProcess = [null, '≥ 1', null, null, null]

export async function bench(): Promise<void> {
  const rows = [...(await overHttp()), ...(await withoutNetwork())]
  report('engine', rows)
}

async function overHttp(): Promise<Row[]> {
  const servers = []
  for (const name of names) servers.push(await serve(name, new URL('serve.ts', import.meta.url), [name]))
  const rows: Row[] = []
  for (const [index, query] of queries.entries()) {
    const bodies = Array.from({ length: 64 }, (_, n) =>
      JSON.stringify({ query: query.document, variables: query.variables(n * 31) }),
    )
    const targets = servers.map(({ name, url }) => ({
      name,
      url: name === 'hand' ? `${url}/${index}` : url,
      headers,
      bodies,
    }))
    for (const body of bodies) await compareData(query.name, targets, body)
    const rates = await load(targets, { connections: 32, rounds, sliceSeconds })
    rows.push(...rowsOf(`${query.name}, HTTP`, rates, goals))
  }
  await Promise.all(servers.map((server) => server.close()))
  return rows
}

async function withoutNetwork(): Promise<Row[]> {
  const engines = await Promise.all([hub(), monolith(), hand(), apollo(), hive()])
  const rows: Row[] = []
  for (const [index, query] of queries.entries()) {
    let n = 0
    const contenders = engines.map(({ name, execute }) => ({
      name,
      run: () => execute(index, query.variables((n += 1))),
    }))
    const slice = { sliceMs: 300 * sliceSeconds, warmUpMs: 1_000 * sliceSeconds }
    const rates = await measure(contenders, { concurrency: 16, rounds: rounds + 2, ...slice })
    rows.push(...rowsOf(`${query.name}, no network`, rates, goalsInProcess))
  }
  await Promise.all(engines.map((engine) => engine.close()))
  return rows
}

function rowsOf(what: string, rates: readonly Rate[], rowGoals: readonly (string | null)[]): Row[] {
  const [ours] = rates
  return rates.map((rate, index) =>
    rate === ours
      ? row(`${what}: ${labels[index]}`, rate.perSecond, 'requests/s')
      : row(
          `${what}: ${labels[index]}`,
          rate.perSecond,
          'requests/s',
          { ratio: ratio(ours!, rate), peer: labels[index]! },
          rowGoals[index] ?? null,
        ),
  )
}
