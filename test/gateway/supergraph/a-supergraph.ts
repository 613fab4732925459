// A supergraph out of SDL and resolvers, all in this process, and the short way to ask it something.

import {
  composeSupergraph,
  createSupergraph,
  inProcessConnection,
  type SubgraphConnection,
  type Supergraph,
  type SupergraphOptions,
} from '../../../gateway/supergraph/index.ts'
import { buildFederatedSchema, type Resolvers } from '../../../subgraphs/federated-schema.ts'

export const federation = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key", "@shareable", "@external", "@requires", "@inaccessible", "@interfaceObject"])\n`

export interface SubgraphParts {
  readonly sdl: string
  readonly resolvers: Resolvers
}

export const inProcess = (name: string, { sdl, resolvers }: SubgraphParts): SubgraphConnection =>
  inProcessConnection(name, { graphql: { schema: buildFederatedSchema(federation + sdl, resolvers) } })

/** `connections` take the place of the connections in this process. */
export function aSupergraph(
  subgraphs: Readonly<Record<string, SubgraphParts>>,
  options: Partial<SupergraphOptions> = {},
  connections: Readonly<Record<string, SubgraphConnection>> = {},
): Supergraph {
  const entries = Object.entries(subgraphs)
  return createSupergraph({
    supergraphSdl: composeSupergraph(entries.map(([name, { sdl }]) => ({ name, sdl: federation + sdl }))),
    subgraphs: new Map(entries.map(([name, parts]) => [name, connections[name] ?? inProcess(name, parts)])),
    ...options,
  })
}

export interface Answer {
  readonly data?: unknown
  readonly errors?: readonly {
    readonly message: string
    readonly path?: readonly (string | number)[]
    readonly extensions?: Readonly<Record<string, unknown>>
  }[]
}

/** Prepares, coerces and executes; a refusal on the way is an answer without data. */
export async function ask(
  supergraph: Supergraph,
  document: string,
  variables: unknown = {},
  context: unknown = {},
): Promise<Answer> {
  const prepared = supergraph.prepare(document)
  if (prepared.kind === 'rejected') return { errors: prepared.errors }
  const coerced = prepared.coerce(variables)
  if ('errors' in coerced) return { errors: coerced.errors }
  return JSON.parse(await prepared.execute(coerced.variables, context)) as Answer
}
