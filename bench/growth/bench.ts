// How the time of a request grows with its entities and with the subgraphs that they are joined from, without
// a network.

import fastify from 'fastify'
import mercurius from 'mercurius'
import {
  composeSupergraph,
  createInProcessConnection,
  createSupergraph,
} from '../../gateway/supergraph/index.ts'
import { buildFederatedSchema } from '../../subgraphs/shared/federated-schema.ts'
import { measure } from '../measure.ts'
import { report, row, type Row } from '../report.ts'
import { rounds, sliceSeconds } from '../settings.ts'

const entities = [1, 10, 100, 1_000]
const counts = [1, 2, 4, 8]

const link = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key"])\n'
const byId = (references: readonly { readonly id: string }[]) => references.map(({ id }) => ({ id }))

/** The first subgraph has the list, and each of the others a field of its items. */
async function graphOf(count: number) {
  const parts = Array.from({ length: count }, (_part, n) => {
    const sdl = `${link}type Item @key(fields: "id") { id: ID! field${n}: String! }
      ${n === 0 ? 'type Query { items(first: Int!): [Item!]! }' : ''}`
    const field = ({ id }: { readonly id: string }): string => `${n} of ${id}`
    const items = (_: unknown, { first }: { readonly first: number }) =>
      Array.from({ length: first }, (_item, index) => ({ id: String(index) }))
    const resolvers = {
      Item: { __resolveReferences: byId, [`field${n}`]: field },
      ...(n === 0 && { Query: { items } }),
    }
    return { name: `part${n}`, sdl, resolvers }
  })
  const apps = await Promise.all(
    parts.map(async ({ name, sdl, resolvers }) => {
      const app = fastify()
      await app.register(mercurius, { schema: buildFederatedSchema(sdl, resolvers), jit: 1 })
      await app.ready()
      return [name, app] as const
    }),
  )
  const supergraph = createSupergraph({
    supergraphSdl: composeSupergraph(parts.map(({ name, sdl }) => ({ name, sdl }))),
    subgraphs: new Map(apps.map(([name, app]) => [name, createInProcessConnection(name, app)])),
  })
  const fields = parts.map((_, n) => `field${n}`).join(' ')
  const prepared = supergraph.prepare(`query($first: Int!) { items(first: $first) { id ${fields} } }`)
  if (prepared.kind === 'rejected') throw new Error(prepared.errors[0]!.message)
  return {
    run: (first: number) => prepared.execute({ first }, {}),
    close: async () => void (await Promise.all(apps.map(([, app]) => app.close()))),
  }
}

export async function bench(): Promise<void> {
  const rows: Row[] = []
  for (const count of counts) {
    const graph = await graphOf(count)
    const contenders = entities.map((first) => ({ name: String(first), run: async () => graph.run(first) }))
    const options = { concurrency: 1, rounds, sliceMs: sliceSeconds * 300, warmUpMs: sliceSeconds * 500 }
    for (const { name, perSecond, p50 } of await measure(contenders, options)) {
      const what = `${name} entities joined from ${count} subgraphs`
      rows.push(
        row(`${what}: requests`, perSecond, 'requests/s'),
        row(`${what}: p50`, p50, 'ms'),
        row(`${what}: one entity of one subgraph`, 1_000_000 / perSecond / Number(name) / count, 'µs'),
      )
    }
    await graph.close()
  }
  report('growth', rows)
}
