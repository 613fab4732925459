import { describe, expect, test } from 'vitest'
import { smallHub } from '../../fixtures/small-hub.ts'
import { RawClient } from '../live/raw-client.ts'
import { SseReader } from './sse-reader.ts'

const hub = await smallHub()
const card = '4111 1111 1111 1111'
const rename = 'mutation($id: ID!, $title: String!) { rename(id: $id, title: $title) { title } }'

interface Reply {
  readonly status: number
  readonly text: string
  readonly error?: { readonly message: string; readonly extensions: { code: string; path?: string[] } }
}

async function post(body: string | object, headers: Record<string, string> = {}): Promise<Reply> {
  const response = await fetch(`${hub.url}/graphql`, {
    method: 'POST',
    headers: { authorization: 'Bearer demo-wallet', 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, text, error: JSON.parse(text).errors?.[0] }
}
const nested = (levels: number, open = '[', close = ']'): string => open.repeat(levels) + close.repeat(levels)

describe('a card number is refused with the path of its value', () => {
  test.each([
    { where: 'a variable', body: { query: rename, variables: { id: '1', title: card } }, path: ['title'] },
    { where: 'an id', body: { query: rename, variables: { id: card, title: 'x' } }, path: ['id'] },
    {
      where: 'a number',
      body: { query: rename, variables: { id: 4111111111111111, title: 'x' } },
      path: ['id'],
    },
    {
      where: 'a list in an object',
      body: { query: rename, variables: { id: '1', title: { in: ['x', card] } } },
      path: ['title', 'in', '1'],
    },
    {
      where: 'a variable that the document does not have',
      body: { query: '{ whoami }', variables: { note: card } },
      path: ['note'],
    },
    { where: 'the name of a field', body: { query: rename, variables: { id: { [card]: 1 } } }, path: ['id'] },
    {
      where: 'a literal',
      body: { query: `mutation { rename(id: "1", title: "${card}") { title } }` },
      path: ['title'],
    },
    {
      where: 'a literal in an object and a list',
      body: { query: `mutation { rename(id: "1", title: { in: ["x", "${card}"] }) { title } }` },
      path: ['title', 'in', '1'],
    },
    { where: 'an alias', body: { query: '{ c4111111111111111: whoami }' }, path: [] },
    {
      where: 'a document that is no GraphQL',
      body: { query: `{ book(id: "${card}") { ` },
      path: [],
    },
  ])('in $where', async ({ body, path }) => {
    const { text, error } = await post(body)
    expect(error?.extensions).toEqual({ code: 'PAN_REFUSED', path })
    expect(text).not.toContain('1111')
    expect(await titleOf('1')).toBe('Tea')
  })

  test('over a WebSocket, and over an event stream', async () => {
    const client = await RawClient.as(hub.url, 'demo-wallet')
    await client.subscribe('1', 'subscription($w: String) { transactionEvents(where: $w) { text } }', {
      w: card,
    })
    expect(await client.receive()).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'PAN_REFUSED', path: ['w'] } }],
    })
    await client.close()
    const literal = `subscription { transactionEvents(where: "${card}") { text } }`
    const stream = await SseReader.open(hub.url, literal, { key: 'demo-wallet' })
    expect(JSON.parse((await stream.receive()).data)).toMatchObject({
      errors: [{ extensions: { code: 'PAN_REFUSED', path: ['where'] } }],
    })
    await stream.leave()
    expect(hub.feed.count('transactionEvents')).toBe(0)
  })

  test('and is no request id', async () => {
    const response = await fetch(`${hub.url}/livez`, { headers: { 'x-request-id': '4111111111111111' } })
    expect(response.headers.get('x-request-id')).toMatch(/^[a-z]{20}-[0-9a-z]+$/)
  })

  test('and nothing of it is in the log', async () => {
    await post(`{"query": "{ whoami }", "variables": {"a": "${card}"`)
    await post({ query: `{ broken a: ${card.replaceAll(' ', '')} }` })
    expect(JSON.stringify(hub.log)).not.toContain('1111')
  })
})

async function titleOf(id: string): Promise<string> {
  const { text } = await post({ query: '{ book(id: "1") { title } }', variables: { id } })
  return JSON.parse(text).data.book.title
}

describe('input that no field can take is refused before it is read', () => {
  test.each([
    {
      what: 'half of a surrogate pair',
      body: `{"query": ${JSON.stringify(rename)}, "variables": {"id": "1", "title": "\\ud83d"}}`,
      message: 'half of a surrogate pair',
      path: ['title'],
    },
    {
      what: 'a value that is nested 1,900 deep',
      body: `{"query": ${JSON.stringify(rename)}, "variables": {"id": "1", "title": ${nested(1_900)}}}`,
      message: 'nested more than 32 levels deep',
      path: ['title', ...Array<string>(31).fill('0')],
    },
    {
      what: 'a value that is nested 200,000 deep',
      body: `{"query": ${JSON.stringify(rename)}, "variables": {"id": "1", "title": ${nested(200_000)}}}`,
      message: 'nested more than 32 levels deep',
      path: ['title', ...Array<string>(31).fill('0')],
    },
    {
      what: 'a text of 20,001 characters',
      body: { query: rename, variables: { id: '1', title: 'x'.repeat(20_001) } },
      message: '20001 characters; the limit is 20000',
      path: ['title'],
    },
  ])('$what', async ({ body, message, path }) => {
    const { status, error } = await post(body)
    expect({ status, code: error?.extensions.code }).toEqual({ status: 400, code: 'BAD_REQUEST' })
    expect(error?.message).toContain(message)
    expect(error?.extensions.path).toEqual(path)
  })

  test.each([
    { what: 'lists', query: `{ book(id: ${nested(1_900)}) { title } }` },
    { what: 'objects', query: `{ book(id: ${nested(900, '{a:', '}').replace(':}', ':1}')}) { title } }` },
    { what: 'selections', query: `{ book(id: 1) ${nested(900, '{ book', '}').replace('book}', 'id}')} }` },
    { what: 'types', query: `query($a: ${'['.repeat(1_900)}Int${']'.repeat(1_900)}) { whoami }` },
    { what: 'fragments', query: `{ ${nested(900, '... {', '}').replace('{}', '{ whoami }')} }` },
  ])('a document with $what in each other, as OPERATION_TOO_LARGE', async ({ query }) => {
    const { error } = await post({ query })
    expect(error).toMatchObject({
      message: 'The document is nested more than 100 levels deep.',
      extensions: { code: 'OPERATION_TOO_LARGE' },
    })
  })
})

describe('messages of validation', () => {
  test.each([
    { what: 'a long text', query: `{ book(id: 1) { stars(first: "${'x'.repeat(30_000)}") } }` },
    { what: 'a long list', query: `{ book(id: [${'1 '.repeat(3_000)}]) { title } }` },
    { what: 'a long number', query: `{ book(id: ${'9'.repeat(30_000)}.5) { title } }` },
    { what: 'a long name', query: `{ ${'x'.repeat(30_000)} }` },
    { what: 'long names of fragments', query: `{ ...${'x'.repeat(20_000)} }` },
  ])('are short for $what', async ({ query }) => {
    const { text } = await post({ query })
    const { errors } = JSON.parse(text) as { errors: { message: string }[] }
    expect(errors.length).toBeLessThanOrEqual(11)
    for (const { message } of errors) expect(message.length).toBeLessThan(200)
  })

  test('are ten at most, for any number of mistakes', async () => {
    const query = `{ ${Array.from({ length: 1_300 }, (_, n) => `a${n}: nope${n}`).join(' ')} }`
    const { errors } = JSON.parse((await post({ query })).text) as { errors: unknown[] }
    // The eleventh gives the limit.
    expect(errors).toHaveLength(11)
  })
})
