import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { openHttpConnection } from '../../../gateway/supergraph/connection-http.ts'
import { Deadline } from '../../../subgraphs/platform/async/deadline.ts'
import { aSupergraph, plan, run, type SubgraphParts } from '../../fixtures/a-supergraph.ts'

const never = new Promise<never>(() => {})
let steps: string[] = []

const quick: SubgraphParts = {
  sdl: `type Query { good: String, thing: Thing }
    type Mutation { first: String, second: String }
    type Thing @key(fields: "id") { id: ID! }`,
  resolvers: {
    Query: { good: () => Promise.resolve('here'), thing: () => Promise.resolve({ id: '1' }) },
    Mutation: {
      first: () => {
        steps.push('first')
        return never
      },
      second: () => {
        steps.push('second')
        return 'done'
      },
    },
    Thing: { __resolveReference: (reference: unknown) => reference },
  },
}
const slow: SubgraphParts = {
  sdl: `type Query { late: String }
    type Thing @key(fields: "id") { id: ID! name: String }`,
  resolvers: {
    Query: { late: () => never },
    Thing: { __resolveReference: (reference: unknown) => reference, name: () => never },
  },
}
const hub = aSupergraph({ quick, slow })

/** The response to `document`, given within `ms` once it is planned. */
async function respond(document: string, ms: number): Promise<unknown> {
  await plan(hub, document)
  return run(hub, document, {}, { deadline: new Deadline(ms) })
}

const lateAt = (...path: string[]) => ({
  message: 'The subgraph "slow" did not respond in time.',
  path,
  extensions: { code: 'SUBGRAPH_UNAVAILABLE', subgraph: 'slow', reason: 'TIMEOUT' },
})

test('a late field is answered with an error that names its subgraph, and the others stay', async () => {
  expect(await respond('{ good late thing { id name } }', 50)).toEqual({
    data: { good: 'here', late: null, thing: { id: '1', name: null } },
    errors: [lateAt('late'), lateAt('thing')],
  })
})

test('a request that is answered in time has no deadline any more', async () => {
  await plan(hub, '{ good }')
  const deadline = new Deadline(10)
  expect(await run(hub, '{ good }', {}, { deadline })).toEqual({ data: { good: 'here' } })
  deadline.end()
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(deadline.signal.aborted).toBe(false)
})

test('a field of a mutation that is not begun by the deadline never is', async () => {
  steps = []
  expect(await respond('mutation { first second }', 50)).toMatchObject({
    data: { first: null, second: null },
    errors: [{ path: ['first'] }, { path: ['second'] }],
  })
  expect(steps).toEqual(['first'])
})

test('a request whose client has gone is left at once', async () => {
  await plan(hub, '{ late }')
  const deadline = new Deadline(60_000)
  const response = run(hub, '{ late }', {}, { deadline })
  deadline.leave()
  expect(await response).toMatchObject({ errors: [lateAt('late')] })
  expect(deadline.signal.reason).toHaveProperty('name', 'OutageError')
})

test('a blocked process takes the answers that have arrived before its deadline passes', async () => {
  const server = createServer((socket) => socket.end('answer')).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  const deadline = new Deadline(20)
  const answer = once(socket, 'data').then(() => 'in time')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 40)
  expect(await deadline.race(answer, () => 'late')).toBe('in time')
  deadline.end()
})

test('a request over HTTP ends with the deadline', async () => {
  const { promise: hasClosed, resolve } = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    socket.on('error', () => {}).once('close', () => resolve())
    socket.resume()
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const connection = openHttpConnection('far', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  onTestFinished(() => connection.close())
  const deadline = new Deadline(50)
  const result = await connection.prepare('{ a }').execute({}, { deadline })
  expect(result.errors).toMatchObject([{ extensions: { code: 'SUBGRAPH_UNAVAILABLE', subgraph: 'far' } }])
  await hasClosed
})
