// Compares the response of the hub with that of graphql-js.
//
// The data must be the same text. The errors may differ: the specification does not define which errors are
// reported below a null that has propagated. The monolith stops there, and each subgraph stops at another
// field. So each error is moved to the first null on its path. Then three conditions must hold:
//
// 1. Both report an error at the same nulls.
// 2. Each error of the hub, with path and message, is one of the possible errors. A schema without non-null
//    types gives all of these.
// 3. The hub reports no error twice.
//
// The hub refuses a null of a variable at a non-null position before the operation runs. graphql-js reports
// it at the fields that it reaches, so such documents are only compared up to this refusal.
//
// In messages about a forbidden null, the name of the type is ignored: a subgraph with an `@interfaceObject`
// gives the name of the interface.

import { execute, parse, type ExecutionResult, type GraphQLError } from 'graphql'
import type { Federation, PossibleError, WorldContext } from '../../fixtures/a-federation.ts'
import type { RandomDocument } from '../../fixtures/a-random-document.ts'
import type { World } from '../../fixtures/federation-world.ts'

interface Entry {
  readonly message: string
  readonly path?: readonly (string | number)[] | undefined
}

/** Runs a document both ways; returns the difference between the responses, or null. */
export async function difference(
  federation: Federation,
  document: RandomDocument,
  world: World,
): Promise<string | null> {
  const refusal = nullRefusal(federation, document)
  if (refusal !== null) {
    const isOfNull = Object.values(document.variables).includes(null) && nullMessage.test(refusal)
    return isOfNull ? null : `variables refused: ${refusal}`
  }
  const expected = runSchema(federation, 'monolith', document, { world })
  const { text, data, errors } = await runHub(federation, document, world)
  const expectedData = JSON.stringify(expected.data)
  const start = `{"data":${expectedData}`
  if (text !== `${start}}` && !text.startsWith(`${start},"errors":`)) {
    return `the data is\n${JSON.stringify(data)}\ninstead of\n${expectedData}\nwith errors\n${show(errors)}\ninstead of\n${show(expected.errors ?? [])}`
  }
  return differentErrors(data, errors, expected.errors ?? [], () =>
    possibleErrors(federation, document, world),
  )
}

/** The sentences of graphql-js for an argument that a variable makes null, or null within. */
const nullMessage = /^Argument "\w+" (?:of non-null type "[^"]+" must not be null|has invalid value .+)\.$/s

/** The message with which the hub refuses the variables; null when it takes them. */
function nullRefusal({ hub }: Federation, { text, variables, operationName }: RandomDocument): string | null {
  const prepared = hub.prepare(text, operationName)
  if (prepared.kind === 'rejected') throw new Error(`rejected: ${JSON.stringify(prepared.errors)}`)
  const coerced = prepared.coerce(variables)
  return 'errors' in coerced ? coerced.errors.map(({ message }) => message).join(' ') : null
}

function runSchema(
  { monolith, exhaustive }: Federation,
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

async function runHub(
  { hub }: Federation,
  { text, variables, operationName }: RandomDocument,
  world: World,
): Promise<{ text: string; data: unknown; errors: readonly Entry[] }> {
  const prepared = hub.prepare(text, operationName)
  if (prepared.kind === 'rejected') throw new Error(`rejected: ${JSON.stringify(prepared.errors)}`)
  const coerced = prepared.coerce(variables)
  if ('errors' in coerced) throw new Error(`variables refused: ${JSON.stringify(coerced.errors)}`)
  const response = (await prepared.execute(coerced.variables, { world } satisfies WorldContext)).toString()
  const { data, errors = [] } = JSON.parse(response) as { data: unknown; errors?: Entry[] }
  return { text: response, data, errors }
}

function possibleErrors(federation: Federation, document: RandomDocument, world: World): readonly Entry[] {
  const nulls: PossibleError[] = []
  const { errors = [] } = runSchema(federation, 'exhaustive', document, { world, nulls })
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
    [...new Set(entries.map(({ path }) => JSON.stringify(nullOn(data, path))))].toSorted().join('\n')
  if (nulls(errors) !== nulls(expected)) return `errors are\n${show(errors)}\ninstead of\n${show(expected)}`
  const possibleIds = new Set(possible().map(identity))
  const impossible = errors.filter((error) => !possibleIds.has(identity(error)))
  if (impossible.length > 0) return `impossible errors:\n${show(impossible)}`
  return new Set(errors.map(identity)).size < errors.length ? `errors reported twice:\n${show(errors)}` : null
}

/** The first null on a path. An error without a null on its path is wrong. */
function nullOn(
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
