import { GraphQLError } from 'graphql'
import { MongoBulkWriteError, MongoError, MongoNetworkError, MongoServerError } from 'mongodb'
import { expect, test } from 'vitest'
import { maskErrors } from '../../../gateway/http/mask-errors.ts'
import { ProblemError, refuse } from '../../../schema/values/problems.ts'
import { OutageError } from '../../../subgraphs/platform/async/outage.ts'
import { isOutage } from '../../../subgraphs/platform/mongo/errors.ts'

const server = (code: number, labels: readonly string[] = []) => {
  const error = new MongoServerError({ code, message: `code ${code}` })
  labels.forEach((label) => error.addErrorLabel(label))
  return error
}
const named = (name: string, code?: string): Error => Object.assign(new Error(name), { name, code })
const labelled = (label: string): Error => {
  const error = new MongoError('labelled')
  error.addErrorLabel(label)
  return error
}
const inGraph = (cause: Error) => new GraphQLError('wrapped', { originalError: cause })

const outages: readonly (readonly [string, unknown])[] = [
  ['a connection that broke', new MongoNetworkError('closed')],
  ['a primary that stepped down', server(189)],
  ['a server that is no primary', server(10_107)],
  ['a write concern that was not reached in time', server(64)],
  ['a server that shuts down', server(91)],
  ['a call that the server ended for its time', server(50)],
  ['a code that has the label of a retryable write', server(1, ['RetryableWriteError'])],
  ['a transaction that may be repeated', labelled('TransientTransactionError')],
  ['a full queue for connections', named('MongoWaitQueueTimeoutError')],
  ['an address that refuses connections', named('Error', 'ECONNREFUSED')],
  ['a refusal of the hub itself', new OutageError('full')],
  ['an outage in a resolver', inGraph(new MongoNetworkError('closed'))],
  ['an outage behind another query', new Error('failed', { cause: [inGraph(server(11_602))] })],
  ['a subgraph that did not respond', { message: '', extensions: { code: 'SUBGRAPH_UNAVAILABLE' } }],
]

const others: readonly (readonly [string, unknown])[] = [
  ['a bug', new TypeError('x is not a function')],
  ['a key that is taken', server(11_000)],
  ['a document that is not valid', server(121)],
  ['a command that is not valid', server(9)],
  ['a refusal', new ProblemError(refuse('QUOTE_EXPIRED'))],
  ['what is no error', 'ECONNREFUSED'],
  ['nothing', null],
]

test.each(outages)('%s is an outage', (_, error) => expect(isOutage(error)).toBe(true))
test.each(others)('%s is no outage', (_, error) => expect(isOutage(error)).toBe(false))

test('an error that causes itself is judged to its end', () => {
  const error = new Error('circular')
  error.cause = error
  expect(isOutage(error)).toBe(false)
})

test('an outage has one form for clients, and one line a second for operators', () => {
  const lines: unknown[] = []
  const present = maskErrors({ error: (line) => lines.push(line), warn: (line) => lines.push(line) })
  const shown = outages.slice(11).map(([, error]) => present(error as Error, 'shop', { requestId: 'r' }))
  const extensions = { code: 'UNAVAILABLE', retryable: true, subgraph: 'shop', requestId: 'r' }
  for (const one of shown) expect(one.extensions).toEqual(extensions)
  expect(lines).toEqual([expect.objectContaining({ requestId: 'r', unlogged: 0 })])
})

test('a bulk write that the network broke is an outage, and one with a write error is not', () => {
  const lost: unknown = new MongoNetworkError('read ECONNRESET')
  const broken = new MongoBulkWriteError(lost as never, {} as never)
  expect(isOutage(broken)).toBe(true)
  const refused = { message: 'E11000', code: 11_000, writeErrors: [{ index: 0 }] }
  expect(isOutage(new MongoBulkWriteError(refused as never, {} as never))).toBe(false)
})
