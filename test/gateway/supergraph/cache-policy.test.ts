import { describe, expect, test } from 'vitest'
import { aSupergraph } from '../../fixtures/a-supergraph.ts'

const sdl = `
  extend schema
    @link(url: "https://example.test/cacheControl/v1.0", import: ["@cacheControl"])
    @composeDirective(name: "@cacheControl")
  directive @cacheControl(maxAge: Int, scope: CacheControlScope, inheritMaxAge: Boolean) on FIELD_DEFINITION | OBJECT | INTERFACE | UNION
  enum CacheControlScope { PUBLIC PRIVATE }
  type Query {
    shops: [Shop!]! @cacheControl(maxAge: 60)
    time: String
    rate: String @cacheControl(maxAge: 5)
    me: Me @cacheControl(maxAge: 60)
    typed: Typed
  }
  type Mutation { open: Shop @cacheControl(maxAge: 60) }
  type Shop { name: String, short: String @cacheControl(maxAge: 10), area: Area, country: Country @cacheControl(inheritMaxAge: true), secret: String @cacheControl(scope: PRIVATE) }
  type Area { name: String }
  type Country @cacheControl(inheritMaxAge: true) { code: String, area: Area }
  type Me @cacheControl(scope: PRIVATE) { name: String }
  type Typed @cacheControl(maxAge: 30) { name: String }
`

const hub = aSupergraph({ shops: { sdl, resolvers: {} } })
const plain = aSupergraph({ plain: { sdl: 'type Query { a: Int }', resolvers: {} } })

describe('how long a response may be kept', () => {
  test.each([
    ['as long as its root field', '{ shops { name } }', 60],
    ['as long as its shortest field', '{ shops { name short } rate }', 5],
    ['as long as the type of its field', '{ typed { name } }', 30],
    ['as long as its object, for an object that inherits', '{ shops { country { code } } }', 60],
    ['not, with a root field without a hint', '{ shops { name } time }', 0],
    ['not, with an object without a hint', '{ shops { area { name } } }', 0],
    [
      'not, with an object without a hint in a fragment',
      '{ shops { ...F } } fragment F on Shop { area { name } }',
      0,
    ],
    ['not, below an object that inherits', '{ shops { country { area { name } } } }', 0],
    ['not, with a field of the caller', '{ shops { secret } }', 0],
    ['not, with a type of the caller, whatever its field gives', '{ me { name } }', 0],
    [
      'not, even where @skip may leave that field out',
      'query($s: Boolean!) { shops { name } time @skip(if: $s) }',
      0,
    ],
    ['not for a mutation', 'mutation { open { name } }', 0],
    ['not for introspection', '{ __schema { queryType { name } } }', 0],
    ['not for nothing but a name', '{ __typename }', 0],
    ['whatever names of types it has', '{ shops { __typename } __typename }', 60],
  ])('is %s', (_, document, seconds) => {
    expect(hub.prepare(document)).toMatchObject({ kind: 'prepared', maxAge: seconds })
  })

  test('is not at all in a graph without hints', () => {
    expect(plain.prepare('{ a }')).toMatchObject({ maxAge: 0 })
  })
})
