// Files that the gateway passes on to a process of the subgraph that owns the data, over HTTP.

import fastify from 'fastify'
import { buildSchema } from 'graphql'
import { request as httpRequest } from 'node:http'
import { pino } from 'pino'
import { afterAll, describe, expect, test } from 'vitest'
import { createForward } from '../../../gateway/app/remote-subgraphs.ts'
import { readConfig } from '../../../gateway/config/config.ts'
import { exchangeRoutes, type Exchange } from '../../../gateway/http/exchange.ts'
import { createReadiness } from '../../../gateway/http/health.ts'
import { startSubgraphServer } from '../../../gateway/http/subgraph-server.ts'
import { createCallTokens } from '../../../gateway/identity/call-token.ts'
import { createTelemetry } from '../../../gateway/telemetry/telemetry.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'
import { refuse } from '../../../schema/values/problems.ts'
import type { Subgraph } from '../../../subgraphs/shared/subgraph.ts'
import { freePort } from '../../docs/free-port.ts'

const viewer = { participant: 'acquirer-cn-01' as ParticipantId, scopes: new Set<never>(), key: 'test' }
const tokens = createCallTokens(['s'.repeat(32)], () => new Date())
const ended = Promise.withResolvers<number>()
const begun = Promise.withResolvers<void>()
const cutOff = Promise.withResolvers<unknown>()

/** An endless file, and imports that are counted, refused at once, or cut off. */
const files: Exchange = {
  bulkImport: {
    async run({ key, offset }, bytes) {
      let count = 0
      try {
        for await (const { length } of bytes) {
          if (key === 'refused') return refuse('BAD_VALUE', 'the first row is wrong', ['body'])
          count += length
          if (key === 'cut') begun.resolve()
        }
      } catch (error) {
        cutOff.resolve(error)
        throw error
      }
      return { key, offset: offset + count, rows: 1, created: 1, updated: 0, rejected: 0, complete: true }
    },
    report: async () => null,
    async *rejected() {},
  },
  exportMerchants: ({ viewer: { participant } }) => refuse('FORBIDDEN', `${participant} is not an acquirer`),
  async *exportTransactions() {
    let chunks = 0
    try {
      for (;;) {
        chunks++
        yield 'x'.repeat(65_536)
      }
    } finally {
      ended.resolve(chunks)
    }
  },
}

const readiness = createReadiness()
readiness.phase = 'ready'
const owner = await startSubgraphServer({
  config: readConfig({ PORT: '0' }),
  subgraph: {
    name: 'merchant',
    sdl: '',
    app: { graphql: { schema: buildSchema('type Query { one: Int }') } },
    close: async () => {},
    ...files,
  } as unknown as Subgraph & Exchange,
  tokens,
  telemetry: createTelemetry(),
  metrics: { mongo: null, log: null },
  readiness,
  logger: pino({ level: 'silent' }),
})
const away = `http://127.0.0.1:${await freePort()}`
const app = fastify()
await app.register((routes) =>
  exchangeRoutes(routes, () => ({
    identity: { find: () => viewer },
    exchange: createForward(() => [away, owner.url], tokens),
  })),
)
const url = await app.listen({ host: '127.0.0.1', port: 0 })
afterAll(async () => {
  await app.close()
  await owner.close()
})

const headersOf = (key: string) => ({
  'content-type': 'text/csv',
  'idempotency-key': key,
  'upload-offset': '7',
})
const send = (key: string, body: string) =>
  fetch(`${url}/import/merchants`, { method: 'POST', headers: headersOf(key), body })

describe('a file that is passed on to the process of its subgraph', () => {
  test('arrives as a whole, past a process that is away, with the headers of the client', async () => {
    const response = await send('whole', 'x'.repeat(3_000_000))
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ key: 'whole', offset: 3_000_007, rejectedRows: [] })
  })

  test('that is refused before its end gives the refusal', async () => {
    const response = await send('refused', 'x'.repeat(300_000))
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_VALUE' } }] })
    expect((await fetch(`${url}/export/merchants`)).status).toBe(403)
    expect((await fetch(`${url}/import/merchants/none`)).status).toBe(404)
  })

  test('is cut off there when its client has gone', async () => {
    const sent = httpRequest(`${url}/import/merchants`, { method: 'POST', headers: headersOf('cut') })
    sent.on('error', () => {})
    sent.write('mid,name\n')
    await begun.promise
    sent.destroy()
    expect(await cutOff.promise).toBeInstanceOf(Error)
  })

  test('is read no further than its client takes, and not at all when the client has gone', async () => {
    const leaving = new AbortController()
    const response = await fetch(`${url}/export/transactions`, { signal: leaving.signal })
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="transactions.ndjson"')
    await response.body!.getReader().read()
    leaving.abort()
    // What fits into the buffers of some sockets, of an endless file.
    expect(await ended.promise).toBeLessThan(1_000)
  })
})
