import { buildSchema } from 'graphql'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { undeprecatedChanges } from '../../../gateway/cli/released.ts'

const released = `
  type Query { shop(id: ID!, language: String): Shop, store: Store @deprecated(reason: "shop") }
  type Shop { id: ID!, kind: Kind, name: String, title: String @deprecated(reason: "name") }
  type Store { id: ID!, place: Place }
  type Place { city: String }
  enum Kind { NEW OLD @deprecated(reason: "no shop is OLD") }
`

const changesOf = (changed: string) => undeprecatedChanges(released, buildSchema(changed))

describe('the schema of the next release', () => {
  test('may lack what the last one deprecates, and the types that only that leads to', () => {
    const next = `
      type Query { shop(id: ID!, language: String, near: String): Shop }
      type Shop { id: ID!, kind: Kind, name: String, city: String }
      enum Kind { NEW USED }`
    expect(changesOf(next)).toEqual([])
  })

  test.each([
    { from: 'name: String,', to: '', lost: 'Shop.name was removed.' },
    { from: 'NEW', to: '', lost: 'NEW was removed from enum type Kind.' },
    { from: ', language: String', to: '', lost: 'Query.shop arg language was removed.' },
    { from: 'kind: Kind', to: 'kind: String', lost: 'Shop.kind changed type from Kind to String.' },
    {
      from: 'id: ID!, language',
      to: 'id: ID!, tax: Int!, language',
      lost: 'A required arg tax on Query.shop was added.',
    },
  ])('may not make “$from” “$to” at once', ({ from, to, lost }) => {
    expect(changesOf(released.replace(from, to))).toContain(lost)
  })

  test('may not lack a type that a field still leads to', () => {
    expect(changesOf('type Query { shop(id: ID!, language: String): String }')).toContain('Shop was removed.')
  })
})

test('the schema of today has deprecated what it removes', () => {
  const of = (file: string) => readFileSync(new URL(`../../../schema/${file}`, import.meta.url), 'utf8')
  const last = of('released/0.1.0.graphql')
  expect(undeprecatedChanges(last, buildSchema(of('generated/api.graphql')))).toEqual([])
  expect(undeprecatedChanges(last, buildSchema('type Query { a: Int }')).length).toBeGreaterThan(200)
})
