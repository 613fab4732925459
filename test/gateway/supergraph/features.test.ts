// Cases by feature: each document is compared with graphql-js over the same world, with the subgraphs in this
// process and behind HTTP.

import { execute, parse, validate, type GraphQLSchema } from 'graphql'
import { createServer, type Server } from 'node:http'
import { text } from 'node:stream/consumers'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openHttpConnection, type HttpConnection } from '../../../gateway/supergraph/connection-http.ts'
import { aFederation, type Federation } from '../../fixtures/a-federation.ts'
import type { World } from '../../fixtures/federation-world.ts'
import { federations } from '../../fixtures/federations.ts'
import { difference } from './compare-responses.ts'
import { featureDocuments } from './feature-documents.ts'

const worlds: readonly World[] = [
  { seed: 1, nulls: 0, violations: 0, errors: 0, promises: 0 },
  { seed: 2, nulls: 0.2, violations: 0, errors: 0.05, promises: 0 },
]

const servers: Server[] = []
const connections: HttpConnection[] = []
/** The servers receive the world by its index. */
const worldHeader = 'x-world'

/** Serves a subgraph over HTTP: it validates each document, as an independent server does. */
async function serve(schema: GraphQLSchema): Promise<string> {
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const { query, variables } = JSON.parse(await text(request)) as {
        query: string
        variables: Record<string, unknown>
      }
      const document = parse(query)
      const errors = validate(schema, document)
      const contextValue = { world: worlds[Number(request.headers[worldHeader])]! }
      const result =
        errors.length > 0
          ? { errors }
          : await execute({ schema, document, variableValues: variables, contextValue })
      response.setHeader('content-type', 'application/json').end(JSON.stringify(result))
    }
    answer().catch((error: unknown) => response.destroy(error as Error))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

async function overHttp(name: string): Promise<Federation> {
  const schemas = new Map<string, GraphQLSchema>()
  const hold = (subgraph: string, schema: GraphQLSchema) => {
    schemas.set(subgraph, schema)
    return { name: subgraph, prepare: () => expect.unreachable() }
  }
  aFederation(name, federations[name]!, hold)
  const urls = new Map<string, string>()
  for (const [subgraph, schema] of schemas) urls.set(subgraph, await serve(schema))
  return aFederation(name, federations[name]!, (subgraph) => {
    const connection = openHttpConnection(subgraph, urls.get(subgraph)!, {
      headers: (context) => ({
        [worldHeader]: String(worlds.indexOf((context as { world: World }).world)),
      }),
    })
    connections.push(connection)
    return connection
  })
}

afterAll(async () => {
  await Promise.all(connections.map((connection) => connection.close()))
  servers.forEach((server) => server.close())
})

describe.each(Object.entries(featureDocuments))('%s', (name, documents) => {
  let inProcess: Federation
  let http: Federation
  beforeAll(async () => {
    inProcess = aFederation(name, federations[name]!)
    http = await overHttp(name)
  })

  test.each(documents)('%s', async (document) => {
    const random = { text: document, variables: {}, operationName: null }
    for (const world of worlds) {
      expect(await difference(inProcess, random, world)).toBeNull()
      expect(await difference(http, random, world)).toBeNull()
    }
  })
})

test('there are at least 250 cases', () => {
  expect(Object.values(featureDocuments).flat().length).toBeGreaterThanOrEqual(250)
})
