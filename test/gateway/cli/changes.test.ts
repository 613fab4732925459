import { buildSchema } from 'graphql'
import { describe, expect, test } from 'vitest'
import { changesBetween } from '../../../gateway/cli/changes.ts'
import type { ClientOperation } from '../../../gateway/cli/read-operations.ts'

const current = `
  type Query { books(kind: Kind, filter: Filter): [Book!]!, shop(id: ID!): Shop }
  interface Node { id: ID! }
  type Book implements Node { id: ID!, title: String!, pages: Int! }
  type Shop implements Node { id: ID!, name: String }
  union Found = Book | Shop
  enum Kind { NEW OLD }
  input Filter { near: Place, title: String }
  input Place { city: String }
`

const operation = (name: string, text: string): ClientOperation => ({
  id: name,
  name,
  type: 'query',
  text,
  file: 'client.graphql',
})

const operations = [
  operation(
    'Titles',
    'query Titles($filter: Filter) { books(filter: $filter) { ...F } } fragment F on Node { id ... on Book { title } }',
  ),
  operation('New', '{ books(kind: NEW) { pages } }'),
  operation('Name', '{ shop(id: 1) { name } }'),
]

const changesOf = (changed: string) => changesBetween(buildSchema(current), buildSchema(changed), operations)

describe('a change of the schema', () => {
  test.each([
    {
      what: 'a removed field',
      from: 'title: String!, pages',
      to: 'pages',
      usedBy: ['Titles'],
      invalid: ['Titles'],
    },
    { what: 'a field that may be null', from: 'pages: Int!', to: 'pages: Int', usedBy: ['New'], invalid: [] },
    {
      what: 'an interface less',
      from: 'Book implements Node',
      to: 'Book',
      usedBy: ['New', 'Titles'],
      invalid: ['Titles'],
    },
    {
      what: 'a new argument that is required',
      from: 'shop(id: ID!)',
      to: 'shop(id: ID!, why: String!)',
      usedBy: ['Name'],
      invalid: ['Name'],
    },
    {
      what: 'a removed value of an enum',
      from: 'NEW OLD',
      to: 'NEW',
      usedBy: ['New', 'Titles'],
      invalid: [],
    },
    {
      what: 'a required field of an input deep below',
      from: 'city: String',
      to: 'city: String!',
      usedBy: ['New', 'Titles'],
      invalid: [],
    },
    { what: 'a removed member of a union', from: 'Book | Shop', to: 'Book', usedBy: [], invalid: [] },
  ])('that has $what names the operations that break', ({ from, to, usedBy, invalid }) => {
    const { breaking, ...rest } = changesOf(current.replace(from, to))
    expect(breaking).toHaveLength(1)
    expect(breaking[0]!.usedBy.toSorted()).toEqual(usedBy)
    expect(rest.invalid.map(({ operation: { name } }) => name)).toEqual(invalid)
  })

  test('that adds a value to an enum is dangerous for the operations with it', () => {
    const { breaking, dangerous } = changesOf(current.replace('NEW OLD', 'NEW OLD RARE'))
    expect(breaking).toEqual([])
    expect(dangerous).toEqual([
      { description: 'RARE was added to enum type Kind.', usedBy: ['Titles', 'New'] },
    ])
  })

  test('that adds a field breaks nothing', () => {
    const changes = changesOf(current.replace('pages: Int!', 'pages: Int!, weight: Int'))
    expect(changes).toEqual({ breaking: [], dangerous: [], invalid: [], stale: [] })
  })

  test('is not blamed for an operation that is not valid now', () => {
    const changes = changesBetween(buildSchema(current), buildSchema(current), [
      operation('Old', '{ authors }'),
    ])
    expect(changes.stale.map(({ name }) => name)).toEqual(['Old'])
    expect(changes.invalid).toEqual([])
  })
})
