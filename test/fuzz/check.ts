// What the answer to a random operation must be: soon, of its schema, and without an internal error.

import {
  buildSchema,
  getNullableType,
  isAbstractType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  Kind,
  parse,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type SelectionSetNode,
} from 'graphql'
import { readFileSync } from 'node:fs'

export const schema = buildSchema(
  readFileSync(new URL('../../schema/generated/api.graphql', import.meta.url), 'utf8'),
)

export interface Answer {
  readonly status: number
  readonly text: string
}

/** The most time on a processor that one request may take. */
const processorMs = 50

/** Where a document comes from: random ones of others may be invalid, and are refused then. */
export type Origin = 'valid' | 'any'

export interface Checked {
  /** The first answer. */
  readonly answer: Answer
  /** The least milliseconds of the main thread that a try has taken; 0 without a process. */
  readonly ms: number
  readonly faults: readonly string[]
}

/**
 * Sends an operation and checks its answer, and the time of the main thread of the process `pid`. Other work
 * of the hub may fall into the time of one request, but not of six, so it is sent again when it takes too
 * long.
 */
export async function check(
  pid: number | null,
  query: string,
  send: () => Promise<Answer>,
  origin: Origin = 'valid',
): Promise<Checked> {
  let { result: answer, ms } = await timed(pid, send)
  for (let again = 0; again < 5 && ms > processorMs; again++) ms = Math.min(ms, (await timed(pid, send)).ms)
  const slow = ms > processorMs ? [`took ${ms.toFixed(0)} ms of a processor`] : []
  return { answer, ms, faults: [...slow, ...faultsOf(query, answer, origin)] }
}

/** Nanoseconds that the main thread of a process has been on a processor, by the kernel. */
function onProcessor(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0])
}

async function timed<Result>(
  pid: number | null,
  work: () => Promise<Result>,
): Promise<{ result: Result; ms: number }> {
  const before = pid === null ? 0 : onProcessor(pid)
  const result = await work()
  return { result, ms: pid === null ? 0 : (onProcessor(pid) - before) / 1e6 }
}

/** What no message may show: a line of a stack, which an instant is not, or an error of the database. */
const internals = /\.[cm]?[jt]s:\d+|\bnode:\w+\/|node_modules|Mongo\w*Error|E11000/

/** What is wrong with an answer. */
function faultsOf(query: string, { status, text }: Answer, origin: Origin): readonly string[] {
  if (status >= 500) return [`status ${status}`]
  const { data, errors = [] } = JSON.parse(text) as {
    data?: Record<string, unknown> | null
    errors?: readonly { message: string; extensions?: { code?: string } }[]
  }
  const masked = errors.flatMap(({ message, extensions: { code } = {} }) => {
    if (code === undefined) return [`an error without a code: ${message}`]
    if (code === 'INTERNAL_SERVER_ERROR') return [`${code}: ${message}`]
    if (code === 'GRAPHQL_VALIDATION_FAILED' && origin === 'valid') return [`${code}: ${message}`]
    return internals.test(message) ? [`unmasked: ${message}`] : []
  })
  if (!data) return masked
  const [operation] = parse(query).definitions
  if (operation?.kind !== Kind.OPERATION_DEFINITION) return masked
  const root = schema.getRootType(operation.operation)!
  return [...masked, ...breaches(data, root, operation.selectionSet, root.name)]
}

/** The places of `value` that are not of its type. */
function breaches(
  value: unknown,
  type: GraphQLOutputType,
  selections: SelectionSetNode | undefined,
  at: string,
): readonly string[] {
  if (value === null || value === undefined) return isNonNullType(type) ? [`${at} is null`] : []
  const inner = getNullableType(type)
  if (isListType(inner)) {
    if (!Array.isArray(value)) return [`${at} is no list`]
    return value.flatMap((item, n) => breaches(item, inner.ofType, selections, `${at}.${n}`))
  }
  if (isLeafType(inner)) {
    if (typeof value === 'object') return [`${at} is no ${inner.name}`]
    const isKnown = !isEnumType(inner) || (typeof value === 'string' && inner.getValue(value))
    return isKnown ? [] : [`${at} is ${JSON.stringify(value)}, no ${inner.name}`]
  }
  const object = value as Record<string, unknown>
  if (!isAbstractType(inner)) return breachesOf(object, inner as GraphQLObjectType, selections, at)
  const possible = schema.getPossibleTypes(inner)
  const { __typename: stated } = object
  if (stated === undefined) {
    const all = possible.map((one) => breachesOf(object, one, selections, at))
    return all.find((found) => found.length === 0) ?? [`${at} is no ${inner.name}`]
  }
  const concrete = possible.find(({ name }) => name === stated)
  return concrete
    ? breachesOf(object, concrete, selections, at)
    : [`${at} has the type ${JSON.stringify(stated)}`]
}

function breachesOf(
  object: Record<string, unknown>,
  concrete: GraphQLObjectType,
  selections: SelectionSetNode | undefined,
  at: string,
): readonly string[] {
  return (selections?.selections ?? []).flatMap((node) => {
    if (node.kind === Kind.INLINE_FRAGMENT)
      return node.typeCondition?.name.value === concrete.name
        ? breachesOf(object, concrete, node.selectionSet, at)
        : []
    if (node.kind !== Kind.FIELD || node.name.value === '__typename') return []
    const key = (node.alias ?? node.name).value
    const field = concrete.getFields()[node.name.value]!
    const path = `${at}.${node.name.value}`
    if (!Object.hasOwn(object, key)) return [`${path} is missing`]
    return breaches(object[key], field.type, node.selectionSet, path)
  })
}
