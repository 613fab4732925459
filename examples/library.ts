// An ordinary Federation 2 subgraph, without any code of the hub, for docs/guide/standalone-gateway.md:
//   npx node examples/library.ts PORT

import { buildSubgraphSchema } from '@apollo/subgraph'
import { graphql, parse } from 'graphql'
import { createServer } from 'node:http'
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

createServer((request, response) => {
  void text(request).then(async (body) => {
    const { query, variables } = JSON.parse(body) as { query: string; variables?: Record<string, unknown> }
    const contextValue = request.headers['accept-language'] ?? null
    const result = await graphql({ schema, source: query, contextValue, variableValues: variables ?? {} })
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result))
  })
}).listen(port, '127.0.0.1', () => console.log(`The library is at http://127.0.0.1:${port}/`))
