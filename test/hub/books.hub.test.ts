// The books from outside: settlement files over HTTP, the projections in `/readyz` and `/metrics`, and the
// command that rebuilds one, all on a running hub.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { hash } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { logOf, readLog } from '../../subgraphs/log/store.ts'
import { testHub } from './hub.ts'

const hub = await testHub()
const operator = hub.as('demo-operator')

const get = (path: string, key?: string): Promise<Response> =>
  fetch(`${hub.url}${path}`, key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } })

interface Ready {
  readonly log: {
    readonly tip: number
    readonly written: boolean
    readonly readers: Readonly<
      Record<string, { position: number; behind: number; behindMs: number; stuck: boolean }>
    >
  }
}
const ready = async (): Promise<Ready> => (await (await get('/readyz')).json()) as Ready
const caughtUp = () =>
  vi.waitFor(
    async () => {
      const { log } = await ready()
      expect(Object.values(log.readers).every(({ behind }) => behind === 0)).toBe(true)
      return log
    },
    { timeout: 20_000, interval: 50 },
  )

/** A date on which the data set has payments. */
async function aDate(): Promise<string> {
  const entry = (await readLog(hub.database.db, { filter: { booking: { $exists: true } } })).at(-1)
  const date = new Date(`${entry!.booking!.settlementDate}T00:00:00Z`)
  return new Date(date.getTime() - 7 * 86_400_000).toISOString().slice(0, 10)
}

describe('a settlement file', () => {
  test('is fetched from its URL with the operator’s key, and matches its SHA-256', async () => {
    await caughtUp()
    const settlementDate = await aDate()
    const { data } = await operator.ask('CloseSettlement', { input: { idempotencyKey: 'k', settlementDate } })
    const { file, payments } = data.closeSettlement
    expect(payments).toBeGreaterThan(0)
    const response = await get(file.url, 'demo-operator')
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    expect(response.headers.get('content-disposition')).toBe(`attachment; filename="${file.name}"`)
    const bytes = Buffer.from(await response.arrayBuffer())
    expect(hash('sha256', bytes, 'hex')).toBe(file.sha256)
    expect(response.headers.get('content-length')).toBe(String(bytes.length))
    expect(response.headers.get('repr-digest')).toBe(`sha-256=:${hash('sha256', bytes, 'base64')}:`)
    expect(bytes.toString().split('\r\n')).toHaveLength(payments + 2)

    expect((await get(file.url)).status).toBe(401)
    expect((await get(file.url, 'nobody')).status).toBe(401)
    expect((await get(file.url, 'demo-wallet')).status).toBe(404)
    expect((await get('/settlement/settlement-1999-01-01.csv', 'demo-operator')).status).toBe(404)
  })
})

describe('the readers of the log', () => {
  test('are all shown by /readyz, with how far each is behind', async () => {
    const log = await caughtUp()
    expect(log).toMatchObject({ written: true, tip: expect.any(Number) })
    for (const reader of ['live', 'activity', 'positions', 'bookings']) {
      expect(log.readers[reader]).toEqual({ position: log.tip, behind: 0, behindMs: 0, stuck: false })
    }
  })

  test('are measured, with requests and payments, in Prometheus’ format', async () => {
    const { tip } = await caughtUp()
    const response = await get('/metrics')
    expect(response.headers.get('content-type')).toContain('text/plain')
    const lines = (await response.text()).split('\n')
    expect(lines).toContain(`crossgate_log_tip ${tip}`)
    expect(lines).toContain('crossgate_log_written 1')
    for (const reader of ['live', 'activity', 'positions', 'bookings']) {
      expect(lines).toContain(`crossgate_reader_position{reader="${reader}"} ${tip}`)
      expect(lines).toContain(`crossgate_reader_lag_entries{reader="${reader}"} 0`)
      expect(lines).toContain(`crossgate_reader_lag_seconds{reader="${reader}"} 0`)
    }
    const valueOf = (name: string) => Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1])
    const readyLabels = '{http_request_method="GET",http_route="/readyz",http_response_status_code="200"'
    const name = 'http_server_request_duration_seconds'
    expect(valueOf(`${name}_count${readyLabels}}`)).toBeGreaterThan(0)
    expect(valueOf(`${name}_bucket${readyLabels},le="+Inf"}`)).toBe(valueOf(`${name}_count${readyLabels}}`))
    expect(valueOf('crossgate_sockets')).toBe(0)
    // Every line is a comment or a sample, and no metric is named twice.
    expect(lines.filter((line) => !/^(#.*|[\w:]+(\{.*\})? \S+|)$/.test(line))).toEqual([])
    const types = lines.filter((line) => line.startsWith('# TYPE'))
    expect(new Set(types).size).toBe(types.length)
  })

  test('may be measured by the operator only, in production', async () => {
    const production = await testHub(hub.database, { MODE: 'production', TRAFFIC: '' })
    expect((await fetch(`${production.url}/metrics`)).status).toBe(401)
    expect(
      (await fetch(`${production.url}/metrics`, { headers: { authorization: 'Bearer demo-operator' } }))
        .status,
    ).toBe(401)
    await production.close()
  })

  const command = fileURLToPath(new URL('../../gateway/cli/rebuild.ts', import.meta.url))
  const rebuild = async (...args: string[]) => {
    const child = spawn(process.execPath, [command, ...args], {
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        MONGODB_URI: hub.database.uri,
        MONGODB_DATABASE: hub.database.name,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    return { code: code as number, said: (out + err).trim() }
  }
  const everything = async () => {
    const { data } = await operator.query(`{
      programme { payments value { amount } }
      participant(id: "acquirer-cn-01") { positions { currency debits { amount } credits { amount } } }
    }`)
    return data
  }

  test('are rebuilt by one command while the hub runs, with the same result', async () => {
    await caughtUp()
    const before = await everything()
    expect(before.participant.positions).not.toEqual([])
    // The stored counts are damaged.
    const { db } = hub.database
    await db.collection('positions').deleteMany({ participant: 'acquirer-cn-01' })
    await db.collection('activityHours').deleteMany({})
    for (const reader of ['positions', 'activity', 'bookings']) {
      expect(await rebuild(reader)).toEqual({
        code: 0,
        said: `${reader} is rebuilt from position 1 of the log`,
      })
    }
    await vi.waitFor(
      async () => {
        const places = await db
          .collection('places')
          .find({ epoch: 1, shown: { $exists: false } })
          .toArray()
        expect(places.map(({ _id }) => String(_id)).toSorted()).toEqual(['activity', 'bookings', 'positions'])
      },
      { timeout: 20_000, interval: 50 },
    )
    expect(await everything()).toEqual(before)
  }, 60_000)

  test('reports an unknown projection, or a log that is too short, in one sentence', async () => {
    expect(await rebuild('nothing')).toMatchObject({
      code: 1,
      said: expect.stringContaining('names: activity'),
    })
    expect(await rebuild('positions', '--from', 'x')).toMatchObject({ code: 1 })
    expect(await rebuild('bookings', '--from', '5')).toMatchObject({
      code: 1,
      said: expect.stringContaining('bookings takes the whole log'),
    })
    const first = await logOf(hub.database.db).findOneAndDelete({ _id: 1n })
    const next = first!.last + 1n
    const { code, said } = await rebuild('positions')
    expect(code).toBe(1)
    expect(said).toContain(`the log begins at position ${next}`)
    expect(said).toContain(`add --from ${next}`)
    expect((await rebuild('bookings')).said).toContain('takes the whole log, so its results stay as they are')
  })
})
