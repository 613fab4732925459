import { createSourceEventStream, parse } from 'graphql'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openAnalyticsSubgraph } from '../../../subgraphs/analytics/index.ts'
import { publishedOf } from '../../../subgraphs/log/checkpoint.ts'
import type { LogEntry } from '../../../subgraphs/log/entry.ts'
import { batchOf, logOf } from '../../../subgraphs/log/store.ts'
import { openAlertLog, type Alert, type Write } from '../../../subgraphs/shared/alert-log.ts'
import type { Subgraph } from '../../../subgraphs/shared/subgraph.ts'
import type { RequestContext } from '../../../subgraphs/shared/viewer.ts'
import { aLife, aLoggedPayment, entriesOf, logOfLives, type Life } from '../../fixtures/a-log.ts'
import { aCorridor, aParticipant, aProject, aRegistry } from '../../fixtures/a-registry.ts'
import { anId } from '../../fixtures/an-id.ts'
import { asViewer } from '../../fixtures/as-viewer.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const now = new Date('2026-03-01T12:00:30Z')
const { db } = await freshDatabase()
const silent = pino({ level: 'silent' })
let subgraph: Subgraph

const registry = aRegistry({
  participants: [
    aParticipant({ id: 'wallet-sg-01', name: 'Merlion Pay' }),
    aParticipant({ id: 'wallet-th-01', name: 'Chang Pay', country: 'TH' }),
    aParticipant({ id: 'acquirer-cn-01', roles: ['ACQUIRER'], country: 'CN' }),
    aParticipant({ id: 'network-th', roles: ['NETWORK'], country: 'TH' }),
  ],
  projects: [aProject()],
  corridors: [aCorridor({ id: 'SG-CN', project: 'sg-sgqr' }), aCorridor({ id: 'TH-CN' })],
})

const thai = { wallet: 'wallet-th-01', walletCountry: 'TH', corridor: 'TH-CN', project: null }
const lives: Life[] = [
  aLife({
    payment: aLoggedPayment({ createdAt: new Date('2026-02-10T09:30:15Z'), reportingMinor: 100_00n }),
  }),
  aLife({
    payment: aLoggedPayment({ createdAt: new Date('2026-02-28T23:59:59Z'), reportingMinor: 50_01n }),
    authorizeMs: 40,
  }),
  aLife({
    payment: aLoggedPayment({ ...thai, createdAt: new Date('2026-03-01T11:59:00Z'), reportingMinor: 30_00n }),
  }),
  aLife({
    payment: aLoggedPayment({ ...thai, createdAt: new Date('2026-03-01T12:00:29Z') }),
    ending: 'refused',
    reason: 'INSUFFICIENT_FUNDS',
  }),
  aLife({ payment: aLoggedPayment({ createdAt: new Date('2025-02-15T00:00:00Z'), reportingMinor: 60_00n }) }),
]

const operator = asViewer('operator', 'operator')
const wallet = asViewer('wallet-sg-01', 'analytics:read')

/** Executes twice, because the second execution is the compiled one. */
async function execute(query: string, context = operator, variables: Record<string, unknown> = {}) {
  const first = await subgraph.app.graphql(query, context as never, variables)
  expect(await subgraph.app.graphql(query, context as never, variables)).toEqual(first)
  return first as { data: Record<string, never> | null; errors?: { extensions: unknown }[] }
}

const lagOf = async (): Promise<unknown> =>
  (await execute('{ activity(where: { range: { lastDays: 1 } }) { lagMs } }')).data?.['activity']

const append = (entries: readonly LogEntry[]): Promise<unknown> => logOf(db).insertOne(batchOf(entries))

let tip = logOfLives(lives).length

/** The reader of the log may not have received the last entry, and then sees no lag. */
const counted = (): Promise<unknown> =>
  vi.waitFor(
    async () => {
      expect(await publishedOf(db, 'activity')).toMatchObject({ position: BigInt(tip) })
      expect(await lagOf()).toEqual({ lagMs: 0 })
    },
    { timeout: 10_000 },
  )

/** Appends the events of one more payment, and resolves when they are counted. */
async function pays(payment: Parameters<typeof aLoggedPayment>[0], id: string): Promise<void> {
  const more = entriesOf(aLife({ payment: aLoggedPayment(payment) }), id)
  await append(more.map((entry) => ({ _id: BigInt(++tip), ...entry })))
  await counted()
}

beforeAll(async () => {
  await append(logOfLives(lives))
  subgraph = await openAnalyticsSubgraph({
    db,
    registry,
    directory: {
      merchant: async () => null,
      scan: () => Promise.reject(new Error('not used in these tests')),
    },
    now: () => now,
    logger: silent,
    cursorSecret: 'a secret',
  })
  await counted()
})
afterAll(() => subgraph.close())

describe('activity', () => {
  test('has all figures of the operator’s dashboard', async () => {
    const { data, errors } = await execute(`{ activity(where: { range: { lastDays: 20 } }) {
      asOf lagMs complete payments approved declined approvalRate value { amount currency } averageValue { amount }
      authorizeMs { p50 p95 p99 }
      series(bucket: WEEK) { start payments approved value { amount } }
      byCorridor: breakdown(by: CORRIDOR) { key label payments approved value { amount currency } approvalRate }
      byReason: breakdown(by: DECLINE_REASON, first: 1) { key label payments approved authorizeMs { p95 } reasons { code } }
      health: breakdown(by: CORRIDOR) { key authorizeMs { p95 } reasons(first: 1) { code isoCode message payments } }
      growth(comparedTo: YEAR_EARLIER) { payments paymentsPercent value { amount } valuePercent }
    } }`)
    expect(errors).toBeUndefined()
    expect(data?.['activity']).toEqual({
      asOf: now.toISOString(),
      lagMs: 0,
      complete: true,
      payments: 4,
      approved: 3,
      declined: 1,
      approvalRate: 0.75,
      value: { amount: '180.01', currency: 'CNY' },
      averageValue: { amount: '60.00' },
      authorizeMs: { p50: 895, p95: 895, p99: 895 },
      series: [
        { start: '2026-02-09T00:00:00.000Z', payments: 1, approved: 1, value: { amount: '100.00' } },
        { start: '2026-02-16T00:00:00.000Z', payments: 0, approved: 0, value: { amount: '0.00' } },
        { start: '2026-02-23T00:00:00.000Z', payments: 3, approved: 2, value: { amount: '80.01' } },
      ],
      byCorridor: [
        {
          key: 'SG-CN',
          label: 'Singapore → China',
          payments: 2,
          approved: 2,
          value: { amount: '150.01', currency: 'CNY' },
          approvalRate: 1,
        },
        {
          key: 'TH-CN',
          label: 'Thailand → China',
          payments: 2,
          approved: 1,
          value: { amount: '30.00', currency: 'CNY' },
          approvalRate: 0.5,
        },
      ],
      byReason: [
        {
          key: 'INSUFFICIENT_FUNDS',
          label: 'The payer’s account has insufficient funds.',
          payments: 1,
          approved: 0,
          authorizeMs: null,
          reasons: [],
        },
      ],
      health: [
        { key: 'SG-CN', authorizeMs: { p95: 895 }, reasons: [] },
        {
          key: 'TH-CN',
          authorizeMs: { p95: 895 },
          reasons: [
            {
              code: 'INSUFFICIENT_FUNDS',
              isoCode: 'AM04',
              message: 'The payer’s account has insufficient funds.',
              payments: 1,
            },
          ],
        },
      ],
      growth: { payments: 1, paymentsPercent: 300, value: { amount: '60.00' }, valuePercent: 200.0166 },
    })
  })

  test('counts only payments that the viewer may read', async () => {
    const query = '{ activity(where: { range: { lastDays: 20 } }) { payments } }'
    const readBy = async (context: RequestContext) => (await execute(query, context)).data?.['activity']
    expect(await readBy(wallet)).toEqual({ payments: 2 })
    expect(await readBy(asViewer('acquirer-cn-01', 'analytics:read'))).toEqual({ payments: 4 })
    expect(await readBy(asViewer('network-th', 'analytics:read'))).toEqual({ payments: 2 })
    expect(await readBy(asViewer('unknown', 'analytics:read'))).toEqual({ payments: 0 })
  })

  test('requires the scope analytics:read, also at entities', async () => {
    const blind = asViewer('wallet-sg-01', 'payments:read')
    const forbidden = [{ extensions: { code: 'FORBIDDEN', retryable: false } }]
    expect(
      (await execute('{ activity(where: { range: { lastDays: 1 } }) { payments } }', blind)).errors,
    ).toMatchObject(forbidden)
    expect(
      (
        await execute(
          `{ _entities(representations: [{ __typename: "Corridor", id: "SG-CN" }]) {
             ... on Corridor { activity(range: { lastDays: 1 }) { payments } } } }`,
          blind,
        )
      ).errors,
    ).toMatchObject(forbidden)
  })

  test.each([
    { where: 'range: {}', code: 'BAD_RANGE', path: ['where', 'range'] },
    { where: 'range: { lastDays: 801 }', code: 'BAD_RANGE', path: ['where', 'range', 'lastDays'] },
    {
      where: 'range: { lastDays: 1 }, merchantCountries: ["CN", "XX"]',
      code: 'UNKNOWN_COUNTRY',
      path: ['where', 'merchantCountries', '1'],
    },
    { where: 'range: { lastDays: 1 }, mccs: ["581"]', code: 'BAD_VALUE', path: ['where', 'mccs', '0'] },
  ])('is refused for { $where }', async ({ where, code, path }) => {
    const { errors } = await execute(`{ activity(where: { ${where} }) { payments } }`)
    expect(errors?.[0]?.extensions).toEqual({ code, path, retryable: false })
  })

  test.each([
    { field: 'series(bucket: MINUTE) { start }', code: 'BAD_RANGE', path: ['bucket'] },
    { field: 'breakdown(by: MCC, first: 0) { key }', code: 'BAD_PAGE', path: ['first'] },
    { field: 'breakdown(by: MCC, first: 501) { key }', code: 'BAD_PAGE', path: ['first'] },
    { field: 'breakdown(by: MCC) { reasons(first: 21) { code } }', code: 'BAD_PAGE', path: ['first'] },
  ])('refuses $field over twenty days', async ({ field, code, path }) => {
    const { errors } = await execute(`{ activity(where: { range: { lastDays: 20 } }) { ${field} } }`)
    expect(errors?.[0]?.extensions).toEqual({ code, path, retryable: false })
  })
})

describe('activity of an entity', () => {
  const keys = [
    { __typename: 'Participant', id: 'wallet-sg-01' },
    { __typename: 'Participant', id: 'acquirer-cn-01' },
    { __typename: 'Participant', id: 'unknown' },
    { __typename: 'Merchant', id: 'acquirer-cn-01.M000001' },
    { __typename: 'Merchant', id: 'acquirer-cn-01.M000002' },
    { __typename: 'Corridor', id: 'TH-CN' },
    { __typename: 'Project', id: 'sg-sgqr' },
    { __typename: 'Country', code: 'CN' },
    { __typename: 'Country', code: 'SG' },
  ]
  const activityField = (range: string) =>
    `activity(range: ${range}) { payments growth(comparedTo: YEAR_EARLIER) { payments } }`
  const query = (range: string) => `query ($keys: [_Any!]!) { _entities(representations: $keys) {
    ... on Participant { ${activityField(range)} } ... on Merchant { ${activityField(range)} } ... on Corridor { ${activityField(range)} }
    ... on Project { ${activityField(range)} } ... on Country { ${activityField(range)} }
  } }`
  const payments = async (context: RequestContext) => {
    const { data, errors } = await execute(query('{ lastDays: 20 }'), context, { keys })
    expect(errors).toBeUndefined()
    const entities = data!['_entities'] as unknown as { activity: { payments: number; growth: unknown } }[]
    return entities.map(({ activity }) => [activity.payments, activity.growth])
  }
  const one = { payments: 1 }

  test('is the sum of its own payments', async () => {
    expect(await payments(operator)).toEqual([
      [2, one],
      [4, one],
      [0, null],
      [4, one],
      [0, null],
      [2, null],
      [2, one],
      [4, one],
      [0, null],
    ])
  })

  test('is limited to payments that the viewer may read', async () => {
    expect(await payments(wallet)).toEqual([
      [2, one],
      [2, one],
      [0, null],
      [2, one],
      [0, null],
      [0, null],
      [2, one],
      [2, one],
      [0, null],
    ])
  })

  test('can be limited to one direction', async () => {
    const { data } = await execute(
      `query ($keys: [_Any!]!) { _entities(representations: $keys) { ... on Participant {
        incoming: activity(range: { lastDays: 20 }, direction: INBOUND) { payments }
        outgoing: activity(range: { lastDays: 20 }, direction: OUTBOUND) { payments }
      } } }`,
      operator,
      { keys: [keys[0]] },
    )
    expect(data?.['_entities']).toEqual([{ incoming: { payments: 2 }, outgoing: { payments: 0 } }])
  })
})

describe('the programme', () => {
  const programme = async (context: RequestContext) => {
    const query =
      '{ programme { asOf payments value { amount currency } growth(comparedTo: YEAR_EARLIER) { paymentsPercent valuePercent } } }'
    return (await execute(query, context)).data?.['programme']
  }

  test('counts the completed payments of a year for the operator', async () => {
    expect(await programme(operator)).toEqual({
      asOf: now.toISOString(),
      payments: 3,
      value: { amount: '180.01', currency: 'CNY' },
      growth: { paymentsPercent: 200, valuePercent: 200.0166 },
    })
  })

  test('counts closed days for every other caller, and does not change with a payment', async () => {
    const closed = {
      asOf: '2026-03-01T00:00:00.000Z',
      payments: 2,
      value: { amount: '150.01', currency: 'CNY' },
      growth: { paymentsPercent: 100, valuePercent: 150.0166 },
    }
    const other = asViewer('wallet-th-01', 'coverage:read')
    expect(await programme(other)).toEqual(closed)
    await pays({ createdAt: new Date('2026-02-28T12:00:00Z') }, 'payment-late')
    expect(await programme(operator)).toMatchObject({ payments: 4 })
    expect(await programme(other)).toEqual(closed)
  })
})

describe('the time of figures', () => {
  test('is exact for the operator, and whole minutes for every other caller', async () => {
    const query = '{ activity(where: { range: { lastDays: 1 } }) { asOf lagMs complete } }'
    expect((await execute(query)).data?.['activity']).toMatchObject({ asOf: now.toISOString() })
    expect((await execute(query, wallet)).data?.['activity']).toEqual({
      asOf: '2026-03-01T12:00:00.000Z',
      lagMs: 0,
      complete: true,
    })
  })
})

describe('following activity', () => {
  const follow = (query: string, context = operator) =>
    createSourceEventStream({
      schema: subgraph.app.graphql.schema,
      document: parse(query),
      contextValue: context,
    }) as Promise<AsyncIterableIterator<{ activityUpdated: { totals: { payments: number } } }>>

  test('begins with the current figures, and continues when more is counted', async () => {
    const stream = await follow('subscription { activityUpdated(everySeconds: 1) { payments } }')
    expect((await stream.next()).value.activityUpdated.totals.payments).toBe(3)
    const next = stream.next()
    await pays({ createdAt: now }, 'payment-more')
    expect((await next).value.activityUpdated.totals.payments).toBe(4)
    await stream.return!()
  })

  test('continues for a participant with its own payments alone', async () => {
    const stream = await follow('subscription { activityUpdated(everySeconds: 1) { payments } }', wallet)
    const { payments } = (await stream.next()).value.activityUpdated.totals
    const next = stream.next()
    await pays({ ...thai, createdAt: now }, 'payment-of-another')
    await pays({ createdAt: now }, 'payment-of-its-own')
    expect((await next).value.activityUpdated.totals.payments).toBe(payments + 1)
    await stream.return!()
  })

  test.each([
    { args: 'everySeconds: 0', code: 'BAD_VALUE' },
    { args: 'everySeconds: 61', code: 'BAD_VALUE' },
    { args: 'where: { range: {} }', code: 'BAD_RANGE' },
  ])('is refused with $args', async ({ args, code }) => {
    expect(await follow(`subscription { activityUpdated(${args}) { payments } }`)).toMatchObject({
      errors: [{ extensions: { code } }],
    })
  })

  test('requires the scope analytics:read', async () => {
    expect(
      await follow('subscription { activityUpdated { payments } }', asViewer('wallet-sg-01')),
    ).toMatchObject({
      errors: [{ extensions: { code: 'FORBIDDEN' } }],
    })
  })
})

describe('alerts in the graph', () => {
  const fields = `id kind corridor { id } participant { id } beganAt endedAt acknowledgedAt
    figures { observed usual bound payments }`
  const alert: Alert = {
    _id: anId('corridor:SG-CN.LATENCY.2026-03-01T11:58Z'),
    subject: 'corridor:SG-CN',
    kind: 'LATENCY',
    beganAt: new Date('2026-03-01T11:58:00Z'),
    raisedAt: now,
    lastOutAt: now,
    endedAt: null,
    acknowledged: null,
    observed: 4000,
    usual: 900,
    bound: 1350,
    payments: 60,
  }
  const shown = {
    id: alert._id,
    kind: 'LATENCY',
    corridor: { id: 'SG-CN' },
    participant: null,
    beganAt: alert.beganAt.toISOString(),
    endedAt: null,
    acknowledgedAt: null,
    figures: { observed: 4000, usual: 900, bound: 1350, payments: 60 },
  }

  test('are followed when they are raised', async () => {
    const stream = (await createSourceEventStream({
      schema: subgraph.app.graphql.schema,
      document: parse('subscription { alertEvents { cursor kind at alert { id } } }'),
      contextValue: wallet,
    })) as AsyncIterableIterator<{ alertEvents: { cursor: string; kind: string; alert: Alert } }>
    const next = stream.next()
    const write: Write = (change) =>
      db.client.withSession((session) => session.withTransaction(() => change(session)))
    await (await openAlertLog(db)).raise(alert, write)
    const { cursor, ...event } = (await next).value.alertEvents
    expect(cursor).toMatch(/^[\w-]{22}$/)
    expect(event).toMatchObject({ kind: 'ALERT_RAISED', at: now, alert: { _id: alert._id } })
    await stream.return!()
  })

  test('are listed, with figures where all payments of the corridor may be read', async () => {
    const query = `{ alerts(where: { open: true }) { edges { node { ${fields} } } }
      alert(id: "${alert._id}") { id } }`
    const of = (node: object) => ({
      data: { alerts: { edges: [{ node }] }, alert: { id: alert._id } },
    })
    expect(await execute(query)).toEqual(of(shown))
    expect(await execute(query, wallet)).toEqual(of({ ...shown, figures: null }))
    const other = asViewer('wallet-th-01', 'analytics:read')
    expect(await execute(query, other)).toEqual({ data: { alerts: { edges: [] }, alert: null } })
  })

  test('are acknowledged, and problems have their types', async () => {
    const acknowledge = (id: string) =>
      execute(`mutation { acknowledgeAlert(input: { alert: "${id}", note: "seen" }) {
        __typename ... on Alert { id acknowledgedAt note } ... on Problem { code path } } }`)
    expect(await acknowledge(alert._id)).toEqual({
      data: {
        acknowledgeAlert: {
          __typename: 'Alert',
          id: alert._id,
          acknowledgedAt: now.toISOString(),
          note: 'seen',
        },
      },
    })
    expect(await acknowledge('none')).toEqual({
      data: { acknowledgeAlert: { __typename: 'Refused', code: 'NOT_FOUND', path: ['input', 'alert'] } },
    })
  })
})
