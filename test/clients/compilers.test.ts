// The compilers of clients: Relay's, and the client preset of graphql-codegen, over the schema and its
// documents.

import { generate } from '@graphql-codegen/cli'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(path.join(tmpdir(), 'crossgate-compilers-'))
afterAll(() => rmSync(folder, { recursive: true }))
const schema = path.join(root, 'schema/generated/api.graphql')

const relaySource = `
graphql\`
  fragment List_merchant on Merchant { id name city country { code } }
\`
graphql\`
  fragment List_query on Query
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" })
  @refetchable(queryName: "ListPageQuery") {
    merchants(first: $first, after: $after) @connection(key: "List_merchants") {
      edges { cursor node { id ...List_merchant } }
    }
  }
\`
graphql\`
  query ListQuery { viewer { participant { id name } } ...List_query }
\`
graphql\`
  fragment List_payment on Payment @refetchable(queryName: "ListPaymentRefetchQuery") { id status events { kind at } }
\`
graphql\`
  query ListNodeQuery($id: ID!) { node(id: $id) { __typename id ...List_payment @alias(as: "payment") ... on Merchant { name } } }
\`
graphql\`
  mutation ListPayMutation($input: SubmitPaymentInput!) {
    submitPayment(input: $input) { __typename ... on PaymentReceipt { payment { id status } } ... on Problem { code } }
  }
\`
graphql\`
  subscription ListEventsSubscription($after: String) { transactionEvents(after: $after) { cursor to transaction { id } } }
\`
`

test(
  'Relay compiles fragments, a refetchable connection and node, a mutation and a subscription',
  { timeout: 120_000 },
  async () => {
    const source = path.join(folder, 'src')
    mkdirSync(source)
    writeFileSync(path.join(source, 'List.ts'), relaySource)
    writeFileSync(path.join(folder, 'schema.graphql'), readFileSync(schema))
    writeFileSync(
      path.join(folder, 'relay.config.json'),
      JSON.stringify({
        src: './src',
        schema: './schema.graphql',
        language: 'typescript',
        artifactDirectory: './made',
        eagerEsModules: true,
      }),
    )
    mkdirSync(path.join(folder, 'made'))
    const compiler = fileURLToPath(import.meta.resolve('relay-compiler/cli.js'))
    await promisify(execFile)(process.execPath, [compiler, './relay.config.json'], { cwd: folder })
    expect(readdirSync(path.join(folder, 'made')).toSorted()).toEqual(
      [
        'ListEventsSubscription',
        'ListNodeQuery',
        'ListPageQuery',
        'ListPayMutation',
        'ListPaymentRefetchQuery',
        'ListQuery',
        'List_merchant',
        'List_payment',
        'List_query',
      ].map((name) => `${name}.graphql.ts`),
    )
    // Relay makes the query that reads a payment again by its id.
    const refetch = readFileSync(path.join(folder, 'made/ListPaymentRefetchQuery.graphql.ts'), 'utf8')
    expect(refetch).toContain('node(id: $id)')
  },
)

test(
  'the client preset gives every document of schema/operations its types',
  { timeout: 120_000 },
  async () => {
    const files = await generate(
      {
        schema,
        documents: path.join(
          root,
          'schema/operations/{wallet,counterparty,operator,portal,dashboard}.graphql',
        ),
        silent: true,
        generates: {
          [`${folder}/codegen/`]: {
            preset: 'client',
            config: { useTypeImports: true, scalars: { Decimal: 'string', DateTime: 'string' } },
          },
        },
      },
      false,
    )
    const made = (files as readonly { filename: string; content: string }[]).find(({ filename }) =>
      filename.endsWith('/graphql.ts'),
    )!
    for (const name of [
      'SubmitPaymentDocument',
      'LiveTransactionsDocument',
      'SetCorridorDocument',
      'ViewerDocument',
    ])
      expect(made.content).toContain(`export const ${name}`)
  },
)
