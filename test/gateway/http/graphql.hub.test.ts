import { serverAudits } from 'graphql-http'
import { buildClientSchema, getIntrospectionQuery } from 'graphql'
import { describe, expect, test } from 'vitest'
import { smallHub } from '../../fixtures/small-hub.ts'

const hub = await smallHub({ BODY_BYTES_MAX: '20000', DEPTH_MAX: '15' })
const graphql = `${hub.url}/graphql`
const asWallet = { authorization: 'Bearer demo-wallet' }
const inJson = { ...asWallet, 'content-type': 'application/json' }

interface Answer {
  readonly data?: Record<string, unknown>
  readonly errors?: readonly { message: string; path?: unknown; extensions: Record<string, unknown> }[]
}

/** Posts a body as it is. */
const post = (body: string | object, headers: Record<string, string> = inJson): Promise<Response> =>
  fetch(graphql, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) })

const read = async (response: Response): Promise<Answer> => (await response.json()) as Answer

const codeOf = async (response: Response): Promise<unknown> =>
  (await read(response)).errors?.[0]?.extensions.code

describe('the GraphQL over HTTP specification', () => {
  const fetchFn = (url: string, { headers, ...init }: RequestInit = {}): Promise<Response> =>
    fetch(url, { ...init, headers: { ...(headers as Record<string, string>), ...asWallet } })

  const audits = serverAudits({ url: graphql, fetchFn })
  test('has about sixty audits', () => expect(audits.length).toBeGreaterThan(55))
  test.each(audits)('$id: $name', async ({ fn }) => {
    expect(await fn()).toMatchObject({ status: 'ok' })
  })
})

describe('an operation over HTTP', () => {
  test('is answered, joined from two subgraphs, as the viewer of its key', async () => {
    const response = await post({ query: '{ whoami book(id: 1) { title stars } }' })
    expect(response.status).toBe(200)
    expect(await read(response)).toEqual({
      data: { whoami: 'wallet-sg-01', book: { title: 'Tea', stars: 5 } },
    })
  })

  test('may be a mutation, by POST', async () => {
    const query = 'mutation($title: String!) { rename(id: 2, title: $title) { id title } }'
    const response = await post({ query, variables: { title: 'Café' } })
    expect(await read(response)).toEqual({ data: { rename: { id: '2', title: 'Café' } } })
  })

  test('may be a query by GET, which no cache stores', async () => {
    const url = new URL(graphql)
    url.searchParams.set('query', 'query A($id: ID!) { book(id: $id) { id } } query B { whoami }')
    url.searchParams.set('operationName', 'A')
    url.searchParams.set('variables', '{"id":"1"}')
    const response = await fetch(url, { headers: asWallet })
    expect(await read(response)).toEqual({ data: { book: { id: '1' } } })
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  test('carries the request id that it came with, or one of its own', async () => {
    const given = await post({ query: '{ whoami }' }, { ...inJson, 'x-request-id': 'order-17' })
    expect(given.headers.get('x-request-id')).toBe('order-17')
    for (const id of ['', 'two words', 'x'.repeat(65)]) {
      const made = await post({ query: '{ whoami }' }, { ...inJson, 'x-request-id': id })
      expect(made.headers.get('x-request-id')).toMatch(/^[a-z]{20}-[0-9a-z]+$/)
    }
  })
})

describe('a request that is refused', () => {
  const bad = { status: 400, code: 'BAD_REQUEST' }
  test.each([
    { what: 'no body', body: '', ...bad, message: 'the body is empty' },
    { what: 'cut JSON', body: '{"query": "{ who', ...bad, message: 'the body is not JSON' },
    {
      what: 'a batch',
      body: '[{"query":"{ whoami }"}]',
      ...bad,
      code: 'BATCH_NOT_SUPPORTED',
      message: 'not a list',
    },
    { what: 'JSON that is no object', body: '"{ whoami }"', ...bad, message: 'not a string' },
    { what: 'no query', body: '{"variables":{}}', ...bad, message: '"query" must be a string, not missing' },
    { what: 'an unknown field', body: '{"query":"{ whoami }","querry":1}', ...bad, message: '"querry"' },
    {
      what: 'a __proto__',
      body: '{"query":"{ whoami }","__proto__":{"a":1}}',
      ...bad,
      message: '"__proto__"',
    },
    {
      what: 'variables in a list',
      body: '{"query":"{ whoami }","variables":[1]}',
      ...bad,
      message: '"variables"',
    },
    {
      what: 'variables as text',
      body: '{"query":"{ whoami }","variables":"{}"}',
      ...bad,
      message: '"variables"',
    },
    {
      what: 'extensions as text',
      body: '{"query":"{ whoami }","extensions":"a"}',
      ...bad,
      message: '"extensions"',
    },
    {
      what: 'a name that is a number',
      body: '{"query":"{ whoami }","operationName":1}',
      ...bad,
      message: '"operationName"',
    },
    {
      what: 'too large a body',
      body: JSON.stringify({ query: `{ whoami } #${'x'.repeat(20_000)}` }),
      status: 413,
      code: 'BODY_TOO_LARGE',
      message: 'larger',
    },
  ])('$what: $status $code', async ({ body, status, code, message }) => {
    const response = await post(body)
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    const { errors, data } = await read(response)
    expect(data).toBeUndefined()
    expect(errors).toEqual([{ message: expect.stringContaining(message), extensions: { code } }])
  })

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'a body of type %s, which a page of another origin can send without a preflight',
    async (type) => {
      const response = await post('{"query":"{ whoami }"}', { ...asWallet, 'content-type': type })
      expect(response.status).toBe(415)
      expect(await codeOf(response)).toBe('UNSUPPORTED_MEDIA_TYPE')
    },
  )

  test('a body in another encoding', async () => {
    const response = await post('{"query":"{ whoami }"}', {
      ...inJson,
      'content-type': 'application/json; charset=latin1',
    })
    expect(response.status).toBe(415)
  })

  test('a media type that the hub does not produce', async () => {
    const response = await post({ query: '{ whoami }' }, { ...inJson, accept: 'text/html' })
    expect(response.status).toBe(406)
    expect(await codeOf(response)).toBe('NOT_ACCEPTABLE')
  })

  test.each(['PUT', 'DELETE', 'PATCH'])('%s', async (method) => {
    const response = await fetch(graphql, { method, headers: asWallet })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, POST, OPTIONS')
    expect(await codeOf(response)).toBe('METHOD_NOT_ALLOWED')
  })

  test('a mutation by GET: nothing is done', async () => {
    const query = encodeURIComponent('mutation { rename(id: 1, title: "Gone") { id } }')
    const response = await fetch(`${graphql}?query=${query}`, { headers: asWallet })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
    expect(await read(await post({ query: '{ book(id: 1) { title } }' }))).toMatchObject({
      data: { book: { title: 'Tea' } },
    })
  })

  test('a parameter given twice', async () => {
    const response = await fetch(`${graphql}?query=%7Bwhoami%7D&variables=%7B%7D&variables=%7B%7D`, {
      headers: asWallet,
    })
    expect(await read(response)).toMatchObject({ errors: [{ message: '"variables" is given twice' }] })
  })

  test('a subscription', async () => {
    const response = await post({ query: 'subscription { activityUpdated { text } }' })
    expect(response.status).toBe(406)
    expect(await codeOf(response)).toBe('STREAM_NEEDED')
  })

  test('an unknown path', async () => {
    const response = await fetch(`${hub.url}/graph`)
    expect(response.status).toBe(404)
    expect(await codeOf(response)).toBe('NOT_FOUND')
  })
})

describe('a document that cannot be run', () => {
  const deep = `{ __schema { types { fields { type ${'{ ofType '.repeat(12)}{ name }${'}'.repeat(16)}`
  test.each([
    { what: 'no GraphQL', query: '{ whoami', code: 'GRAPHQL_PARSE_FAILED' },
    { what: 'an unknown field', query: '{ whoarewe }', code: 'GRAPHQL_VALIDATION_FAILED' },
    {
      what: 'an unknown operation',
      query: 'query A { whoami }',
      operationName: 'B',
      code: 'OPERATION_RESOLUTION_FAILURE',
    },
    { what: 'too deep', query: deep, code: 'OPERATION_TOO_LARGE' },
    {
      what: 'a variable that is missing',
      query: 'query($id: ID!) { book(id: $id) { id } }',
      code: 'BAD_USER_INPUT',
    },
    {
      what: 'a variable of a wrong type',
      query: 'query($id: ID!) { book(id: $id) { id } }',
      variables: { id: true },
      code: 'BAD_USER_INPUT',
    },
  ])(
    '$what: $code, with the status 400 under application/graphql-response+json',
    async ({ what: _, code, ...body }) => {
      const modern = await post(body, { ...inJson, accept: 'application/graphql-response+json' })
      expect(modern.status).toBe(400)
      expect(await codeOf(modern)).toBe(code)
      const legacy = await post(body)
      expect(legacy.status).toBe(200)
      expect(await codeOf(legacy)).toBe(code)
    },
  )
})

describe('the key', () => {
  test.each([
    { what: 'none', headers: {} },
    { what: 'an unknown one', headers: { authorization: 'Bearer demo-walle' } },
    { what: 'another scheme', headers: { authorization: 'Basic ZGVtbw==' } },
    { what: 'an empty header', headers: { authorization: '' } },
  ] as { what: string; headers: Record<string, string> }[])(
    '$what: 401, and the way to get in',
    async ({ headers }) => {
      const response = await post({ query: '{ whoami }' }, { 'content-type': 'application/json', ...headers })
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Bearer')
      expect(await codeOf(response)).toBe('UNAUTHENTICATED')
    },
  )

  test('is not needed for introspection', async () => {
    const response = await post({ query: getIntrospectionQuery() }, { 'content-type': 'application/json' })
    const { data } = await read(response)
    expect(
      buildClientSchema(data as never)
        .getQueryType()
        ?.getFields().whoami,
    ).toBeDefined()
  })

  test.each([
    '{ __typename whoami }',
    '{ ...F } fragment F on Query { whoami }',
    'query A { __typename } query B { whoami }',
    'mutation { __typename }',
    '{ whoarewe }',
    '{ whoami',
  ])('is needed for anything else: %s', async (query) => {
    const response = await post({ query, operationName: 'A' }, { 'content-type': 'application/json' })
    expect(response.status).toBe(401)
  })

  test('that is wrong is refused even where none is needed', async () => {
    const response = await post({ query: '{ __typename }' }, { ...inJson, authorization: 'Bearer unknown' })
    expect(response.status).toBe(401)
  })
})

describe('errors of subgraphs', () => {
  test('with a public code pass unchanged', async () => {
    expect(await read(await post({ query: '{ refused whoami }' }))).toEqual({
      data: { refused: null, whoami: 'wallet-sg-01' },
      errors: [
        {
          message: 'A range requires `from` and `to` with `from` before `to`, or `lastDays`.',
          path: ['refused'],
          extensions: { code: 'BAD_RANGE', retryable: false },
        },
      ],
    })
  })

  test('of any other kind are masked, and logged in full under the request id', async () => {
    const response = await post({ query: '{ oops: broken }' }, { ...inJson, 'x-request-id': 'order-18' })
    const text = await response.text()
    expect(JSON.parse(text)).toEqual({
      data: { oops: null },
      errors: [
        {
          message: 'An internal error of the hub: report it with the request id.',
          path: ['oops'],
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'order-18' },
        },
      ],
    })
    expect(text).not.toContain('secret')
    expect(hub.log).toContainEqual(
      expect.objectContaining({
        requestId: 'order-18',
        subgraph: 'shelf',
        err: expect.objectContaining({
          type: 'TypeError',
          message: 'secret detail',
          stack: expect.any(String),
        }),
      }),
    )
  })

  test('for an outage of MongoDB have the code UNAVAILABLE, and are retryable', async () => {
    const { errors } = await read(await post({ query: '{ outage }' }))
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'UNAVAILABLE', retryable: true } })
    expect(errors?.[0]?.message).not.toContain('10.0.0.7')
  })
})

describe('a page of another origin', () => {
  test('gets no permission to call', async () => {
    const preflight = await fetch(graphql, {
      method: 'OPTIONS',
      headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('allow')).toBe('GET, POST, OPTIONS')
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull()
  })

  test('gets it when ORIGINS contains the origin', async () => {
    const open = await smallHub({ ORIGINS: 'https://portal.example' })
    const ask = (origin: string) =>
      fetch(`${open.url}/graphql`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      })
    const { status, headers } = await ask('https://portal.example')
    expect(status).toBe(204)
    expect(headers.get('access-control-allow-origin')).toBe('https://portal.example')
    expect((await ask('https://elsewhere.example')).headers.get('access-control-allow-origin')).toBeNull()
    await open.close()
  })
})
