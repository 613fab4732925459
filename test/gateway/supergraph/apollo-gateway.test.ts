import { ApolloGateway, LocalGraphQLDataSource } from '@apollo/gateway'
import { Kind, parse, print, visit, type ExecutionResult, type GraphQLSchema } from 'graphql'
import { createHash } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { composeSupergraph } from '../../../gateway/supergraph/index.ts'
import { aFederation } from '../../fixtures/a-federation.ts'
import { aRandomDocument, type RandomDocument } from '../../fixtures/a-random-document.ts'
import { randomFrom, type World } from '../../fixtures/federation-world.ts'
import { federations } from '../../fixtures/federations.ts'
import { createStrictConnection } from './strict-connection.ts'

const world: World = { seed: 3, nulls: 0.1, violations: 0, errors: 0, promises: 0 }
const documentsOfEach = 8

/**
 * Federations that Apollo Gateway answers as graphql-js does. For `@requires` with arguments and for
 * `@interfaceObject`, it does not: same-response.test.ts compares these.
 */
const compared = [
  'entities in lists, and in lists of lists',
  'composite keys',
  'several keys, reached from one to the next',
  '@provides',
  '@shareable values and roots',
  '@override',
  'Query below a field',
  'mutations',
]

const gateways: ApolloGateway[] = []
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()))
})

async function openGateway(name: string, schemas: ReadonlyMap<string, GraphQLSchema>) {
  const gateway = new ApolloGateway({
    supergraphSdl: composeSupergraph(
      federations[name]!.map((subgraph) => ({ ...subgraph, url: `http://${subgraph.name}.invalid` })),
    ),
    buildService: (service) => new LocalGraphQLDataSource(schemas.get(service.name)!),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  })
  gateways.push(gateway)
  const { executor } = await gateway.load()
  return ({ text, variables, operationName }: RandomDocument): Promise<ExecutionResult> =>
    executor({
      document: parse(text),
      queryHash: createHash('sha256').update(text).digest('hex'),
      operationName: operationName ?? undefined,
      request: { query: text, variables, operationName: operationName ?? undefined },
      context: { world },
      metrics: {},
      cache: {},
      schema: {},
      overallCachePolicy: {},
      logger: {},
    } as never) as Promise<ExecutionResult>
}

/**
 * The document with aliases that are no names of fields, and without `@skip` and `@include` of constants: an
 * alias that hides a key, or a selection that becomes empty, is answered wrongly by Apollo Gateway.
 */
function withOwnAliases(document: RandomDocument): RandomDocument {
  const changed = visit(parse(document.text), {
    Field: ({ alias, ...node }) =>
      alias ? { ...node, alias: { ...alias, value: `own_${alias.value}` } } : undefined,
    Directive: ({ arguments: args }) => (args?.[0]?.value.kind === Kind.BOOLEAN ? null : undefined),
  })
  const variables = Object.entries(document.variables).map(([name, value]) => [
    name,
    name.startsWith('switch') ? true : value,
  ])
  return { ...document, text: print(changed), variables: Object.fromEntries(variables) }
}

describe('the data is that of Apollo Gateway', () => {
  test.each(compared)('%s', async (name) => {
    const schemas = new Map<string, GraphQLSchema>()
    const { hub } = aFederation(name, federations[name]!, (subgraph, schema) => {
      schemas.set(subgraph, schema)
      return createStrictConnection(subgraph, schema)
    })
    const apollo = await openGateway(name, schemas)
    for (let n = 0; n < documentsOfEach; n++) {
      const random = randomFrom(`${name} ${n}`)
      const document = withOwnAliases(aRandomDocument(hub.schema, (below) => Math.floor(random() * below)))
      const prepared = hub.prepare(document.text, document.operationName)
      if (prepared.kind === 'rejected') throw new Error(`${document.text}\n${prepared.errors[0]!.message}`)
      const coerced = prepared.coerce(document.variables)
      // A null of a variable where none is allowed: Apollo Gateway leaves it to the subgraphs.
      if ('errors' in coerced) continue
      const response = await prepared.execute(coerced.variables, { world })
      const ours = JSON.parse(response.toString()) as ExecutionResult
      const theirs = await apollo(document)
      const text = JSON.stringify(theirs.data ?? null)
      expect({ document, data: ours.data }).toEqual({ document, data: JSON.parse(text) as unknown })
      expect({ document, hasErrors: ours.errors !== undefined }).toEqual({
        document,
        hasErrors: theirs.errors !== undefined,
      })
    }
  })
})
