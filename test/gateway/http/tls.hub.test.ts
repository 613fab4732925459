// TLS that ends at the hub, with certificates that openssl makes.

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { request, type RequestOptions } from 'node:https'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { connect as connectPlain } from 'node:net'
import { describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import type { Grant } from '../../../subgraphs/shared/api-keys.ts'
import { smallHub } from '../../fixtures/small-hub.ts'
import { anId } from '../../fixtures/an-id.ts'
import { temporaryFolder } from '../../harness/temporary-folder.ts'
import { anIssuer } from '../identity/issuer.ts'
import { aCertificate, type Pair } from './certificates.ts'

const folder = temporaryFolder()
const [first, second] = [aCertificate(folder, 'first'), aCertificate(folder, 'second')]
const [till, other] = [aCertificate(folder, 'till'), aCertificate(folder, 'other')]
const files = { certificate: join(folder, 'hub.pem'), key: join(folder, 'hub.key') }
const install = ({ cert, key }: Pick<Pair, 'cert' | 'key'>): void => {
  writeFileSync(files.certificate, cert)
  writeFileSync(files.key, key)
}
install(first)

const issuer = await anIssuer()
const hub = await smallHub({
  ...issuer.settings,
  TLS_CERT_FILE: files.certificate,
  TLS_KEY_FILE: files.key,
  TLS_CLIENT_CERTIFICATES: 'request',
  UNKNOWN_CONNECTIONS_PER_ADDRESS_MAX: '15',
  TRAFFIC: '0',
})
const { port } = new URL(hub.url)
const address = { host: '127.0.0.1', port: Number(port) }
const ca = [first.cert, second.cert]
const soon = (): Date => new Date(Date.now() + 3_600_000)

/** The status of a query with this key or token over a new connection, with this certificate or none. */
async function statusWith(bearer: string, certificate: Pair | null): Promise<number> {
  const shown = certificate && { cert: certificate.cert, key: certificate.key }
  const options: RequestOptions = { ...address, ...shown, ca, agent: false, method: 'POST', path: '/graphql' }
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
  const sent = request({ ...options, headers: { ...headers, 'content-length': '22' } })
  sent.end('{"query":"{ whoami }"}')
  const [response] = (await once(sent, 'response')) as [{ statusCode: number; resume(): void }]
  response.resume()
  return response.statusCode
}

/** A WebSocket after `connection_init`: the type of its first message, or the code of its close. */
async function webSocket(bearer: string, certificate: Pair | null): Promise<[WebSocket, string | number]> {
  const shown = certificate && { cert: certificate.cert, key: certificate.key }
  const socket = new WebSocket(`wss://127.0.0.1:${port}/graphql`, 'graphql-transport-ws', { ca, ...shown })
  await once(socket, 'open')
  const answer = new Promise<string | number>((resolve) => {
    socket.once('message', (data: Buffer) => resolve((JSON.parse(data.toString()) as { type: string }).type))
    socket.once('close', resolve)
  })
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${bearer}` } }))
  return [socket, await answer]
}

/** The name in the certificate that a new connection gets. */
async function nameShown(): Promise<string> {
  const socket: TLSSocket = connect({ ...address, ca })
  await once(socket, 'secureConnect')
  const { CN } = socket.getPeerCertificate().subject
  socket.destroy()
  return String(CN)
}

describe('a hub with TLS_CERT_FILE', () => {
  test('answers over HTTPS and secure WebSockets, and to no plain HTTP', async () => {
    expect(hub.url).toMatch(/^https:/)
    expect(await statusWith('demo-wallet', null)).toBe(200)
    const [socket, answer] = await webSocket('demo-wallet', null)
    expect(answer).toBe('connection_ack')
    socket.close()
    const plain = connectPlain(address).on('error', () => {})
    plain.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
    let text = ''
    plain.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
    await once(plain, 'close')
    expect(text).not.toContain('HTTP/1.1')
  })

  test('gives new connections the changed certificate, and keeps the open ones', async () => {
    const [socket] = await webSocket('demo-wallet', null)
    expect(await nameShown()).toBe('first')
    install({ cert: second.cert, key: first.key })
    await expect
      .poll(() => hub.log.map(({ msg }) => String(msg)).join('\n'), { timeout: 5_000 })
      .toContain('the hub continues with the previous one')
    expect(await nameShown()).toBe('first')
    install(second)
    await expect.poll(nameShown, { timeout: 5_000 }).toBe('second')
    socket.send('{"type":"ping"}')
    const [pong] = (await once(socket, 'message')) as [Buffer]
    expect(pong.toString()).toContain('pong')
    socket.close()
  })

  test('counts a connection no longer when a key has come over it, as over plain HTTP', async () => {
    const sockets: WebSocket[] = []
    for (let n = 0; n < 20; n++) {
      const [socket, answer] = await webSocket('demo-wallet', null)
      expect(answer).toBe('connection_ack')
      sockets.push(socket)
    }
    for (const socket of sockets) socket.terminate()
  })
})

describe('a token or key that is bound to a certificate (RFC 8705)', () => {
  const claims = { sub: 'till-7', participant: 'wallet-th-01', scope: 'payments:read' }
  const bound = (cnf: object) => issuer.token({ ...claims, cnf }, soon())

  test('is valid over a connection with that certificate alone', async () => {
    const token = await bound({ 'x5t#S256': till.thumbprint })
    expect(await statusWith(token, till)).toBe(200)
    expect(await statusWith(token, other)).toBe(401)
    expect(await statusWith(token, null)).toBe(401)
    const [socket, accepted] = await webSocket(token, till)
    expect(accepted).toBe('connection_ack')
    socket.close()
    expect((await webSocket(token, other))[1]).toBe(4403)
  })

  test('is refused when it is bound to what the hub cannot check', async () => {
    expect(await statusWith(await bound({ jkt: till.thumbprint }), till)).toBe(401)
    expect(await statusWith(await bound({ 'x5t#S256': '' }), till)).toBe(401)
  })

  test('is refused by a hub where TLS does not end', async () => {
    const plain = await smallHub(issuer.settings)
    const token = await bound({ 'x5t#S256': till.thumbprint })
    const headers = { authorization: `Bearer ${token}` }
    expect((await fetch(`${plain.url}/graphql?query={whoami}`, { headers })).status).toBe(401)
    await plain.close()
  })

  test('is a key of the hub with a thumbprint, too', async () => {
    const { keys, database } = hub
    const { text } = keys.draft()
    const grant: Grant = {
      participant: anId('wallet-sg-01'),
      scopes: [],
      label: 'till 7',
      expiresAt: null,
      certificate: till.thumbprint,
    }
    await database.client.withSession((session) => keys.add(text, grant, new Date(), session))
    await expect.poll(() => statusWith(text, till), { timeout: 5_000 }).toBe(200)
    expect(await statusWith(text, other)).toBe(401)
    expect(await statusWith(text, null)).toBe(401)
  })
})
