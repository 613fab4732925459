import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ParticipantId } from '../../../../schema/values/id.ts'
import { money } from '../../../../schema/values/money.ts'
import {
  auditText,
  openAuditLog,
  type AuditLog,
  type Change,
} from '../../../../subgraphs/shared/audit-log.ts'
import { openTransactionSubgraph, type TransactionSubgraph } from '../../../../subgraphs/transaction/index.ts'
import { freshDatabase } from '../../../harness/mongo.ts'
import { aDirectory, aRegistry, as, noon } from '../../../fixtures/a-programme.ts'
import { anId } from '../../../fixtures/an-id.ts'
import type { RequestContext } from '../../../../subgraphs/shared/viewer.ts'

const { db } = await freshDatabase()
const operator = anId<ParticipantId>('operator')
const minutes = (n: number) => new Date(noon.getTime() + n * 60_000)
let hub: TransactionSubgraph
let audit: AuditLog

const aChange = (fields: Partial<Change> = {}): Change => ({
  at: noon,
  actor: operator,
  action: 'setCorridor',
  target: 'corridor:SG-CN',
  before: null,
  after: { id: 'SG-CN' },
  key: 'a key',
  requestId: 'r',
  ...fields,
})

/** Recorded one per minute, in this order. */
const changes: readonly Partial<Change>[] = [
  {},
  { target: 'corridor:TH-CN', actor: anId('wallet-sg-01') },
  { action: 'setRates', target: 'rates:CNY', actor: null },
  { action: 'connectParticipant', target: 'participant:wallet-sg-01' },
  { target: 'corridor:TH-CN' },
]

beforeAll(async () => {
  hub = await openTransactionSubgraph({
    db,
    registry: aRegistry(),
    directory: aDirectory(),
    now: () => noon,
    logger: pino({ level: 'silent' }),
    cursorSecret: 'a secret',
    simulator: null,
    sequencer: false,
  })
  audit = await openAuditLog(db)
  await db.client.withSession(async (session) => {
    for (const [n, change] of changes.entries())
      await audit.record(aChange({ at: minutes(n), ...change }), session)
  })
})
afterAll(() => hub.close())

type Data = Record<string, any> // eslint-disable-line typescript/no-explicit-any
async function read(args: object, context: RequestContext = as('operator')): Promise<Data> {
  const query = `query ($where: AuditFilter, $first: Int!, $after: String) {
    auditLog(where: $where, first: $first, after: $after) {
      edges { cursor node { id at actor { id } action target before after requestId } }
      pageInfo { hasNextPage endCursor } totalCount totalCountKind
    }
  }`
  const { data, errors } = await hub.app.graphql(query, context as never, { first: 20, ...args })
  if (errors) throw errors[0]!
  return (data as Data).auditLog as Data
}
/** The minutes of the matching entries, in the order of the page. */
const found = async (where: object): Promise<number[]> =>
  (await read({ where })).edges.map(({ node }: Data) => (Date.parse(node.at) - noon.getTime()) / 60_000)

describe('the audit log', () => {
  test('gives actor, action and target of each change, newest first', async () => {
    const { edges } = await read({})
    expect(edges.map(({ node }: Data) => node)).toMatchObject([
      { at: minutes(4).toISOString(), target: 'corridor:TH-CN' },
      { action: 'connectParticipant' },
      { actor: null, action: 'setRates' },
      { actor: { id: 'wallet-sg-01' } },
      {
        id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
        at: noon.toISOString(),
        actor: { id: 'operator' },
        action: 'setCorridor',
        target: 'corridor:SG-CN',
        before: null,
        after: '{"id":"SG-CN"}',
        requestId: 'r',
      },
    ])
  })

  test.each([
    { where: { actors: ['operator'] }, minutes: [4, 3, 0] },
    { where: { actors: ['operator', 'wallet-sg-01'] }, minutes: [4, 3, 1, 0] },
    { where: { actions: ['setRates', 'connectParticipant'] }, minutes: [3, 2] },
    { where: { targets: ['corridor:TH-CN'] }, minutes: [4, 1] },
    { where: { targets: ['corridor:TH-CN'], actors: ['operator'] }, minutes: [4] },
    { where: { from: minutes(1).toISOString(), to: minutes(3).toISOString() }, minutes: [2, 1] },
    { where: { from: minutes(4).toISOString() }, minutes: [4] },
    { where: { to: minutes(1).toISOString() }, minutes: [0] },
    { where: { from: minutes(5).toISOString() }, minutes: [] },
    { where: { actions: ['closeSettlement'] }, minutes: [] },
    { where: { actors: [], actions: [], targets: [] }, minutes: [4, 3, 2, 1, 0] },
  ])('filters by $where: minutes $minutes', async ({ where, minutes: expected }) => {
    expect(await found(where)).toEqual(expected)
  })

  test.each([
    { args: { first: 0 }, code: 'BAD_PAGE', path: ['first'] },
    { args: { first: 101 }, code: 'BAD_PAGE', path: ['first'] },
    { args: { after: 'x' }, code: 'CURSOR_INVALID', path: ['after'] },
    { args: { where: { actions: ['setRates', 'fly'] } }, code: 'BAD_VALUE', path: ['where', 'actions', '1'] },
    {
      args: { where: { actors: ['wallet-unknown'] } },
      code: 'PARTICIPANT_UNKNOWN',
      path: ['where', 'actors', '0'],
    },
    { args: { where: { targets: ['TH-CN'] } }, code: 'BAD_VALUE', path: ['where', 'targets', '0'] },
    { args: { where: { targets: ['moon:1'] } }, code: 'BAD_VALUE', path: ['where', 'targets', '0'] },
    { args: { where: { targets: ['corridor:'] } }, code: 'BAD_VALUE', path: ['where', 'targets', '0'] },
    { args: { where: { targets: Array(201).fill('a:b') } }, code: 'BAD_VALUE', path: ['where', 'targets'] },
    { args: { where: { from: noon, to: noon } }, code: 'BAD_RANGE', path: ['where', 'to'] },
  ])('refuses $args', async ({ args, code, path }) => {
    await expect(read(JSON.parse(JSON.stringify(args)))).rejects.toMatchObject({ extensions: { code, path } })
  })

  test('is open to the operator only', async () => {
    const scopes = ['payments:read', 'analytics:read', 'coverage:read'] as const
    await expect(read({}, as('wallet-sg-01', scopes))).rejects.toMatchObject({
      extensions: { code: 'FORBIDDEN' },
    })
  })

  test('pages through every entry once, also those of one instant, while more are added', async () => {
    const at = minutes(60)
    const more = Array.from({ length: 7 }, (_, n) => ({ at, requestId: `n${n}` }))
    await db.client.withSession(async (session) => {
      for (const change of more) await audit.record(aChange(change), session)
    })
    const { totalCount, totalCountKind } = await read({ first: 1 })
    expect({ totalCount, totalCountKind }).toEqual({ totalCount: 12, totalCountKind: 'EXACT' })
    const seen: string[] = []
    for (let after: string | null = null, hasNextPage = true; hasNextPage;) {
      const page: Data = await read({ first: 3, after })
      seen.push(...page.edges.map(({ node }: Data) => node.requestId as string))
      ;({ endCursor: after, hasNextPage } = page.pageInfo as { endCursor: string; hasNextPage: boolean })
      await db.client.withSession((session) => audit.record(aChange({ at: minutes(61) }), session))
    }
    expect(seen).toEqual(['n6', 'n5', 'n4', 'n3', 'n2', 'n1', 'n0', 'r', 'r', 'r', 'r', 'r'])
  })

  test('reads no more entries than it returns, for every filter', async () => {
    for (const filter of [
      {},
      { actor: operator },
      { action: 'setCorridor' as const },
      { target: 'corridor:TH-CN' },
    ]) {
      const { executionStats } = await audit.entries
        .find(filter, { sort: { _id: -1 }, limit: 2 })
        .explain('executionStats')
      expect(Number(executionStats.totalDocsExamined)).toBe(2)
    }
  })
})

describe('the text of an audited value', () => {
  test('is JSON with members in order, money as on the wire, and no secrets', () => {
    const value = {
      version: 2,
      limits: { perDay: money(2_000_050n, 'CNY'), perPayment: money(700n, 'JPY') },
      count: 9_007_199_254_740_993n,
      at: noon,
      endpoint: { url: 'https://a.example/', secrets: [{ secret: 'whsec_x', notAfter: null }] },
      iin: null,
      left: undefined,
    }
    expect(auditText(value)).toBe(
      '{"at":"2026-03-01T04:00:00.000Z","count":"9007199254740993",' +
        '"endpoint":{"secrets":[{"notAfter":null,"secret":"(secret)"}],"url":"https://a.example/"},"iin":null,' +
        '"limits":{"perDay":{"amount":"20000.50","currency":"CNY"},"perPayment":{"amount":"700","currency":"JPY"}},' +
        '"version":2}',
    )
  })
})
