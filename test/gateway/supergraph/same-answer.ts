// What it means that the hub and graphql-js give the same answer.
//
// The data must be the same text. The errors need care, because the specification leaves open which errors are reported
// of a part of the answer that one of them has already made null: the monolith stops looking there, and so does each
// subgraph, but not at the same place. So each error is taken to where it shows: the first null on its path. Then
//
// 1. both report an error at the same nulls,
// 2. the hub reports nothing that is not among the errors there can be at all, which a schema without any non-null
//    tells: path and message,
// 3. and it reports nothing twice.
//
// In messages about a null where none may be, the name of the type is left out: a subgraph that knows an interface as an
// object speaks of the interface.

import { execute, parse, type ExecutionResult, type GraphQLError } from 'graphql'
import type { World } from '../../fixtures/supergraph-world.ts'
import type { RandomDocument } from './documents.ts'
import type { Graphs, PossibleError, WorldContext } from './graphs.ts'

interface Entry {
  readonly message: string
  readonly path?: readonly (string | number)[] | undefined
}

/** Runs a document both ways; null when the answers are the same, else how they differ. */
export async function difference(
  graphs: Graphs,
  document: RandomDocument,
  world: World,
): Promise<string | null> {
  const expected = run(graphs, 'monolith', document, { world })
  const { text, data, errors } = await askHub(graphs, document, world)
  const expectedData = JSON.stringify(expected.data)
  const start = `{"data":${expectedData}`
  if (text !== `${start}}` && !text.startsWith(`${start},"errors":`)) {
    return `the data is\n${JSON.stringify(data)}\ninstead of\n${expectedData}\nwith errors\n${show(errors)}\ninstead of\n${show(expected.errors ?? [])}`
  }
  return differentErrors(data, errors, expected.errors ?? [], () => possibleErrors(graphs, document, world))
}

function run(
  { monolith, exhaustive }: Graphs,
  which: 'monolith' | 'exhaustive',
  { text, variables, operationName }: RandomDocument,
  contextValue: WorldContext,
): ExecutionResult {
  return execute({
    schema: which === 'monolith' ? monolith : exhaustive,
    document: parse(text),
    contextValue,
    variableValues: variables,
    operationName,
  }) as ExecutionResult
}

async function askHub(
  { hub }: Graphs,
  { text, variables, operationName }: RandomDocument,
  world: World,
): Promise<{ text: string; data: unknown; errors: readonly Entry[] }> {
  const prepared = hub.prepare(text, operationName)
  if (prepared.kind === 'rejected') throw new Error(`rejected: ${JSON.stringify(prepared.errors)}`)
  const coerced = prepared.coerce(variables)
  if ('errors' in coerced) throw new Error(`variables refused: ${JSON.stringify(coerced.errors)}`)
  const answer = await prepared.execute(coerced.variables, { world } satisfies WorldContext)
  const { data, errors = [] } = JSON.parse(answer) as { data: unknown; errors?: Entry[] }
  return { text: answer, data, errors }
}

function possibleErrors(graphs: Graphs, document: RandomDocument, world: World): readonly Entry[] {
  const nulls: PossibleError[] = []
  const { errors = [] } = run(graphs, 'exhaustive', document, { world, nulls })
  return [...errors, ...nulls]
}

function differentErrors(
  data: unknown,
  errors: readonly Entry[],
  expected: readonly GraphQLError[],
  possible: () => readonly Entry[],
): string | null {
  if (errors.length === 0 && expected.length === 0) return null
  const nulls = (entries: readonly Entry[]): string =>
    [...new Set(entries.map(({ path }) => JSON.stringify(shownAt(data, path))))].toSorted().join('\n')
  if (nulls(errors) !== nulls(expected)) return `errors are\n${show(errors)}\ninstead of\n${show(expected)}`
  const known = new Set(possible().map(identity))
  const unknown = errors.filter((error) => !known.has(identity(error)))
  if (unknown.length > 0) return `errors that cannot be:\n${show(unknown)}`
  return new Set(errors.map(identity)).size < errors.length ? `errors reported twice:\n${show(errors)}` : null
}

/** The first null on the way; an error whose place is not null shows nowhere, and is never right. */
function shownAt(
  data: unknown,
  path: readonly (string | number)[] = [],
): readonly (string | number)[] | 'nowhere' {
  let value = data
  for (let n = 0; n <= path.length; n++) {
    if (value === null) return path.slice(0, n)
    value = (value as Record<string | number, unknown> | undefined)?.[path[n]!]
  }
  return 'nowhere'
}

const identity = ({ path, message }: Entry): string =>
  JSON.stringify([path, message.replace(/(non-nullable field )\w+\./, '$1')])

const show = (errors: readonly Entry[]): string =>
  errors.map(({ path, message }) => `${JSON.stringify(path)}: ${message}`).join('\n')
