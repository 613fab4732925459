import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { createTokens } from '../../../gateway/identity/token.ts'
import { anId } from '../../fixtures/an-id.ts'
import { smallHub } from '../../fixtures/small-hub.ts'
import { SseReader } from '../http/sse-reader.ts'
import { RawClient } from '../live/raw-client.ts'
import { anIssuer } from './issuer.ts'

const issuer = await anIssuer()
const hub = await smallHub({ ...issuer.settings, SOCKET_PING_MS: '100' })
const events = 'subscription { transactionEvents { text } }'
const soon = (ms = 3_600_000): Date => new Date(Date.now() + ms)
const claims = { sub: 'till-7', participant: 'wallet-th-01', scope: 'payments:read coverage:read fly' }

async function request(token: string): Promise<{ status: number; whoami: unknown }> {
  const response = await fetch(`${hub.url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"query":"{ whoami }"}',
  })
  const body = (await response.json()) as { data?: { whoami: string } }
  return { status: response.status, whoami: body.data?.whoami }
}

describe('a token of the issuer', () => {
  const tokens = createTokens(
    { issuer: issuer.settings.JWT_ISSUER, audience: 'crossgate', jwksUrl: issuer.settings.JWT_JWKS_URL },
    () => new Date(),
  )

  test('authenticates its participant, with the scopes that the hub supports, until it expires', async () => {
    const expiresAt = new Date(Math.floor(soon().getTime() / 1000) * 1000)
    const viewer = await tokens.find(await issuer.token(claims, expiresAt))
    expect(viewer).toEqual({
      participant: 'wallet-th-01',
      scopes: new Set(['payments:read', 'coverage:read']),
      key: 'token of till-7',
      expiresAt,
    })
  })

  test('without `participant` authenticates its subject', async () => {
    const viewer = await tokens.find(await issuer.token({ sub: 'wallet-th-01' }, soon()))
    expect(viewer).toMatchObject({ participant: 'wallet-th-01', scopes: new Set() })
  })

  test('is verified once, and then cached', async () => {
    const token = await issuer.token(claims, soon())
    const [one, two] = await Promise.all([tokens.find(token), tokens.find(token)])
    expect(two).toBe(one)
    expect(tokens.find(token)).toBe(one)
  })

  test.each([
    { what: 'has expired', token: () => issuer.token(claims, soon(-1000)) },
    { what: 'never expires', token: () => issuer.token(claims, null) },
    {
      what: 'is of another issuer',
      token: () => issuer.token(claims, soon(), { issuer: 'https://other.example' }),
    },
    { what: 'is for another audience', token: () => issuer.token(claims, soon(), { audience: 'other' }) },
    { what: 'names no participant', token: () => issuer.token({ scope: 'operator' }, soon()) },
    {
      what: 'is signed with another key',
      token: async () => issuer.token(claims, soon(), { key: (await generateKeyPair('ES256')).privateKey }),
    },
    {
      what: 'is signed with a shared secret',
      token: () =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS256', kid: 'key 1' })
          .setIssuer(issuer.settings.JWT_ISSUER)
          .setAudience('crossgate')
          .setExpirationTime(soon())
          .sign(new TextEncoder().encode('x'.repeat(32))),
    },
    {
      what: 'is not signed',
      token: async () =>
        new UnsecuredJWT(claims)
          .setIssuer(issuer.settings.JWT_ISSUER)
          .setAudience('crossgate')
          .setExpirationTime(soon())
          .encode(),
    },
  ])('that $what is refused', async ({ token }) => {
    expect(await request(await token())).toEqual({ status: 401, whoami: undefined })
  })

  test('is accepted over HTTP beside keys', async () => {
    expect(await request(await issuer.token(claims, soon()))).toEqual({ status: 200, whoami: 'wallet-th-01' })
    expect(await request('demo-wallet')).toEqual({ status: 200, whoami: 'wallet-sg-01' })
  })

  test('is refused when its participant does not exist', async () => {
    const token = await issuer.token({ ...claims, participant: 'nobody-01' }, soon())
    expect(await request(token)).toEqual({ status: 401, whoami: undefined })
  })

  test('shares no subscription with one whose participant and scopes read the same when joined', async () => {
    const one = { sub: 'one', participant: 'bank', scope: 'analytics:read payments:read' }
    const two = { sub: 'two', participant: 'bank analytics:read', scope: 'payments:read' }
    const clients: RawClient[] = []
    for (const each of [one, two]) clients.push(await RawClient.as(hub.url, await issuer.token(each, soon())))
    for (const client of clients) await client.subscribe('1', events)
    await hub.feed.until('transactionEvents', 2)
    for (const client of clients) expect(await client.drain()).toEqual([])
    for (const client of clients) await client.close()
    await hub.feed.until('transactionEvents', 0)
  })

  test('that cannot be verified, because the issuer is unreachable, is refused with 503 and 1013', async () => {
    const away = await anIssuer()
    const token = await away.token(claims, soon())
    const lonely = await smallHub({ ...away.settings, JWT_JWKS_URL: 'http://127.0.0.1:9/keys' })
    const response = await fetch(`${lonely.url}/graphql?query={whoami}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'ISSUER_UNREACHABLE' } }] })
    const socket = new RawClient(lonely.url, { headers: { authorization: `Bearer ${token}` } })
    await socket.send({ type: 'connection_init' })
    expect(await socket.closed).toMatchObject({ code: 1013 })
    await lonely.close()
  })
})

describe('when the key that has signed a token leaves the keys of its issuer', () => {
  test('its WebSocket closes, its event stream ends, and it is refused, while a token of the new key is valid', async () => {
    const rotating = await anIssuer()
    const { url, close } = await smallHub(rotating.settings)
    const token = await rotating.token(claims, soon())
    const socket = await RawClient.as(url, token)
    const stream = await SseReader.open(url, events, { key: token })
    const keyed = await RawClient.as(url, 'demo-wallet')
    await rotating.replaceKey()
    expect(await socket.closed).toMatchObject({ code: 4403 })
    expect(JSON.parse((await stream.receive()).data)).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    })
    const statusFor = async (bearer: string) =>
      (await fetch(`${url}/graphql?query={whoami}`, { headers: { authorization: `Bearer ${bearer}` } }))
        .status
    expect(await statusFor(token)).toBe(401)
    expect(await statusFor(await rotating.token(claims, soon()))).toBe(200)
    expect(await keyed.drain()).toEqual([])
    await keyed.close()
    await close()
  })
})

describe('when the participant of a token or key is closed', () => {
  test('its sockets close, and it is refused', async () => {
    const { url, closeParticipant, close } = await smallHub(issuer.settings)
    const token = await issuer.token(claims, soon())
    const clients = [await RawClient.as(url, token), await RawClient.as(url, 'demo-wallet')] as const
    closeParticipant(anId('wallet-th-01'))
    expect(await clients[0].closed).toMatchObject({ code: 4403 })
    expect(await clients[1].drain()).toEqual([])
    await clients[1].close()
    await close()
  })
})

describe('when a token expires', () => {
  test('its WebSocket closes with 4403, its event stream ends, and with a fresh one both resume', async () => {
    const token = await issuer.token(claims, soon())
    const socket = await RawClient.as(hub.url, token)
    const stream = await SseReader.open(hub.url, events, { key: token })
    const other = await RawClient.as(hub.url, 'demo-wallet')
    await socket.subscribe('1', events)
    await hub.feed.until('transactionEvents', 1)
    await stream.settled()
    await socket.drain()
    hub.feed.emit('transactionEvents', 'seen')
    const { cursor } = hub.feed
    expect((await stream.receive()).id).toBe(cursor)
    expect(await socket.receive()).toMatchObject({
      payload: { data: { transactionEvents: { text: 'seen' } } },
    })

    hub.pass(3_600_000)
    expect(await socket.closed).toMatchObject({ code: 4403 })
    expect(JSON.parse((await stream.receive()).data)).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    })
    expect(await stream.receive()).toMatchObject({ event: 'complete' })
    await stream.ended
    await hub.feed.until('transactionEvents', 0)
    expect(await other.drain()).toEqual([])

    hub.feed.emit('transactionEvents', 'missed')
    const fresh = await issuer.token(claims, soon(7_200_000))
    const resumedSocket = await RawClient.as(hub.url, fresh)
    await resumedSocket.subscribe('1', events.replace('Events', `Events(after: "${cursor}")`))
    expect(await resumedSocket.receive()).toMatchObject({
      payload: { data: { transactionEvents: { text: 'missed' } } },
    })
    const resumedStream = await SseReader.open(hub.url, events, {
      key: fresh,
      headers: { 'last-event-id': cursor },
    })
    expect(JSON.parse((await resumedStream.receive()).data)).toEqual({
      data: { transactionEvents: { text: 'missed' } },
    })
    await resumedStream.leave()
    await resumedSocket.close()
    await other.close()
    await hub.feed.until('transactionEvents', 0)
  })
})
