// Files that the gateway passes on to the process of a subgraph, for a client that leaves.

import fastify from 'fastify'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { Readable } from 'node:stream'
import { afterAll, describe, expect, test } from 'vitest'
import { exchangeRoutes, type Forward } from '../../../gateway/http/exchange.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'

let forward: Forward
const viewer = { participant: 'acquirer-cn-01' as ParticipantId, scopes: new Set<never>(), key: 'test' }
const app = fastify()
await app.register((routes) =>
  exchangeRoutes(routes, () => ({
    identity: { find: () => viewer },
    exchange: (context, request) => forward(context, request),
  })),
)
const url = await app.listen({ host: '127.0.0.1', port: 0 })
afterAll(() => app.close())

describe('a file that is passed on to another process', () => {
  test('is read from it no further than its client takes, and not at all when the client has gone', async () => {
    let pushed = 0
    const content = new Readable({
      read() {
        this.push(Buffer.alloc(65_536, 'x'))
        pushed++
      },
    })
    forward = async () => ({ status: 200, headers: { 'content-type': 'application/x-ndjson' }, content })
    const leaving = new AbortController()
    const response = await fetch(`${url}/export/transactions`, { signal: leaving.signal })
    await response.body!.getReader().read()
    leaving.abort()
    await once(content, 'close')
    // What fits into the buffers of two sockets, of an endless file.
    expect(pushed).toBeLessThan(500)
  })

  test('is cut off when its client has gone, and has what was sent before', async () => {
    const received = Promise.withResolvers<{ readonly bytes: number; readonly error: unknown }>()
    const begun = Promise.withResolvers<void>()
    forward = async (_context, { owner, method, path, headers, body }) => {
      expect([owner, method, path]).toEqual(['merchant', 'POST', '/import/merchants'])
      expect(headers).toEqual({ 'content-type': 'text/csv', 'idempotency-key': 'k' })
      let bytes = 0
      try {
        for await (const chunk of body!.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
          bytes += chunk.length
          begun.resolve()
        }
      } catch (error) {
        received.resolve({ bytes, error })
        throw error
      }
      throw new Error('the body has ended')
    }
    const sent = httpRequest(`${url}/import/merchants`, {
      method: 'POST',
      headers: { authorization: 'Bearer test', 'content-type': 'text/csv', 'idempotency-key': 'k' },
    })
    sent.on('error', () => {})
    sent.write('mid,name\n')
    await begun.promise
    sent.destroy()
    expect(await received.promise).toEqual({ bytes: 9, error: expect.objectContaining({ code: 'ECONNRESET' }) })
  })
})
