import { SignJWT } from 'jose'
import { hash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { plainSecrets } from '../../subgraphs/shared/secret-box.ts'
import { sharedSecret } from '../../gateway/identity/secret.ts'
import { createCallTokens } from '../../gateway/identity/call-token.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { aPartner } from '../fixtures/a-partner.ts'
import { aTraceparent, pathsOf, startOtlpReceiver } from '../fixtures/otlp-receiver.ts'
import { temporaryFolder } from '../harness/temporary-folder.ts'
import { distributedHub } from './distributed.ts'
import { sendsEveryOperation } from './every-operation.ts'
import { logAfter, pay, Watcher } from './watcher.ts'

const receiver = await startOtlpReceiver()
afterAll(() => receiver.close())
const file = path.join(temporaryFolder(), 'subgraphs.json')
const setFile = (...subgraphs: readonly { readonly name: string; readonly url: string }[]) =>
  writeFile(file, JSON.stringify({ subgraphs }))
await setFile()

// A busy machine may take long to compose.
const hub = await distributedHub({
  SUBGRAPHS_FILE: file,
  REQUEST_TIMEOUT_MS: '60000',
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  OTEL_BSP_SCHEDULE_DELAY: '50',
})

describe('a trace of a hub whose subgraphs are processes of their own', () => {
  test('goes through all processes that take part in a payment', async () => {
    const { traceId, spanId, headers } = aTraceparent()
    await pay(hub.url, headers)
    const spans = await receiver.trace(traceId, (found) => {
      const parents = new Set(found.map(({ parentId }) => parentId))
      const known = new Set([spanId, ...found.map((span) => span.spanId)])
      const calls = found.filter(({ name, kind }) => kind === 'CLIENT' && name.startsWith('fetch'))
      return calls.length > 1 && calls.every((call) => parents.has(call.spanId)) && parents.isSubsetOf(known)
    })
    const paths = pathsOf(spans)
    const call = ['gateway: POST /graphql', 'gateway: fetch transaction', 'transaction: POST /graphql']
    const spanPath = (...names: string[]) =>
      [...call, ...names].map((name) => `crossgate-${name}`).join(' > ')
    expect(paths).toContain(spanPath('transaction: batch', 'transaction: insert payments'))
    // The transaction subgraph reads the shop of the code from the merchant subgraph.
    expect(paths.filter((one) => one.startsWith(spanPath()))).toContainEqual(
      expect.stringMatching(/: fetch merchant > crossgate-merchant: POST \/graphql$/),
    )
    const server = spans.find(({ service, kind }) => service === 'crossgate-transaction' && kind === 'SERVER')
    expect(server!.attributes).toMatchObject({
      'graphql.operation.name': 'SubmitPayment__transaction',
      'http.response.status_code': 200,
    })
  })
})

describe('a hub whose subgraphs are processes of their own', () => {
  test('loses and repeats no event for its subscribers when the transaction process is killed and started again', async () => {
    const { end: start } = await logAfter(hub.url, 'demo-operator', null)
    const done = new AbortController()
    const watchers = ['demo-operator', 'demo-acquirer', 'demo-wallet'].map((key) => new Watcher(key, start))
    const following = watchers.map((watcher) => watcher.follow(hub.url, done.signal))
    for (let n = 0; n < 3; n++) await pay(hub.url)
    await Promise.all(watchers.map((watcher) => watcher.has(3)))

    // Some events are under way just now.
    for (let n = 0; n < 3; n++) await pay(hub.url)
    hub.run('transaction').process.kill('SIGKILL')
    await hub.run('transaction').exit
    await hub.start('transaction')
    for (let n = 0; n < 3; n++) await pay(hub.url)
    await Promise.all(watchers.map((watcher) => watcher.has(18)))

    for (const watcher of watchers) {
      const { cursors } = await logAfter(hub.url, watcher.key, start)
      expect(cursors.length).toBeGreaterThanOrEqual(18)
      await watcher.has(cursors.length)
      expect(watcher.cursors.slice(0, cursors.length)).toEqual(cursors)
    }
    done.abort()
    await Promise.all(following)
  })

  test('answers while one of two merchant processes is away', async () => {
    const coverage = async () => hub.as('demo-portal').query('{ merchantCoverage { merchants } }')
    const before = await coverage()
    expect(before.data.merchantCoverage.merchants).toBeGreaterThan(0)
    hub.run('merchant-2').process.kill('SIGKILL')
    await hub.run('merchant-2').exit
    for (let n = 0; n < 10; n++) expect(await coverage()).toEqual(before)
    await hub.start('merchant-2')
  })

  test('names the subgraph that is away, and gives the rest', async () => {
    hub.run('analytics').process.kill('SIGTERM')
    expect(await hub.run('analytics').exit).toBe(0)
    const answer = await hub
      .as('demo-operator')
      .query(
        '{ viewer { participant { id } } participant(id: "wallet-sg-01") { activity(range: { lastDays: 1 }) { payments } } }',
      )
    expect(answer).toMatchObject({
      data: { viewer: { participant: { id: 'operator' } }, participant: null },
      errors: [
        {
          path: ['participant'],
          extensions: { code: 'UNAVAILABLE', subgraph: 'analytics', reason: 'UNREACHABLE' },
        },
      ],
    })
    const line = await hub.run('gateway').line('a subgraph is unavailable')
    expect(line).toMatch(/"traceId":"[0-9a-f]{32}","spanId":"[0-9a-f]{16}"/)
    await hub.start('analytics')
  })
})

describe('a subgraph that joins a hub of several gateways', () => {
  const sdlOf = (field: string) => `extend schema
    @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key"])
    type Query { ${field}s: [String!] }
    type Merchant @key(fields: "id") { id: ID! ${field}: String }`
  const partner = (field: string) =>
    aPartner(sdlOf(field), {
      Merchant: {
        __resolveReference: ({ id }: { id: string }) => ({ id }),
        [field]: ({ id }: { id: string }) => `${field} of ${id}`,
      },
    })
  const join = `mutation($input: JoinSubgraphInput!) { joinSubgraph(input: $input) {
    __typename ... on SubgraphNotComposed { mistakes { code subgraph } }
  } }`
  const leave = 'mutation($name: String!) { leaveSubgraph(input: { name: $name }) { __typename } }'
  const operator = hub.as('demo-operator')
  const first = hub.as('demo-wallet')
  const second = hub.as('demo-wallet', 'gateway-2')
  const shown = async (client: typeof first, field: string) =>
    (await client.query(`{ merchants(first: 1) { edges { node { id ${field} } } } }`)).data?.merchants
      .edges[0].node[field]
  const answers = expect.stringMatching(/^(tip|hint) of acquirer-/)
  const isSoon = (client: typeof first, field: string, value: unknown) =>
    expect.poll(() => shown(client, field), { timeout: 60_000 }).toEqual(value)

  test('is served by the gateway that answers, and soon by the others, until it leaves', async () => {
    await hub.start('gateway-2')
    const tips = await partner('tip')
    onTestFinished(() => tips.close())
    expect(await operator.query(join, { input: { name: 'tips', url: tips.url } })).toEqual({
      data: { joinSubgraph: { __typename: 'SubgraphJoined' } },
    })
    expect(await shown(first, 'tip')).toEqual(answers)
    await isSoon(second, 'tip', answers)

    // A gateway that starts later has it from the start.
    hub.run('gateway-2').process.kill('SIGKILL')
    await hub.run('gateway-2').exit
    await hub.start('gateway-2')
    expect(await shown(second, 'tip')).toEqual(answers)

    expect(await operator.query(leave, { name: 'tips' })).toEqual({
      data: { leaveSubgraph: { __typename: 'SubgraphLeft' } },
    })
    expect(await shown(first, 'tip')).toBeUndefined()
    await isSoon(second, 'tip', undefined)
  })

  test('is served by all gateways that follow a file with it, and others are checked beside it', async () => {
    const hints = await partner('hint')
    onTestFinished(() => hints.close())
    await setFile({ name: 'hints', url: hints.url })
    await isSoon(first, 'hint', answers)
    await isSoon(second, 'hint', answers)

    const input = { name: 'hints', url: hints.url, sdl: sdlOf('more') }
    expect((await operator.query(join, { input })).data).toEqual({
      joinSubgraph: {
        __typename: 'SubgraphNotComposed',
        mistakes: [{ code: 'NAME_TAKEN', subgraph: 'hints' }],
      },
    })
    await setFile()
    await isSoon(first, 'hint', undefined)
    await isSoon(second, 'hint', undefined)
  })
})

describe('a subgraph in a process of its own', () => {
  test('is measured at its own port', async () => {
    const metrics = await (await fetch(`${hub.addresses['PARTICIPANT_URLS']}/metrics`)).text()
    expect(metrics).toMatch(
      /_count\{http_request_method="POST",http_route="\/graphql",http_response_status_code="200"\} [1-9]/,
    )
    expect(metrics).toMatch(/^db_client_connection_count\{db_client_connection_state="used"\} \d/m)
    expect(metrics).not.toContain('crossgate_log_tip')
  })

  const operator: Viewer = {
    participant: 'operator' as Viewer['participant'],
    scopes: new Set(['operator']),
    key: 'test',
  }
  const url = `${hub.addresses['PARTICIPANT_URLS']}/graphql`
  const send = async (authorization: string | null, query: string): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization !== null && { authorization }) },
      body: JSON.stringify({ query }),
    })
  const documents = [
    '{ _service { sdl } }',
    '{ _entities(representations: []) { __typename } }',
    '{ __typename }',
  ]
  const secret = () => sharedSecret(hub.database.db, 'calls', plainSecrets)
  const expired = async () =>
    createCallTokens([await secret()], () => new Date(Date.now() - 60_000)).sign(operator)
  const forged = () =>
    createCallTokens(['another secret of at least 32 characters'], () => new Date()).sign(operator)
  const forAnother = async () =>
    `Bearer ${await new SignJWT({ scope: 'operator', key: 'test' })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('operator')
      .setAudience('another-service')
      .setExpirationTime('30s')
      .sign(new TextEncoder().encode(await secret()))}`
  const unsigned = (): string =>
    `Bearer ${[
      '{"alg":"none"}',
      '{"sub":"operator","aud":"crossgate-subgraph","iss":"crossgate","exp":9999999999}',
    ]
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.')}.`

  test.each([
    { what: 'no token', token: () => null },
    { what: 'a key of a client', token: () => 'Bearer demo-operator' },
    { what: 'a token without a signature', token: unsigned },
    { what: 'a token of another secret', token: forged },
    { what: 'an expired token', token: expired },
    { what: 'a token for another service', token: forAnother },
  ])('refuses a call with $what, whatever it requests', async ({ token }) => {
    for (const document of documents) {
      const response = await send(await token(), document)
      expect(response.status).toBe(401)
      expect(await response.json()).toEqual({
        errors: [{ message: expect.any(String), extensions: { code: 'CALL_REFUSED' } }],
      })
    }
    const socket = await fetch(url, { headers: { accept: 'text/html' } })
    expect(socket.status).toBe(401)
  })

  test('answers a call that the hub has signed, with its SDL too', async () => {
    const token = await createCallTokens([await secret()], () => new Date()).sign(operator)
    expect(await (await send(token, '{ _service { sdl } }')).json()).toEqual({
      data: { _service: { sdl: expect.stringContaining('type Participant') } },
    })
  })

  test('gives errors in the form of the hub, and its health without a token', async () => {
    const token = await createCallTokens([await secret()], () => new Date()).sign({
      ...operator,
      scopes: new Set(),
    })
    expect(await (await send(token, '{ participants(first: 0) { totalCount } }')).json()).toEqual({
      data: null,
      errors: [
        {
          message: expect.any(String),
          path: ['participants'],
          extensions: expect.objectContaining({ code: expect.stringMatching(/^(BAD_PAGE|FORBIDDEN)$/) }),
        },
      ],
    })
    expect((await fetch(`${hub.addresses['PARTICIPANT_URLS']}/readyz`)).status).toBe(200)
  })
})

describe('every operation gives the same through processes as in one', () => {
  sendsEveryOperation(hub)
})

describe('files of a hub whose subgraphs are processes of their own', () => {
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
  const get = (route: string, key = 'demo-acquirer') => fetch(`${hub.url}${route}`, { headers: bearer(key) })
  const csvFile = `mid,name,mcc,country,city,online\n${Array.from({ length: 1_200 }, (_, n) => `FAR${n},Shop ${n},5812,CN,Shanghai,true\n`).join('')}`
  const headersOf = (key: string) => ({
    ...bearer('demo-acquirer'),
    'content-type': 'text/csv',
    'idempotency-key': key,
  })
  const send = (key: string, body: string | Buffer<ArrayBuffer>, more: Record<string, string> = {}) =>
    fetch(`${hub.url}/import/merchants`, { method: 'POST', headers: { ...headersOf(key), ...more }, body })
  const codeOf = async (sent: Promise<Response>): Promise<unknown> => {
    const response = await sent
    const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] }
    return [response.status, errors[0]!.extensions.code]
  }

  test('are imported by a process of the merchant subgraph, after an interruption from where they were', async () => {
    const first = httpRequest(`${hub.url}/import/merchants`, { method: 'POST', headers: headersOf('far') })
    first.on('error', () => {})
    first.write(csvFile.slice(0, 30_000))
    const report = async () => (await (await get('/import/merchants/far')).json()) as { rows?: number }
    await expect.poll(async () => (await report()).rows, { timeout: 30_000 }).toBeGreaterThan(0)
    first.destroy()
    const sendAgain = async () => {
      const response = await send('far', gzipSync(csvFile), { 'content-encoding': 'gzip' })
      return response.json()
    }
    await expect
      .poll(sendAgain, { timeout: 30_000 })
      .toMatchObject({ rows: 1_200, created: 1_200, rejected: 0, complete: true, rejectedRows: [] })
    expect(await report()).toMatchObject({ rows: 1_200, complete: true })
    expect(await (await get('/import/merchants/far/rejected')).text()).toBe('')
  })

  test('are exported with what the caller may read, and name their type', async () => {
    const merchants = await get('/export/merchants?format=csv&after=acquirer-cn-01.FAR')
    expect(merchants.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(merchants.headers.get('content-disposition')).toBe('attachment; filename="merchants.csv"')
    const rows = (await merchants.text()).split('\r\n')
    expect(rows.filter((line) => line.startsWith('acquirer-cn-01.FAR'))).toHaveLength(1_200)
    const transactions = await (await get('/export/transactions', 'demo-wallet')).text()
    const wallet = { wallet: 'wallet-sg-01', _id: { $gte: '0' } } as never
    expect(transactions.match(/"kind":"PAYMENT"/g)).toHaveLength(
      await hub.database.db.collection('payments').countDocuments(wallet),
    )
    const input = { idempotencyKey: 'files', settlementDate: '2026-01-01' }
    await hub.as('demo-operator').ask('CloseSettlement', { input })
    const settled = await get('/settlement/settlement-2026-01-01.csv', 'demo-operator')
    expect(settled.status).toBe(200)
    const sha256 = hash('sha256', await settled.text(), 'hex')
    expect(settled.headers.get('etag')).toBe(`"${sha256}"`)
  })

  test('are refused with the codes of a hub in one process', async () => {
    expect(await codeOf(send('k', csvFile, bearer('nonsense')))).toEqual([401, 'UNAUTHENTICATED'])
    expect(await codeOf(send('k', csvFile, bearer('demo-wallet')))).toEqual([403, 'FORBIDDEN'])
    expect(await codeOf(send('k', csvFile, { 'content-type': 'text/html' }))).toEqual([
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ])
    expect(await codeOf(send('k', 'no gzip', { 'content-encoding': 'gzip' }))).toEqual([400, 'BAD_REQUEST'])
    expect(await codeOf(send('k', `mid,colour\n${'x'.repeat(100_000)}`))).toEqual([400, 'BAD_VALUE'])
    expect(await codeOf(get('/import/merchants/none'))).toEqual([404, 'NOT_FOUND'])
    expect(await codeOf(get('/export/merchants', 'demo-wallet'))).toEqual([403, 'FORBIDDEN'])
    expect(await codeOf(get('/export/merchants?format=xml'))).toEqual([400, 'BAD_REQUEST'])
    expect(await codeOf(get('/export/transactions?after=x', 'demo-wallet'))).toEqual([400, 'BAD_VALUE'])
  })

  test('are refused as unavailable while no process of their subgraph runs, and served again afterwards', async () => {
    hub.run('transaction').process.kill('SIGTERM')
    await hub.run('transaction').exit
    expect(await codeOf(get('/export/transactions', 'demo-wallet'))).toEqual([503, 'UNAVAILABLE'])
    await hub.start('transaction')
    expect((await get('/export/transactions', 'demo-wallet')).status).toBe(200)
  })
})
