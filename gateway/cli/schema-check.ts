// Checks what the new SDL of a subgraph would break: npm run schema:check -- FILE. With --released, what
// the schema has lost since the last release.

import { buildSchema, type GraphQLSchema } from 'graphql'
import { glob, readFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { sharedSdl } from '../../schema/values/sdl.ts'
import { subgraphSdl, type SubgraphName } from '../../subgraphs/shared/subgraph.ts'
import { apiSdl } from '../supergraph/compose.ts'
import { composeSupergraph } from '../supergraph/index.ts'
import { changesBetween, type Change, type Changes } from './changes.ts'
import { readOperations } from './read-operations.ts'
import { undeprecatedChanges } from './released.ts'
import { printHelp } from './print-help.ts'

const usage = `usage: npm run schema:check -- FILE [--name NAME] [--with NAME=FILE …] [--operations FILES] [--strict]
       npm run schema:check -- --released
Prints what the SDL in FILE would break, as the new SDL of the subgraph NAME (by default the name of the file, or of
its folder for schema.graphql). The other subgraphs are those of the hub, or those of --with, where the current SDL
of NAME is given too. The operations of clients are schema/operations/*.graphql, or the documents, code and manifests
of --operations. The exit status is 1 when the subgraphs cannot be composed, or an operation of a client breaks; with
--strict, also when anything breaks that no operation uses. --released compares the schema for clients with that of
the last release in schema/released, and exits with 1 when anything is gone that was not deprecated there.`

const hubSubgraphs: readonly SubgraphName[] = ['participant', 'merchant', 'transaction', 'analytics']

if (printHelp(usage)) process.exit(0)
try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      with: { type: 'string', multiple: true },
      operations: { type: 'string', multiple: true },
      strict: { type: 'boolean', default: false },
      released: { type: 'boolean', default: false },
    },
  })
  if (values.released && positionals.length === 0) await checkReleased()
  else await checkFile(positionals, values)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

interface Options {
  readonly name?: string | undefined
  readonly with?: string[] | undefined
  readonly operations?: string[] | undefined
  readonly strict: boolean
}

async function checkFile(positionals: readonly string[], values: Options): Promise<void> {
  const [file, ...rest] = positionals
  if (file === undefined || rest.length > 0) throw new Error(usage)
  const current = values.with ? await readPairs(values.with) : hubSdls()
  const name = values.name ?? nameOf(file)
  const text = await readFile(file, 'utf8')
  const changed = new Map(current).set(name, values.with ? text : withSharedValues(text))
  const operations = await readOperations(await filesOf(values.operations ?? ['schema/operations/*.graphql']))
  const before = composed(current, 'the current subgraphs')
  const after = composed(changed, `with ${file} as "${name}"`)
  const changes = changesBetween(before, after, operations)
  console.log(report(changes, operations.length))
  if (isRefused(changes, values.strict)) process.exitCode = 1
}

/** Compares the schema for clients with that of the last release. */
async function checkReleased(): Promise<void> {
  const files = await Array.fromAsync(glob('schema/released/*.graphql'))
  const last = files.toSorted((one, other) => one.localeCompare(other, 'en', { numeric: true })).at(-1)
  if (last === undefined) throw new Error('schema/released has no file: npm run release makes the first one')
  const lost = undeprecatedChanges(await readFile(last, 'utf8'), composed(hubSdls(), 'the subgraphs'))
  for (const line of lost) console.log(line)
  console.log(`${lost.length} changes since ${last} break a client that uses nothing deprecated`)
  if (lost.length > 0) process.exitCode = 1
}

function hubSdls(): Map<string, string> {
  return new Map(hubSubgraphs.map((name) => [name, subgraphSdl(name)]))
}

async function readPairs(pairs: readonly string[]): Promise<Map<string, string>> {
  const read = pairs.map(async (pair): Promise<[string, string]> => {
    const [, name, file] = /^([^=]+)=(.+)$/.exec(pair) ?? []
    if (name === undefined || file === undefined) throw new Error(`--with takes NAME=FILE, not ${pair}`)
    return [name, await readFile(file, 'utf8')]
  })
  return new Map(await Promise.all(read))
}

function nameOf(file: string): string {
  const { name, dir } = path.parse(path.resolve(file))
  return name === 'schema' ? path.basename(dir) : name
}

/** The files of a subgraph of the hub leave out the values that all of them share. */
function withSharedValues(text: string): string {
  return /^enum ReasonCode\b/m.test(text) ? text : `${text}\n\n${sharedSdl}`
}

async function filesOf(patterns: readonly string[]): Promise<readonly string[]> {
  const files = await Promise.all(patterns.map((pattern) => Array.fromAsync(glob(pattern))))
  const missing = patterns.filter((_, n) => files[n]!.length === 0)
  if (missing.length > 0) throw new Error(`there is no file ${missing.join(', ')}`)
  return files.flat()
}

/** The schema for clients. Throws an Error that lists why the subgraphs cannot be composed. */
function composed(sdls: ReadonlyMap<string, string>, what: string): GraphQLSchema {
  try {
    return buildSchema(apiSdl(composeSupergraph([...sdls].map(([name, sdl]) => ({ name, sdl })))))
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error })
  }
}

function isRefused({ breaking, invalid }: Changes, strict: boolean): boolean {
  return invalid.length > 0 || breaking.some(({ usedBy }) => strict || usedBy.length > 0)
}

function report({ breaking, dangerous, invalid, stale }: Changes, count: number): string {
  const line = ({ description, usedBy }: Change): string =>
    `  ${description}${usedBy.length > 0 ? ` Used by ${usedBy.join(', ')}.` : ' No operation uses it.'}`
  const sections: readonly (readonly [string, readonly string[]])[] = [
    ['Breaking', breaking.map(line)],
    ['Dangerous', dangerous.map(line)],
    [
      'Operations that would be refused',
      invalid.map(({ operation: { file, name }, reasons }) => `  ${file}, ${name}: ${reasons.join(' ')}`),
    ],
    ['Operations that are not valid now', stale.map(({ file, name }) => `  ${file}, ${name}`)],
  ]
  const used = breaking.filter(({ usedBy }) => usedBy.length > 0).length
  return [
    `The subgraphs compose. ${breaking.length} breaking changes, ${used} of them used; ${dangerous.length} dangerous ones; ${invalid.length} of ${count} operations would be refused.`,
    ...sections.flatMap(([title, lines]) => (lines.length > 0 ? [`${title}:`, ...lines] : [])),
  ].join('\n')
}
