import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { smallHub } from '../../fixtures/small-hub.ts'

const hub = await smallHub({ BODY_BYTES_MAX: '100000' })
const { port } = new URL(hub.url)

async function send(
  body: Buffer,
  encoding: string,
): Promise<{ status: number; text: string; accepts: string | undefined }> {
  const sent = request({
    host: '127.0.0.1',
    port,
    path: '/graphql',
    method: 'POST',
    headers: {
      authorization: 'Bearer demo-wallet',
      'content-type': 'application/json',
      'content-encoding': encoding,
      'content-length': body.length,
    },
  })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { status: response.statusCode!, text, accepts: response.headers['accept-encoding'] }
}

const query = Buffer.from('{"query":"{ whoami }"}')

describe('a compressed request', () => {
  test.each([
    ['gzip', gzipSync(query)],
    ['br', brotliCompressSync(query)],
    ['deflate', deflateSync(query)],
    ['GZIP', gzipSync(query)],
    ['identity', query],
  ])('of %s is answered', async (encoding, body) => {
    expect(await send(body, encoding)).toMatchObject({
      status: 200,
      text: '{"data":{"whoami":"wallet-sg-01"}}',
    })
  })

  // 90 MB each, in 100 kB or less.
  const zeros = Buffer.alloc(90_000_000, ' ')
  test.each([
    ['gzip', gzipSync(zeros)],
    ['br', brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
    ['deflate', deflateSync(zeros)],
  ])('of %s that expands to 900 times the limit is refused at the limit', async (encoding, body) => {
    expect(body.length).toBeLessThan(100_000)
    const { heapUsed, external } = process.memoryUsage()
    const before = heapUsed + external
    const { status, text } = await send(body, encoding)
    expect({ status, text }).toMatchObject({ status: 413, text: expect.stringContaining('BODY_TOO_LARGE') })
    const after = process.memoryUsage()
    expect(after.heapUsed + after.external - before).toBeLessThan(20_000_000)
  })

  test.each([
    ['that is not what its header gives', 'gzip', query],
    ['that is cut off', 'gzip', gzipSync(query).subarray(0, 20)],
  ])('%s is refused', async (_, encoding, body) => {
    const { status, text } = await send(body, encoding)
    expect(status).toBe(400)
    expect(text).toMatch(/"the body is not gzip: .*BAD_REQUEST/)
  })

  test.each(['zstd', 'gzip, gzip', 'compress', 'toString'])(
    'of %s is refused, with what is supported',
    async (encoding) => {
      expect(await send(query, encoding)).toMatchObject({
        status: 415,
        text: expect.stringContaining('ENCODING_NOT_SUPPORTED'),
        accepts: 'gzip, br, deflate',
      })
    },
  )
})
