// Files of merchants and transactions, over HTTP, at a whole hub.

import { once } from 'node:events'
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, test, vi } from 'vitest'
import { testHub } from '../../hub/hub.ts'

const hub = await testHub(undefined, { RECEIVE_TIMEOUT_MS: '2000' })
const { db } = hub.database

const row = (n: number, more: object = {}): string =>
  `${JSON.stringify({
    mid: `IMP${String(n).padStart(6, '0')}`,
    name: `Shop ${n}`,
    localName: '店',
    mcc: '5812',
    country: 'CN',
    city: 'Shanghai',
    location: { lat: 31.2, lng: 121.4 },
    ...more,
  })}\n`

interface Report {
  readonly offset: number
  readonly rows: number
  readonly complete: boolean
}

const send = (
  key: string,
  body: string | Buffer<ArrayBuffer>,
  { as = 'demo-acquirer', type = 'application/x-ndjson', ...headers }: Record<string, string> = {},
): Promise<Response> =>
  fetch(`${hub.url}/import/merchants`, {
    method: 'POST',
    headers: { authorization: `Bearer ${as}`, 'content-type': type, 'idempotency-key': key, ...headers },
    body,
  })
const get = (path: string, as = 'demo-acquirer'): Promise<Response> =>
  fetch(`${hub.url}${path}`, { headers: { authorization: `Bearer ${as}` } })
const lines = (text: string): Record<string, never>[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, never>)
const stored = (prefix: string): Promise<number> =>
  db.collection('merchants').countDocuments({ mid: { $regex: `^${prefix}` } })

describe('an import of merchants', () => {
  test('registers valid rows, and reports the others by line, code and path', async () => {
    const body = [
      row(1),
      row(2, { mcc: '0000' }),
      'no json\n',
      row(3, { location: { lat: 'north', lng: 1 } }),
      row(4, { country: 'SG' }),
      row(5, { name: '4111 1111 1111 1111' }),
      row(6, { colour: 'red' }),
      '\n',
      row(1, { name: 'Shop 1 again' }),
    ].join('')
    const response = await send('rejects', body)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      key: 'rejects',
      offset: Buffer.byteLength(body),
      rows: 8,
      created: 1,
      updated: 1,
      rejected: 6,
      complete: true,
      rejectedRows: [
        { line: 2, code: 'BAD_VALUE', path: ['mcc'] },
        { line: 3, code: 'BAD_VALUE', path: [] },
        { line: 4, code: 'BAD_VALUE', path: ['location', 'lat'] },
        { line: 5, code: 'FORBIDDEN', path: ['country'] },
        { line: 6, code: 'PAN_REFUSED', path: ['name'] },
        { line: 7, code: 'BAD_VALUE' },
      ],
    })
    const rejected = lines(await (await get('/import/merchants/rejects/rejected')).text())
    expect(rejected.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7])
    const one = await db.collection('merchants').findOne({ mid: 'IMP000001' })
    expect(one).toMatchObject({ name: 'Shop 1 again', acquirer: 'acquirer-cn-01', status: 'ACTIVE' })
    const audited = await db.collection('audit').find({ action: 'importMerchants' }).toArray()
    expect(audited).toHaveLength(2)
    expect(audited.at(-1)).toMatchObject({ target: 'import:acquirer-cn-01/rejects' })
  })

  test('that is interrupted and sent again gives each row once', async () => {
    const file = Array.from({ length: 2_600 }, (_, n) => row(10_000 + n)).join('')
    const cut = Math.floor(file.length / 2) + 7
    const first = start('halves')
    first.write(file.slice(0, cut))
    await vi.waitFor(async () => expect((await reportOf('halves')).rows).toBeGreaterThan(0), 20_000)
    first.destroy()
    const report = await vi.waitFor(async () => {
      const response = await send('halves', file)
      expect(response.status).toBe(200)
      return response.json()
    }, 20_000)
    expect(report).toMatchObject({ rows: 2_600, created: 2_600, updated: 0, rejected: 0, complete: true })
    expect(await stored('IMP01')).toBe(2_600)
    const again = await send('halves', file)
    expect(await again.json()).toEqual(report)
  })

  test('continues from its offset, with the rest of the file alone', async () => {
    const file = Buffer.from(`mid,name,mcc,country,city,online\n${csvRows(20_000, 1_200)}`)
    const first = start('rest', 'text/csv')
    first.write(file.subarray(0, 30_000))
    await vi.waitFor(async () => expect((await reportOf('rest')).rows).toBeGreaterThan(0), 20_000)
    first.destroy()
    const report = await vi.waitFor(async () => {
      const { offset } = await reportOf('rest')
      const headers = { type: 'text/csv', 'upload-offset': String(offset) }
      const response = await send('rest', file.subarray(offset), headers)
      expect(response.status).toBe(200)
      return response.json()
    }, 20_000)
    expect(report).toMatchObject({ offset: file.length, rows: 1_200, created: 1_200, complete: true })
    expect(await stored('CSV')).toBe(1_200)
    const ahead = await send('ahead', file, { type: 'text/csv', 'upload-offset': '5' })
    expect(ahead.status).toBe(400)
  })

  test('may take longer to arrive than any other request', async () => {
    const slow = start('slow')
    const answered = once(slow, 'response')
    slow.write(row(800_001))
    const other = connect(Number(new URL(hub.url).port), '127.0.0.1').resume()
    other.write('POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n\r\n')
    await once(other, 'close')
    slow.end(row(800_002))
    const [answer] = (await answered) as [IncomingMessage]
    expect(answer.statusCode).toBe(200)
    answer.resume()
    expect(await reportOf('slow')).toMatchObject({ rows: 2, created: 2, complete: true })
  })

  test('takes CSV in gzip, with quoted cells', async () => {
    const text = [
      '\ufeffmid,name,localName,mcc,country,city,lat,lng,entryModes',
      'GZ1,"Tea, ""Best""",茶,5812,CN,Shanghai,31.2,121.4,MPM_STATIC;CPM',
      'GZ2,"Two\nlines",,5812,CN,Shanghai,31.2,121.4,',
      'GZ3,Three,,5812,CN,Shanghai,31.2',
      '',
    ].join('\r\n')
    const response = await send('zipped', gzipSync(text), { type: 'text/csv', 'content-encoding': 'gzip' })
    expect(await response.json()).toMatchObject({
      offset: Buffer.byteLength(text),
      created: 1,
      rejectedRows: [
        { line: 3, code: 'BAD_VALUE', path: ['name'] },
        { line: 5, code: 'BAD_VALUE' },
      ],
    })
    expect(await db.collection('merchants').findOne({ mid: 'GZ1' })).toMatchObject({
      name: 'Tea, "Best"',
      entryModes: ['MPM_STATIC', 'CPM'],
    })
  })

  test('is refused with a code for each mistake of the request', async () => {
    const codeOf = async (sent: Promise<Response>): Promise<unknown> => {
      const response = await sent
      const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] }
      return [response.status, errors[0]!.extensions.code]
    }
    expect(await codeOf(send('k', row(1), { as: 'nonsense' }))).toEqual([401, 'UNAUTHENTICATED'])
    expect(await codeOf(send('k', row(1), { as: 'demo-wallet' }))).toEqual([403, 'FORBIDDEN'])
    expect(await codeOf(send('k', row(1), { type: 'application/json' }))).toEqual([
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ])
    expect(await codeOf(send('a key', row(1)))).toEqual([400, 'BAD_VALUE'])
    expect(await codeOf(send('k2', 'mid,colour\n', { type: 'text/csv' }))).toEqual([400, 'BAD_VALUE'])
    expect(await codeOf(send('k3', 'no gzip', { 'content-encoding': 'gzip' }))).toEqual([400, 'BAD_REQUEST'])
    expect(await codeOf(send('k4', `"${'x'.repeat(100_000)}"\n`))).toEqual([400, 'BAD_VALUE'])
    expect(await codeOf(send('rejects', 'x', { type: 'text/csv' }))).toEqual([409, 'IDEMPOTENCY_CONFLICT'])
    expect(await codeOf(get('/import/merchants/none'))).toEqual([404, 'NOT_FOUND'])
  })
})

describe('an export', () => {
  test('of merchants has those of the caller, from an id on, and no cell that is a formula', async () => {
    await send('formula', row(900_000, { name: '=1+1' }))
    const all = lines(await (await get('/export/merchants')).text())
    const own = await db.collection('merchants').countDocuments({ acquirer: 'acquirer-cn-01' })
    expect(all).toHaveLength(own)
    expect(all.every(({ id }) => String(id).startsWith('acquirer-cn-01.'))).toBe(true)
    const middle = String(all[10]!['id'])
    const rest = lines(await (await get(`/export/merchants?after=${middle}`)).text())
    expect(rest).toEqual(all.slice(11))
    const csv = await (await get('/export/merchants?format=csv&after=acquirer-cn-01.IMP9')).text()
    expect(csv.split('\r\n')[1]).toMatch(/^acquirer-cn-01\.IMP900000,ACTIVE,IMP900000,'=1\+1,店,5812,/)
    expect((await get('/export/merchants', 'demo-wallet')).status).toBe(403)
    const everything = lines(await (await get('/export/merchants', 'demo-operator')).text())
    expect(everything).toHaveLength(await db.collection('merchants').countDocuments())
  })

  test('of transactions has those that the caller may read, oldest first, from a payment on', async () => {
    const all = lines(await (await get('/export/transactions', 'demo-wallet')).text())
    const payments = all.filter(({ kind }) => kind === 'PAYMENT')
    const where = { wallet: 'wallet-sg-01', _id: { $gte: '0' } } as never
    expect(payments).toHaveLength(await db.collection('payments').countDocuments(where))
    expect(payments.every(({ wallet }) => wallet === 'wallet-sg-01')).toBe(true)
    const ids = payments.map(({ id }) => String(id))
    expect(ids).toEqual(ids.toSorted())
    expect(JSON.stringify(all)).not.toMatch(/customer|token/)
    const rest = lines(await (await get(`/export/transactions?after=${ids[2]}`, 'demo-wallet')).text())
    expect(rest.filter(({ kind }) => kind === 'PAYMENT').map(({ id }) => id)).toEqual(ids.slice(3))
    const csv = await (await get('/export/transactions?format=csv', 'demo-wallet')).text()
    expect(csv.trimEnd().split('\r\n')).toHaveLength(all.length + 1)
    expect((await get('/export/transactions?after=x', 'demo-wallet')).status).toBe(400)
  })
})

const csvRows = (from: number, count: number): string =>
  Array.from({ length: count }, (_, n) => `CSV${from + n},Shop ${n},5812,CN,Shanghai,true\n`).join('')

async function reportOf(key: string): Promise<Report> {
  return (await (await get(`/import/merchants/${key}`)).json()) as Report
}

/** A request whose body the test writes in pieces. */
function start(key: string, type = 'application/x-ndjson'): ClientRequest {
  const headers = { authorization: 'Bearer demo-acquirer', 'content-type': type, 'idempotency-key': key }
  const started = httpRequest(`${hub.url}/import/merchants`, { method: 'POST', headers })
  started.on('error', () => {})
  return started
}
