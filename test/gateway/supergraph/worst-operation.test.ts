// What one permitted document may take of the event loop, in processor time of this thread.

import {
  buildSchema,
  getNamedType,
  isCompositeType,
  isObjectType,
  isRequiredArgument,
  type GraphQLNamedType,
} from 'graphql'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createSupergraph, type SubgraphConnection } from '../../../gateway/supergraph/index.ts'
import { refuseText } from '../../../gateway/protocol/input-text.ts'
import { scopes } from '../../../schema/values/scopes.ts'
import { scalars } from '../../../subgraphs/shared/scalars.ts'

const generated = (name: string) =>
  readFileSync(new URL(`../../../schema/generated/${name}`, import.meta.url), 'utf8')

/** A subgraph that returns nothing at once: what remains is the work of the engine. */
const empty = (name: string): SubgraphConnection => ({
  name,
  prepare: () => ({ execute: () => ({ data: {} }), subscribe: async () => ({ data: null }) as never }),
})
const access = { isAuthenticated: true, scopes: new Set(Object.keys(scopes)) }
const graph = createSupergraph({
  supergraphSdl: generated('supergraph.graphql'),
  subgraphs: new Map(
    ['participant', 'merchant', 'transaction', 'analytics'].map((name) => [name, empty(name)]),
  ),
  scalars,
  refuseText,
  accessOf: () => access,
})
const schema = buildSchema(generated('api.graphql'))

const processorMs = 50

async function processorTimeOf(text: string): Promise<{ ms: number; code: string }> {
  const before = process.threadCpuUsage()
  const prepared = graph.prepare(text)
  let code = 'prepared'
  if (prepared.kind === 'rejected') code = String(prepared.errors[0]!.extensions?.['code'])
  else {
    const coerced = prepared.coerce({})
    if (!('errors' in coerced)) {
      prepared.cost(coerced.variables)
      await prepared.execute(coerced.variables, {})
    }
  }
  const { user, system } = process.threadCpuUsage(before)
  return { ms: (user + system) / 1000, code }
}

const times = (count: number, text: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => text(n)).join(' ')

/** All fields below `type` that need no argument, breadth first, at most `left.fields`. */
function everythingOf(type: GraphQLNamedType, depth: number, left: { fields: number }): string {
  if (!isCompositeType(type)) return ''
  if (!isObjectType(type)) return '{ __typename }'
  const open = Object.values(type.getFields()).filter(({ args }) => !args.some(isRequiredArgument))
  const parts = open.flatMap((field) => {
    const inner = getNamedType(field.type)
    if (left.fields <= 0 || (depth === 0 && isCompositeType(inner))) return []
    left.fields--
    return [`${field.name} ${everythingOf(inner, depth - 1, left)}`]
  })
  return `{ __typename ${parts.join(' ')} }`
}

const fieldsOfRoot = 100

const everything = (): string =>
  Object.values(schema.getQueryType()!.getFields())
    .filter(({ args }) => !args.some(isRequiredArgument))
    .map(({ name, type }) => `${name} ${everythingOf(getNamedType(type), 3, { fields: fieldsOfRoot })}`)
    .join(' ')

const documents: readonly { readonly what: string; readonly text: (n: number) => string }[] = [
  { what: 'one object, 990 times', text: (n) => `query Q${n} { ${times(990, () => 'viewer { scopes }')} }` },
  {
    what: 'one object in 390 inline fragments',
    text: (n) => `query Q${n} { ${times(390, () => '... on Query { viewer { scopes } }')} }`,
  },
  {
    what: 'one object in 260 fragments',
    text: (n) => `query Q${n} { ${times(260, (i) => `...F${i}`)} }
      ${times(260, (i) => `fragment F${i} on Query { viewer { scopes } }`)}`,
  },
  {
    what: 'one object in a chain of 300 fragments',
    text: (n) => `query Q${n} { ...F0 }
      ${times(300, (i) => `fragment F${i} on Query { viewer { scopes } ${i < 299 ? `...F${i + 1}` : ''} }`)}`,
  },
  {
    what: 'one leaf, 1,900 times',
    text: (n) => `query Q${n} { viewer { ${times(1_900, () => 'scopes')} } }`,
  },
  { what: '1,900 unknown fields', text: (n) => `query Q${n} { ${times(1_900, (i) => `f${n}x${i}`)} }` },
  {
    what: '400 variables',
    text: (n) => `query Q${n}(${times(400, (i) => `$v${i}: ID!`)}) { viewer { scopes } }`,
  },
  { what: 'every field of every query', text: (n) => `query Q${n} { ${everything()} }` },
]

test.each(documents)('a new document with $what takes less than 50 ms', async ({ what, text }) => {
  const runs = []
  // The best of a few, because a collection of garbage may fall into one.
  for (let n = 0; n < 12; n++) runs.push(await processorTimeOf(text(n)))
  const ms = Math.min(...runs.map((run) => run.ms))
  expect(ms, `${what}: ${runs[0]!.code}`).toBeLessThan(processorMs)
})
