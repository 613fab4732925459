// Writes the manifest of trusted documents: npm run -s operations -- FILES > manifest.json

import { buildSchema, parse, validate } from 'graphql'
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { Manifest } from '../protocol/trusted-documents.ts'
import { readOperations, type ClientOperation } from './read-operations.ts'
import { printHelp } from './print-help.ts'

const usage = `usage: npm run -s operations -- [--schema FILE] FILES > manifest.json
Prints the manifest of the operations in FILES: documents (.graphql), and code with graphql(\`…\`) or gql\`…\`
in it. TRUSTED_DOCUMENTS is such a file. The exit status is 1 when an operation is not valid for the schema for
clients, which is schema/generated/api.graphql unless --schema gives another.`

if (printHelp(usage)) process.exit(0)
try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { schema: { type: 'string' } },
  })
  if (positionals.length === 0) throw new Error(usage)
  const schemaFile = values.schema ?? new URL('../../schema/generated/api.graphql', import.meta.url)
  const operations = await readOperations(positionals)
  const mistakes = mistakesIn(operations, await readFile(schemaFile, 'utf8'))
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'))
  console.log(JSON.stringify(manifestOf(operations), null, 2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

function mistakesIn(operations: readonly ClientOperation[], sdl: string): readonly string[] {
  const schema = buildSchema(sdl)
  return operations.flatMap(({ file, name, text }) =>
    validate(schema, parse(text)).map(({ message }) => `${file}, ${name}: ${message}`),
  )
}

/** Each document once, whatever files have it. */
function manifestOf(operations: readonly ClientOperation[]): Manifest {
  const byId = new Map(operations.map(({ id, name, type, text }) => [id, { id, name, type, body: text }]))
  return { format: 'apollo-persisted-query-manifest', version: 1, operations: [...byId.values()] }
}
