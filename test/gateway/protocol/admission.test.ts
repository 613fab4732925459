import { describe, expect, onTestFinished, test } from 'vitest'
import { createCallerLimits } from '../../../gateway/identity/caller-limits.ts'
import { openBudgets } from '../../../gateway/identity/shared-budgets.ts'
import {
  createAdmission,
  withExtensions,
  type AdmissionOptions,
} from '../../../gateway/protocol/admission.ts'
import type { CallerLimits } from '../../../gateway/protocol/caller-limits.ts'
import { HttpError } from '../../../gateway/protocol/http-error.ts'
import { readRequest } from '../../../gateway/protocol/request.ts'
import { documentId } from '../../../gateway/protocol/trusted-documents.ts'
import type { Viewer } from '../../../subgraphs/shared/viewer.ts'
import { aSupergraph } from '../../fixtures/a-supergraph.ts'
import { anId } from '../../fixtures/an-id.ts'

const supergraph = aSupergraph({
  shelf: {
    sdl: 'type Query { books(first: Int = 2): [Book!] @listSize(slicingArguments: ["first"]) } type Book { id: ID }',
    resolvers: {},
  },
})
const viewer: Viewer = { participant: anId('wallet'), scopes: new Set(), key: 'a key' }

/** Limits each participant, or else address, to `perMinute`, at a clock that tests move. */
async function limitsOf(perMinute: number, clock?: () => number): Promise<CallerLimits> {
  const budgets = await openBudgets({ db: null, logger: { warn: () => {} }, ...(clock && { clock }) })
  onTestFinished(() => budgets.close())
  return createCallerLimits(budgets, {
    participantPerMinute: perMinute,
    keyPerMinute: null,
    unknownPerMinute: perMinute,
    loopShare: null,
    operationLoopMs: Infinity,
  })
}

/** Prepares and charges a request; returns its extensions, or the error with its details. */
function admit(options: AdmissionOptions) {
  const admission = createAdmission(supergraph, options)
  return (body: object, caller: Partial<Viewer> = {}): unknown => {
    try {
      const request = readRequest(body)
      const prepared = admission.prepare(request)
      if (prepared.kind === 'rejected') return prepared.errors[0]!.extensions
      const coerced = prepared.coerce(request.variables)
      if ('errors' in coerced) return coerced.errors
      const { address = '' } = caller
      const charged = { viewer: { ...viewer, ...caller }, address }
      return admission.charge(prepared, coerced.variables, charged, request).extensions
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      return { code: error.code, ...error.details }
    }
  }
}

const persisted = (sha256Hash: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash } } })
const books = '{ books { id } }'
const booksId = documentId(books)

describe('a persisted query', () => {
  test('is not found, then registered, then found by its hash alone', () => {
    const send = admit({})
    expect(send(persisted(booksId))).toEqual({ code: 'PERSISTED_QUERY_NOT_FOUND' })
    expect(send({ query: books, ...persisted(booksId) })).toBeNull()
    expect(send(persisted(booksId))).toBeNull()
    expect(send({ query: '', ...persisted(booksId) })).toBeNull()
  })

  test('is refused when the hash is that of another text', () => {
    expect(admit({})({ query: books, ...persisted(documentId('{ other }')) })).toEqual({
      code: 'BAD_REQUEST',
    })
  })

  test('is not registered when it is not valid', () => {
    const send = admit({})
    const query = '{ nothing }'
    expect(send({ query, ...persisted(documentId(query)) })).toEqual({ code: 'GRAPHQL_VALIDATION_FAILED' })
    expect(send(persisted(documentId(query)))).toEqual({ code: 'PERSISTED_QUERY_NOT_FOUND' })
  })

  test('is not supported when the setting is off', () => {
    const send = admit({ persistedQueries: false })
    expect(send({ query: books, ...persisted(booksId) })).toBeNull()
    expect(send(persisted(booksId))).toEqual({ code: 'PERSISTED_QUERY_NOT_SUPPORTED' })
  })

  test.each([
    ['version', { version: 2, sha256Hash: booksId }],
    ['hash', { version: 1, sha256Hash: 7 }],
    ['form', 'yes'],
  ])('with a wrong %s is refused', (_, persistedQuery) => {
    expect(admit({})({ extensions: { persistedQuery } })).toEqual({ code: 'BAD_REQUEST' })
  })
})

describe('a trusted document', () => {
  const trusted = new Map([
    ['books-1', books],
    [booksId, books],
  ])

  test.each([
    { documentId: 'books-1' },
    { documentId: `sha256:${booksId}` },
    persisted(booksId),
    { query: books },
  ])('is run for %j', (body) => {
    expect(admit({ trusted, onlyTrusted: true })(body)).toBeNull()
  })

  test.each([
    { query: '{ books { id id } }' },
    { query: '{ __schema { types { name } } }' },
    { query: '{ books { id id } }', documentId: 'books-1' },
    { documentId: 'books-2' },
    { query: '{ books { __typename } }', ...persisted(documentId('{ books { __typename } }')) },
  ])('in trusted mode is the only one: %j is refused', (body) => {
    expect(admit({ trusted, onlyTrusted: true })(body)).toEqual({ code: 'DOCUMENT_NOT_TRUSTED' })
  })

  test('may be named beside other documents', () => {
    const send = admit({ trusted })
    expect(send({ documentId: 'books-1' })).toBeNull()
    expect(send({ query: '{ books { id id } }' })).toBeNull()
  })
})

test('a list of requests is refused with a code of its own', () => {
  expect(admit({})([{ query: books }, { query: books }])).toEqual({ code: 'BATCH_NOT_SUPPORTED' })
})

describe('the cost', () => {
  const query = 'query($n: Int) { books(first: $n) { id } }'

  test('of one operation is refused above the limit, with both', () => {
    const send = admit({ costMax: 50 })
    expect(send({ query, variables: { n: 50 } })).toBeNull()
    expect(send({ query, variables: { n: 51 } })).toEqual({
      code: 'OPERATION_TOO_COSTLY',
      cost: 51,
      limit: 50,
    })
  })

  test('is given in extensions when the request wants it', async () => {
    const wanted = { query, variables: { n: 3 }, extensions: { cost: true } }
    expect(admit({ costMax: 50 })(wanted)).toBe('"cost":{"cost":3,"limit":50}')
    expect(admit({ costMax: 50, limits: await limitsOf(100) })(wanted)).toBe(
      '"cost":{"cost":3,"limit":50,"perMinute":100,"remaining":97}',
    )
  })

  test('is taken from the budget of its caller, by participant or else by address', async () => {
    const send = admit({ limits: await limitsOf(10, () => 0) })
    const six = { query, variables: { n: 6 } }
    expect(send(six)).toBeNull()
    expect(send(six)).toEqual({
      code: 'BUDGET_EXCEEDED',
      cost: 6,
      limit: 10,
      remaining: 4,
      retryAfterMs: 12_000,
    })
    expect(send(six, { participant: anId('acquirer') })).toBeNull()
    const keyless: Partial<Viewer> = { participant: anId(''), address: '192.0.2.1' }
    expect(send(six, keyless)).toBeNull()
    expect(send(six, keyless)).toMatchObject({ code: 'BUDGET_EXCEEDED' })
    expect(send(six, { ...keyless, address: '192.0.2.2' })).toBeNull()
  })

  test('is added to a response of any kind', () => {
    const response = Buffer.from('{"data":null,"errors":[]}')
    expect(JSON.parse(withExtensions(response, '"cost":{"cost":1}').toString())).toEqual({
      data: null,
      errors: [],
      extensions: { cost: { cost: 1 } },
    })
  })
})
