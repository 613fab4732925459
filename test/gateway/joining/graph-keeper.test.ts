import { afterAll, describe, expect, test, vi } from 'vitest'
import {
  openGraphKeeper,
  type GraphKeeperOptions,
  type JoinedSubgraph,
} from '../../../gateway/joining/graph-keeper.ts'
import { connectWithin } from '../../../gateway/joining/remote-sdl.ts'
import { composeSupergraph, openSupergraph } from '../../../gateway/supergraph/index.ts'
import { aPartner } from '../../fixtures/a-partner.ts'
import { inProcess, federation, run } from '../../fixtures/a-supergraph.ts'

const books = {
  sdl: `type Query { book: Book }
    type Book @key(fields: "id") { id: ID! title: String! }`,
  resolvers: {
    Query: { book: () => ({ id: '1', title: 'Tea' }) },
    Book: { __resolveReference: ({ id }: { id: string }) => ({ id, title: 'Tea' }) },
  },
}
const own = [{ name: 'books', sdl: federation + books.sdl }]
const lines: { readonly level: string; readonly line: string; readonly details: Record<string, unknown> }[] =
  []
const log = (level: string) => (details: object | string, line?: string) =>
  void lines.push({
    level,
    line: line ?? JSON.stringify(details),
    details: details as Record<string, unknown>,
  })

const options: GraphKeeperOptions = {
  own,
  ownSupergraphSdl: composeSupergraph(own),
  connections: new Map([['books', inProcess('books', books)]]),
  openGraph: (supergraphSdl, subgraphs) => openSupergraph({ supergraphSdl, subgraphs }),
  connect: (subgraph) => connectWithin('LOOPBACK', subgraph),
  requestMs: 1_000,
  logger: { info: log('info'), error: log('error') },
}
const keeper = await openGraphKeeper(options)
afterAll(() => keeper.close())

const link = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key"])\n'
const starsSdl = `${link}type Query { best: Book } type Book @key(fields: "id") { id: ID! stars: Int! }`
const stars = await aPartner(starsSdl, {
  Query: { best: () => ({ __typename: 'Book', id: '1' }) },
  Book: { __resolveReference: ({ id }: { id: string }) => ({ id }), stars: () => 5 },
})
afterAll(() => stars.close())

const joined = (changes: Partial<JoinedSubgraph> = {}): JoinedSubgraph => ({
  name: 'stars',
  url: stars.url,
  sdl: starsSdl,
  headers: {},
  ...changes,
})
const document = '{ book { title stars } }'
const answer = { data: { book: { title: 'Tea', stars: 5 } } }
const viewer = { viewer: { key: 'cg_secret' }, requestId: 'r1' }

// A busy machine may take long to start the thread that composes.
vi.setConfig({ testTimeout: 120_000 })

describe('the keeper of the graph', () => {
  test('joins a subgraph, and takes it out', async () => {
    expect(await keeper.set('OPERATOR', [joined()])).toEqual([])
    expect(await run(keeper.supergraph, document)).toEqual(answer)
    expect(await keeper.set('OPERATOR', [])).toEqual([])
    expect(await run(keeper.supergraph, document)).toMatchObject({
      errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }],
    })
  })

  test('sends a subgraph the headers that are configured, and nothing of the caller', async () => {
    await keeper.set('FILE', [joined({ headers: { 'x-api-key': 'ours' } })])
    stars.seen.length = 0
    expect(await run(keeper.supergraph, document, {}, viewer)).toEqual(answer)
    const [headers] = stars.seen
    expect(headers).toMatchObject({ 'x-api-key': 'ours' })
    expect(headers).not.toHaveProperty('authorization')
    expect(JSON.stringify(headers)).not.toContain('secret')
    await keeper.set('FILE', [])
  })

  test('stays with its graph when the next one has mistakes, and logs them', async () => {
    await keeper.set('OPERATOR', [joined()])
    const mistakes = await keeper.set('OPERATOR', [
      joined({ sdl: `${link}type Book @key(fields: "id") { id: ID! title: String! }` }),
    ])
    expect(mistakes).toMatchObject([{ code: 'INVALID_FIELD_SHARING', coordinate: 'Book.title' }])
    expect(lines.at(-1)).toMatchObject({ level: 'error', details: { source: 'OPERATOR', mistakes } })
    expect(await run(keeper.supergraph, document)).toEqual(answer)
    await keeper.set('OPERATOR', [])
  })

  test('joins the others of a source that begins with one that has mistakes', async () => {
    const bad = joined({ name: 'bad', sdl: 'type Query { a Int }' })
    expect(await keeper.set('FILE', [bad, joined()])).toMatchObject([
      { code: 'INVALID_GRAPHQL', subgraph: 'bad' },
    ])
    expect(keeper.joined.map(({ name }) => name)).toEqual(['stars'])
    expect(await run(keeper.supergraph, document)).toEqual(answer)
    await keeper.set('FILE', [])
  })

  test('takes a composition that it is given for the same SDL, on whatever port the subgraph is', async () => {
    const given = [{ name: 'stars', url: '', sdl: starsSdl }]
    const supergraphSdl = composeSupergraph([...own, ...given]).replace('type Book', '"Earlier" type Book')
    const starting = await openGraphKeeper({ ...options, composed: { joined: given, supergraphSdl } })
    const isComposedEarlier = () => starting.supergraph.schema.getType('Book')?.description === 'Earlier'
    await starting.set('HUB', [joined({ isOnThisMachine: true })])
    expect(isComposedEarlier()).toBe(true)
    expect(await run(starting.supergraph, document)).toEqual(answer)
    await starting.set('HUB', [joined({ isOnThisMachine: true, sdl: `${starsSdl} # Changed.` })])
    expect(isComposedEarlier()).toBe(false)
    await starting.close()
  })

  test('has what it is given in its first graph, and the own graph alone when that has mistakes', async () => {
    const started = lines.length
    const starting = await openGraphKeeper({ ...options, first: [joined()] })
    expect(await run(starting.supergraph, document)).toEqual(answer)
    expect(await starting.set('HUB', [joined()])).toEqual([])
    expect(lines.slice(started)).toHaveLength(1)
    await starting.close()

    const alone = await openGraphKeeper({ ...options, first: [joined({ sdl: 'type Query { a Int }' })] })
    expect(alone.joined).toEqual([])
    expect(lines.at(-1)).toMatchObject({
      level: 'error',
      details: { mistakes: [{ code: 'INVALID_GRAPHQL' }] },
    })
    expect(await run(alone.supergraph, '{ book { title } }')).toEqual({ data: { book: { title: 'Tea' } } })
    await alone.close()
  })

  test('refuses a name that another source has', async () => {
    await keeper.set('OPERATOR', [joined()])
    expect(await keeper.set('FILE', [joined()])).toMatchObject([{ code: 'NAME_TAKEN', subgraph: 'stars' }])
    expect(await keeper.check({ name: 'stars', url: stars.url, sdl: starsSdl })).toEqual([])
    expect(await keeper.check({ name: 'books', url: stars.url, sdl: starsSdl })).toMatchObject([
      { code: 'NAME_TAKEN', subgraph: 'books' },
    ])
    await keeper.set('OPERATOR', [])
  })

  test('refuses what the engine does not support, with its name', async () => {
    const sdl = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@context", "@fromContext"])
      type Query { a: Int }
      type Book @key(fields: "id") @context(name: "book") { id: ID! pages: [Page!]! }
      type Page @key(fields: "id") { id: ID! of(book: ID @fromContext(field: "$book { id }")): Int }`
    const mistakes = [{ code: 'NOT_SUPPORTED', message: expect.stringMatching(/context/i) }]
    expect(await keeper.check({ name: 'pages', url: stars.url, sdl })).toMatchObject(mistakes)
    expect(await keeper.set('OPERATOR', [joined({ name: 'pages', sdl })])).toMatchObject(mistakes)
    expect(keeper.joined).toEqual([])
  })

  test('finishes a request that has begun on its graph, also when its subgraph has left', async () => {
    await keeper.set('OPERATOR', [joined()])
    const prepared = keeper.supergraph.prepare(document)
    if (prepared.kind === 'rejected') throw new Error(prepared.errors[0]!.message)
    await keeper.set('OPERATOR', [])
    expect(JSON.parse((await prepared.execute({}, {})).toString())).toEqual(answer)
  })
})
