// An ordinary Federation 2 subgraph, without any code of the hub, for docs/guide/standalone-gateway.md:
//   npx node examples/library.ts PORT

import { buildSubgraphSchema } from '@apollo/subgraph'
import { graphql, parse } from 'graphql'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

const typeDefs = parse(`
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { book(id: ID!): Book, language: String }
  type Book @key(fields: "id") { id: ID!, title: String! }
`)

const bookOf = ({ id }: { id: string }) => (id === '1' ? { id, title: 'Tea' } : null)

const resolvers = {
  Query: {
    book: (_: unknown, args: { id: string }) => bookOf(args),
    language: (_: unknown, __: unknown, language: string | null) => language,
  },
  Book: { __resolveReference: bookOf },
}

const schema = buildSubgraphSchema([{ typeDefs, resolvers: resolvers as never }])
const port = Number(process.argv[2] ?? 9000)

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request)
  const { query, variables } = JSON.parse(body) as { query: string; variables?: Record<string, unknown> }
  const contextValue = request.headers['accept-language'] ?? null
  const result = await graphql({ schema, source: query, contextValue, variableValues: variables ?? {} })
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result))
}

createServer((request, response) => void answer(request, response)).listen(port, '127.0.0.1', () =>
  console.log(`The library is at http://127.0.0.1:${port}/`),
)
