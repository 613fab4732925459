import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, test } from 'vitest'
import { connectWithin, fetchSdl } from '../../../gateway/joining/remote-sdl.ts'
import { aPartner } from '../../fixtures/a-partner.ts'

const partner = await aPartner('type Query { tip: String }', { Query: { tip: () => 'cash' } })
afterAll(() => partner.close())

let body = '{}'
const faulty = createServer((_request, response) => void response.end(body)).listen(0, '127.0.0.1')
await once(faulty, 'listening')
afterAll(() => faulty.close())
const faultyUrl = `http://127.0.0.1:${(faulty.address() as AddressInfo).port}/`
const path = ['input', 'url']

describe('the SDL of a subgraph', () => {
  test('is fetched with the headers that are configured', async () => {
    const endpoint = { name: 'tips', url: partner.url, headers: { 'x-api-key': 'ours' } }
    expect(await fetchSdl('LOOPBACK', endpoint, path)).toContain('tip: String')
    expect(partner.seen.at(-1)).toMatchObject({ 'x-api-key': 'ours' })
  })

  test.each([
    { what: 'is empty', answer: '{"data":{"_service":{"sdl":" "}}}' },
    { what: 'is no text', answer: '{"data":{"_service":{"sdl":7}}}' },
    { what: 'is refused', answer: '{"errors":[{"message":"no introspection here"}]}' },
    { what: 'is no GraphQL response', answer: 'hello' },
    { what: 'is too large', answer: `{"data":{"_service":{"sdl":"${'#'.repeat(2_100_000)}"}}}` },
  ])('that $what is SUBGRAPH_UNREACHABLE', async ({ answer }) => {
    body = answer
    expect(await fetchSdl('LOOPBACK', { name: 'tips', url: faultyUrl, headers: {} }, path)).toMatchObject({
      code: 'SUBGRAPH_UNREACHABLE',
      retryable: true,
      path,
    })
  })

  test.each([
    { reach: 'PUBLIC', url: partner.url },
    { reach: 'PUBLIC', url: 'https://localhost/graphql' },
    { reach: 'LOOPBACK', url: 'https://192.168.0.1/graphql' },
    { reach: 'PRIVATE', url: 'https://[::ffff:10.0.0.1]/' },
  ] as const)('is not fetched from $url when the hub may call $reach addresses', async ({ reach, url }) => {
    const count = partner.seen.length
    expect(await fetchSdl(reach, { name: 'tips', url, headers: {} }, path)).toMatchObject({
      code: 'ADDRESS_NOT_ALLOWED',
      path,
    })
    expect(partner.seen.length).toBe(count)
  })
})

test('a connection checks the address of each socket: a URL that was allowed before is not called', async () => {
  const connection = connectWithin('PUBLIC', { name: 'tips', url: partner.url, headers: {} })
  const { errors } = await connection.prepare('{ tip }').execute({}, {})
  expect(errors).toMatchObject([{ extensions: { code: 'SUBGRAPH_UNAVAILABLE' } }])
  await connection.close()
})
