import { getIntrospectionQuery } from 'graphql'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { readOperations } from '../../../gateway/cli/read-operations.ts'
import { smallHub } from '../../fixtures/small-hub.ts'
import { temporaryFolder } from '../../harness/temporary-folder.ts'
import { RawClient } from '../live/raw-client.ts'

const key = 'demo-wallet'

interface Answer {
  readonly data?: unknown
  readonly errors?: readonly { readonly message: string; readonly extensions: Record<string, unknown> }[]
  readonly extensions?: unknown
}

/** Each way in which a client can send a query: the response, with the errors of a refusal. */
const doors: Readonly<Record<string, (url: string, body: object) => Promise<Answer>>> = {
  'by POST': async (url, body) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return (await response.json()) as Answer
  },
  'over a WebSocket': async (url, body) => {
    const client = await RawClient.as(url, key)
    await client.send({ id: '1', type: 'subscribe', payload: { query: '', ...body } })
    const { type, payload } = await client.receive()
    client.socket.close()
    return (type === 'error' ? { errors: payload } : payload) as Answer
  },
  'as server-sent events': async (url, body) => {
    const search = new URLSearchParams(
      Object.entries(body).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    )
    const response = await fetch(`${url}/graphql?${search}`, {
      headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' },
    })
    const text = await response.text()
    return JSON.parse(/^(?:data: )?(\{.*\})$/m.exec(text)![1]!) as Answer
  },
}

describe.each(Object.keys(doors))('the limits of an operation %s', async (name) => {
  const hub = await smallHub({
    COST_MAX: '2',
    COST_PER_MINUTE: '20',
    ALIASES_MAX: '5',
    DIRECTIVES_MAX: '3',
    SUGGESTIONS: 'off',
    INTROSPECTION: 'off',
  })
  const ask = (body: object) => doors[name]!(hub.url, body)
  const codeOf = async (body: object) => (await ask(body)).errors?.[0]?.extensions.code

  test('refuse what costs too much, before a subgraph is called', async () => {
    const query = '{ a: book(id: 1) { stars } b: book(id: 1) { stars } c: book(id: 1) { stars } }'
    const { errors } = await ask({ query })
    expect(errors?.[0]?.extensions).toEqual({ code: 'OPERATION_TOO_COSTLY', cost: 3, limit: 2 })
    expect(hub.calls.stars).toBe(0)
  })

  test('give the cost in extensions when it is wanted', async () => {
    const { data, extensions } = await ask({ query: '{ book(id: 1) { title } }', extensions: { cost: true } })
    expect(data).toEqual({ book: { title: 'Tea' } })
    expect(extensions).toMatchObject({ cost: { cost: 1, limit: 2, perMinute: 20 } })
  })

  test('bound aliases and directives', async () => {
    const aliases = Array.from({ length: 6 }, (_, n) => `a${n}: whoami`).join(' ')
    expect(await codeOf({ query: `{ ${aliases} }` })).toBe('OPERATION_TOO_LARGE')
    const fields = Array.from({ length: 4 }, () => 'whoami @skip(if: false)').join(' ')
    expect(await codeOf({ query: `{ ${fields} }` })).toBe('OPERATION_TOO_LARGE')
  })

  test('give no names and no schema when suggestions and introspection are switched off', async () => {
    const { errors } = await ask({ query: '{ whoam }' })
    expect(errors?.[0]?.message).toBe('Cannot query field "whoam".')
    expect(await codeOf({ query: '{ __schema { types { name } } }' })).toBe('INTROSPECTION_OFF')
    expect(await codeOf({ query: '{ ...F } fragment F on Query { __type(name: "Book") { name } }' })).toBe(
      'INTROSPECTION_OFF',
    )
    expect((await ask({ query: '{ __typename }' })).data).toEqual({ __typename: 'Query' })
  })

  test('run a persisted query by its hash once it was sent', async () => {
    const query = `{ whoami __typename } # ${name}`
    const persistedQuery = { version: 1, sha256Hash: createHash('sha256').update(query).digest('hex') }
    const missing = await ask({ extensions: { persistedQuery } })
    expect(missing.errors?.[0]).toMatchObject({
      message: 'PersistedQueryNotFound',
      extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' },
    })
    const answer = { data: { whoami: 'wallet-sg-01', __typename: 'Query' } }
    expect(await ask({ query, extensions: { persistedQuery } })).toEqual(answer)
    expect(await ask({ extensions: { persistedQuery } })).toEqual(answer)
  })

  test('end the budget of the caller', async () => {
    const query = '{ a: book(id: 1) { title } b: book(id: 2) { title } }'
    let answer: Answer = {}
    for (let n = 0; n < 11 && !answer.errors; n++) answer = await ask({ query })
    expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'BUDGET_EXCEEDED', limit: 20 })
  })
})

test('the operations of clients are recorded once, without their values, for npm run schema:check', async () => {
  const file = path.join(temporaryFolder(), 'seen.jsonl')
  const hub = await smallHub({ SEEN_OPERATIONS: file })
  for (const id of ['4111', '4222']) {
    const query = `query Secret { book(id: "${id}") { title } }`
    for (const send of Object.values(doors)) await send(hub.url, { query })
  }
  await vi.waitUntil(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'))
  const operations = await readOperations([file])
  expect(operations).toMatchObject([{ name: 'Secret', type: 'query', file }])
  expect(operations[0]!.text).toContain('book(id: "")')
})

describe('introspection without a key', async () => {
  const hub = await smallHub()
  const ask = async (query: string): Promise<Answer> => {
    const response = await fetch(`${hub.url}/graphql?${new URLSearchParams({ query })}`)
    return (await response.json()) as Answer
  }

  test('may select the schema, and not many times as much', async () => {
    const usual = getIntrospectionQuery()
    expect((await ask(usual)).data).toHaveProperty('__schema')
    const [, selection, fragments] = /__schema (\{.*?\n {6}\})\n {4}\}(.*)$/s.exec(usual)!
    const times = (count: number): string => {
      const schemas = Array.from({ length: count }, (_, n) => `a${n}: __schema ${selection}`)
      return `{ ${schemas.join(' ')} } ${fragments}`
    }
    expect((await ask(times(2))).data).toHaveProperty('a1')
    expect((await ask(times(3))).errors?.[0]?.extensions.code).toBe('OPERATION_TOO_LARGE')
    const nested = Array.from({ length: 3 }, (_, n) => `a${n}: types { ...FullType }`).join(' ')
    expect((await ask(`{ __schema { ${nested} } } ${fragments}`)).errors?.[0]?.extensions.code).toBe(
      'OPERATION_TOO_LARGE',
    )
  })
})
