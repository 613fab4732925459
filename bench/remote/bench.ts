// Compares engines whose subgraphs are servers of their own: the same three requests as `engine`, and the
// calls for entities of several requests sent as one.

import { compareData, load, serve, type Server, type Target } from '../load.ts'
import { ratio, type Rate } from '../measure.ts'
import { report, row, type Row } from '../report.ts'
import { rounds, sliceSeconds } from '../settings.ts'
import { benchKey } from '../engine/keys.ts'
import { queries } from '../engine/world.ts'

const labels = {
  hub: 'hub',
  hand: 'joins by hand with undici',
  apollo: 'Apollo Gateway',
  hive: 'Hive Gateway',
  grouped: 'hub, calls of requests grouped',
} as const
type Name = keyof typeof labels

const goals: Partial<Record<Name, string>> = { apollo: '≥ 3', hive: '≥ 3' }
const headers = { authorization: `Bearer ${benchKey}` }
const file = new URL('serve.ts', import.meta.url)

export async function bench(): Promise<void> {
  const subgraphs = await serve('subgraphs', file, ['subgraphs'])
  const environment = { SUBGRAPHS: subgraphs.url }
  const servers: Server[] = []
  for (const name of Object.keys(labels)) servers.push(await serve(name, file, [name], environment))
  const rows: Row[] = []
  const serversOf = (...names: readonly Name[]) => servers.filter(({ name }) => names.includes(name as Name))
  for (const index of queries.keys())
    rows.push(...(await compared(index, 32, serversOf('hub', 'hand', 'apollo', 'hive'))))
  for (const index of [0, 1]) rows.push(...(await compared(index, 64, serversOf('hub', 'grouped'))))
  report('remote', rows)
  for (const server of [...servers, subgraphs]) await server.close()
}

/** Compares the servers for one query; the first is the hub. */
async function compared(index: number, connections: number, servers: readonly Server[]): Promise<Row[]> {
  const query = queries[index]!
  const bodies = Array.from({ length: 64 }, (_, n) =>
    JSON.stringify({ query: query.document, variables: query.variables(n * 31) }),
  )
  const targets: Target[] = servers.map(({ name, url }) => ({
    name,
    url: name === 'hand' ? `${url}/${index}` : url,
    headers,
    bodies,
  }))
  for (const body of bodies) await compareData(query.name, targets, body)
  const rates = await load(targets, { connections, rounds, sliceSeconds })
  return rates.map((rate) => rowOf(`${query.name}, ${connections} in flight`, rate, rates[0]!))
}

function rowOf(what: string, rate: Rate, hub: Rate): Row {
  const name = rate.name as Name
  const against = rate === hub ? null : { ratio: ratio(hub, rate), peer: labels[name] }
  return row(`${what}: ${labels[name]}`, rate.perSecond, 'requests/s', against, goals[name] ?? null)
}
