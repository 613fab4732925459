// What messages give away of a schema without introspection and suggestions, to a client that guesses names
// as clairvoyance does: near misses of every name of the API.

import {
  buildSchema,
  getNamedType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isRequiredArgument,
  type GraphQLArgument,
} from 'graphql'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createSupergraph, type SubgraphConnection } from '../../../gateway/supergraph/index.ts'
import { scalars } from '../../../subgraphs/shared/scalars.ts'

const generated = (name: string) =>
  readFileSync(new URL(`../../../schema/generated/${name}`, import.meta.url), 'utf8')
const empty = (name: string): SubgraphConnection => ({
  name,
  prepare: () => ({ execute: () => ({ data: {} }), subscribe: async () => ({ data: null }) as never }),
})
const graph = createSupergraph({
  supergraphSdl: generated('supergraph.graphql'),
  subgraphs: new Map(
    ['participant', 'merchant', 'transaction', 'analytics'].map((name) => [name, empty(name)]),
  ),
  scalars,
  accessOf: () => ({ isAuthenticated: true, scopes: new Set(['operator']) }),
  introspection: false,
  suggestions: false,
})
const types = Object.values(buildSchema(generated('api.graphql')).getTypeMap()).filter(
  ({ name }) => !name.startsWith('__'),
)
const query = types.filter(isObjectType).find(({ name }) => name === 'Query')!

/** What a client could want to find: names of types, fields, arguments, input fields and enum values. */
const secrets = new Set([
  ...types.map(({ name }) => name).filter((name) => !['Query', 'Mutation', 'Int', 'String'].includes(name)),
  ...types.flatMap((type) => {
    if (isEnumType(type)) return type.getValues().map(({ name }) => name)
    if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return []
    return Object.values(type.getFields()).flatMap((field) => [
      field.name,
      ...('args' in field ? (field.args as readonly GraphQLArgument[]).map(({ name }) => name) : []),
    ])
  }),
])
const words = (text: string): readonly string[] => text.match(/\w+/g) ?? []
const nearly = (name: string): readonly string[] => [
  `${name}x`,
  name.slice(0, -1),
  `${name.slice(1)}${name[0]}`,
]

/** Documents that guess a name, some names in each. */
function guesses(): readonly string[] {
  const found = [...secrets]
    .flatMap(nearly)
    .filter((name) => /^[a-zA-Z]\w*$/.test(name) && !secrets.has(name))
  const documents = []
  for (let n = 0; n < found.length; n += 9) documents.push(`{ ${found.slice(n, n + 9).join(' ')} }`)
  const roots = Object.values(query.getFields())
  for (const { name, args, type } of roots) {
    const selection = isCompositeType(getNamedType(type)) ? '{ __typename }' : ''
    for (const guess of args.flatMap((arg) => nearly(arg.name)).filter((one) => one !== ''))
      documents.push(`{ ${name}(${guess}: 1) ${selection} }`)
    for (const arg of args.filter((one) => !isRequiredArgument(one))) {
      const inner = getNamedType(arg.type)
      const values = isInputObjectType(inner)
        ? Object.keys(inner.getFields())
            .flatMap(nearly)
            .map((guess) => `{ ${guess}: 1 }`)
        : isEnumType(inner)
          ? inner.getValues().flatMap((value) => nearly(value.name))
          : []
      for (const value of values) documents.push(`{ ${name}(${arg.name}: ${value}) ${selection} }`)
    }
  }
  return documents
}

/** Words of the messages that are also names of the schema. */
const plain = new Set([
  'field',
  'fields',
  'value',
  'query',
  'name',
  'type',
  'required',
  'argument',
  'is',
  'by',
  'of',
])

/** Whether a message has a name of the schema that was not sent. */
const gives = (message: string, sent: ReadonlySet<string>): boolean =>
  words(message).some((word) => secrets.has(word) && !sent.has(word) && !plain.has(word))

const messagesOf = (document: string): readonly string[] => {
  const prepared = graph.prepare(document)
  return prepared.kind === 'rejected' ? prepared.errors.map(({ message }) => message) : []
}

test('near misses of every name get no name of the schema that was not sent', () => {
  const leaks = guesses().flatMap((document) => {
    const sent = new Set(words(document))
    return messagesOf(document)
      .filter((message) => gives(message, sent))
      .map((message) => `${document}: ${message}`)
  })
  expect(leaks.slice(0, 5)).toEqual([])
})

test('near misses of fields, arguments, input fields and enum values in variables get none either', () => {
  const inputs = types.filter(isInputObjectType)
  expect(inputs.length).toBeGreaterThan(10)
  const mutations = types.filter(isObjectType).find(({ name }) => name === 'Mutation')!
  const leaks = Object.values(mutations.getFields()).flatMap(({ name, args: [arg] }) => {
    const input = arg && getNamedType(arg.type)
    if (!input || !isInputObjectType(input)) return []
    const prepared = graph.prepare(
      `mutation ($input: ${String(arg.type)}) { ${name}(${arg.name}: $input) { __typename } }`,
    )
    if (prepared.kind === 'rejected') throw new Error(prepared.errors[0]!.message)
    const required = Object.values(input.getFields()).map((field) => field.name)
    return required.flatMap(nearly).flatMap((guess) => {
      const coerced = prepared.coerce({ input: { [guess]: 1 } })
      return 'errors' in coerced
        ? coerced.errors
            .map(({ message }) => message)
            .filter((message) => gives(message, new Set([guess, 'input'])))
        : []
    })
  })
  expect(leaks.slice(0, 5)).toEqual([])
})

test('the schema is not given by introspection', () => {
  expect(messagesOf('{ __schema { types { name } } }')).toHaveLength(1)
  expect(messagesOf('{ __type(name: "Payment") { fields { name } } }')).toHaveLength(1)
})
