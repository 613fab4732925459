import { getNamedType, isEnumType, type GraphQLInputObjectType } from 'graphql'
import { inspect } from 'node:util'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKeyStore } from '../../../gateway/identity/key-store.ts'
import { importRegistry, openParticipantSubgraph } from '../../../subgraphs/participant/index.ts'
import { openRegistry, type MirroredRegistry } from '../../../subgraphs/shared/registry.ts'
import type { Subgraph } from '../../../subgraphs/shared/subgraph.ts'
import type { RequestContext } from '../../../subgraphs/shared/viewer.ts'
import { describeIdempotency } from '../../contracts/idempotency.ts'
import { aCorridor, aParticipant, aProject } from '../../fixtures/a-registry.ts'
import { anId } from '../../fixtures/an-id.ts'
import { connectAgain, freshDatabase } from '../../harness/mongo.ts'

const noon = new Date('2026-03-01T12:00:00Z')
const hourMs = 3_600_000
let now = noon
const database = await freshDatabase()
const { db, name } = database
const elsewhere = await connectAgain(database)
const logger = pino({ level: 'silent' })
const directory = {
  merchant: async () => null,
  scan: () => Promise.reject(new Error('not used in these tests')),
}

interface Process {
  readonly registry: MirroredRegistry
  readonly subgraph: Subgraph
}
let here: Process
/** Another process over the same database. */
let there: Process
const closing: (() => Promise<unknown>)[] = []

async function start(on = db, settings = {}): Promise<Process> {
  const registry = await openRegistry(on, logger)
  const clock = () => now
  const subgraph = await openParticipantSubgraph({
    db: on,
    registry,
    directory,
    now: clock,
    apiKeys: createKeyStore(on),
    logger,
    ...settings,
  })
  closing.push(() => subgraph.close().then(() => registry.close()))
  return { registry, subgraph }
}

const certificate = { name: 'MPM_PAY', passed: true, validUntil: new Date('2027-01-01T00:00:00Z') } as const
beforeAll(async () => {
  await importRegistry(db, {
    participants: [
      aParticipant({ id: 'operator', roles: ['OPERATOR'], country: 'CN' }),
      aParticipant({ id: 'wallet-sg-01', iin: '10458001', connection: 'SIMULATOR' }),
      aParticipant({ id: 'wallet-sg-02', status: 'SUSPENDED', capabilities: [certificate] }),
      aParticipant({ id: 'wallet-sg-03', status: 'CERTIFYING' }),
      aParticipant({ id: 'wallet-sg-04', status: 'CLOSED' }),
      aParticipant({ id: 'wallet-sg-05', status: 'REJECTED' }),
      aParticipant({ id: 'wallet-sg-06', connection: 'STREAM', capabilities: [certificate] }),
      aParticipant({ id: 'wallet-sg-07', connection: 'STREAM', capabilities: [certificate] }),
    ],
    projects: [aProject({ id: 'sg-sgqr' }), aProject({ id: 'vn-napas', country: 'VN', model: 'G2G' })],
    corridors: [aCorridor({ id: 'SG-CN' }), aCorridor({ id: 'TH-CN' }), aCorridor({ id: 'CN-SG' })],
  })
  here = await start()
  there = await start(elsewhere.db(name))
})
afterAll(() => Promise.all(closing.map((close) => close())))

const operator: RequestContext = {
  viewer: { participant: anId('operator'), scopes: new Set(['operator']), key: 'test' },
  requestId: 'request-1',
}

const problem = '... on Problem { code message retryable path } ... on IdempotencyConflict { firstUsedAt }'
const fields = {
  applyParticipant: ['ApplyParticipantInput', `... on Participant { id status }`],
  recordCertification: [
    'RecordCertificationInput',
    `... on Participant { id capabilities { name state validUntil } }`,
  ],
  changeParticipantStatus: [
    'ChangeParticipantStatusInput',
    `... on Participant { id status statusHistory { to by reason } }`,
  ],
  connectParticipant: [
    'ConnectParticipantInput',
    `... on ParticipantConnected { secret participant { id connection endpointUrl } }`,
  ],
  setCorridor: ['SetCorridorInput', `... on Corridor { id version status cancelCutoffMinutes }`],
  setProject: ['SetProjectInput', `... on Project { id version name status country { code } }`],
} as const
type Action = keyof typeof fields
type Result = Record<string, unknown> & { code?: string; message?: string; path?: string[] }

async function execute(
  action: Action,
  input: object,
  { subgraph } = here,
  context = operator,
): Promise<Result> {
  const [type, selection] = fields[action]
  const query = `mutation ($input: ${type}!) { ${action}(input: $input) { __typename ${selection} ${problem} } }`
  const { data, errors } = await subgraph.app.graphql(query, context as never, { input })
  expect(errors).toBeUndefined()
  return (data as Record<string, Result>)[action]!
}

/** The content of all collections that a mutation writes. */
async function everything(): Promise<unknown> {
  const names = ['participants', 'projects', 'corridors', 'audit', 'keys']
  return Promise.all(names.map((each) => db.collection(each).find().sort({ _id: 1 }).toArray()))
}

const entries = (target: string) =>
  db
    .collection<{ _id: string; target: string; before: string | null; after: string | null }>('audit')
    .find({ target })
    .sort({ _id: 1 })
    .toArray()

const inputs: Readonly<Record<Action, object>> = {
  applyParticipant: {
    id: 'wallet-kh-01',
    name: 'Angkor Pay',
    roles: ['WALLET'],
    country: 'KH',
    iin: '10459999',
    settlementCurrency: 'KHR',
  },
  recordCertification: { participant: 'wallet-sg-03', capability: 'MPM_PAY', passed: true },
  changeParticipantStatus: { participant: 'wallet-sg-02', status: 'LIVE', reason: 'Ready' },
  connectParticipant: { participant: 'wallet-sg-01', connection: 'STREAM' },
  setCorridor: { id: 'SG-CN', expectedVersion: 1 },
  setProject: { id: 'vn-napas', expectedVersion: 1 },
}
const cny = (amount: string) => ({ amount, currency: 'CNY' })
const webhook = { connection: 'WEBHOOK', url: 'https://wallet.example/hub' }

describe('each field of each input has its own refusal, and nothing is written', () => {
  const rows: [Action, object, string, string][] = [
    ['applyParticipant', { id: 'no' }, 'BAD_VALUE', 'id'],
    ['applyParticipant', { id: 'wallet-sg-01' }, 'ALREADY_EXISTS', 'id'],
    ['applyParticipant', { name: ' ' }, 'BAD_VALUE', 'name'],
    ['applyParticipant', { name: 'a\u0007b' }, 'BAD_VALUE', 'name'],
    ['applyParticipant', { roles: [] }, 'BAD_VALUE', 'roles'],
    ['applyParticipant', { country: 'XX' }, 'UNKNOWN_COUNTRY', 'country'],
    ['applyParticipant', { iin: '123' }, 'BAD_VALUE', 'iin'],
    ['applyParticipant', { network: 'wallet-sg-01' }, 'PARTICIPANT_UNKNOWN', 'network'],
    ['applyParticipant', { iin: '10458001' }, 'ALREADY_EXISTS', 'iin'],
    ['applyParticipant', { settlementCurrency: 'XXX' }, 'UNKNOWN_CURRENCY', 'settlementCurrency'],
    ['applyParticipant', { idempotencyKey: '' }, 'BAD_VALUE', 'idempotencyKey'],

    ['recordCertification', { participant: 'nobody' }, 'PARTICIPANT_UNKNOWN', 'participant'],
    ['recordCertification', { participant: 'wallet-sg-04' }, 'STATUS_NOT_ALLOWED', 'participant'],
    ['recordCertification', { participant: 'wallet-sg-05' }, 'STATUS_NOT_ALLOWED', 'participant'],
    ['recordCertification', { capability: 'MPM_ACCEPT' }, 'BAD_VALUE', 'capability'],
    ['recordCertification', { validUntil: noon.toISOString() }, 'BAD_VALUE', 'validUntil'],
    ['recordCertification', { report: 'a report' }, 'BAD_VALUE', 'report'],
    ['recordCertification', { idempotencyKey: 'x'.repeat(65) }, 'BAD_VALUE', 'idempotencyKey'],

    ['changeParticipantStatus', { participant: 'nobody' }, 'PARTICIPANT_UNKNOWN', 'participant'],
    ['changeParticipantStatus', { status: 'REVIEW' }, 'STATUS_NOT_ALLOWED', 'status'],
    ['changeParticipantStatus', { participant: 'wallet-sg-03' }, 'NOT_CERTIFIED', 'status'],
    ['changeParticipantStatus', { participant: 'wallet-sg-04' }, 'STATUS_NOT_ALLOWED', 'status'],
    ['changeParticipantStatus', { participant: 'wallet-sg-05' }, 'STATUS_NOT_ALLOWED', 'status'],
    ['changeParticipantStatus', { reason: '' }, 'BAD_VALUE', 'reason'],
    ['changeParticipantStatus', { reason: 'x'.repeat(501) }, 'BAD_VALUE', 'reason'],
    ['changeParticipantStatus', { idempotencyKey: '\n' }, 'BAD_VALUE', 'idempotencyKey'],

    ['connectParticipant', { participant: 'nobody' }, 'PARTICIPANT_UNKNOWN', 'participant'],
    ['connectParticipant', { participant: 'operator' }, 'BAD_VALUE', 'participant'],
    ['connectParticipant', { participant: 'wallet-sg-04' }, 'STATUS_NOT_ALLOWED', 'participant'],
    ['connectParticipant', { connection: 'WEBHOOK' }, 'BAD_VALUE', 'url'],
    ['connectParticipant', { url: 'https://wallet.example' }, 'BAD_VALUE', 'url'],
    ['connectParticipant', { ...webhook, url: 'wallet.example' }, 'BAD_VALUE', 'url'],
    ['connectParticipant', { ...webhook, url: 'http://wallet.example/' }, 'ADDRESS_NOT_ALLOWED', 'url'],
    ['connectParticipant', { ...webhook, url: 'https://10.1.2.3/' }, 'ADDRESS_NOT_ALLOWED', 'url'],
    ['connectParticipant', { ...webhook, rotateSecret: true }, 'BAD_VALUE', 'rotateSecret'],
    ['connectParticipant', { rotateSecret: true }, 'BAD_VALUE', 'rotateSecret'],
    ['connectParticipant', { idempotencyKey: '' }, 'BAD_VALUE', 'idempotencyKey'],

    ['setProject', { id: 'No' }, 'BAD_VALUE', 'id'],
    ['setProject', { id: 'th-qr' }, 'NOT_FOUND', 'id'],
    ['setProject', { expectedVersion: 2 }, 'VERSION_CONFLICT', 'expectedVersion'],
    ['setProject', { name: ' ' }, 'BAD_VALUE', 'name'],
    ['setProject', { country: 'XX' }, 'UNKNOWN_COUNTRY', 'country'],
    ['setProject', { country: 'TH' }, 'BAD_VALUE', 'country'],
    ['setProject', { id: 'th-qr', expectedVersion: 0, country: 'TH' }, 'BAD_VALUE', 'name'],
    ['setProject', { idempotencyKey: '' }, 'BAD_VALUE', 'idempotencyKey'],

    ['setCorridor', { id: 'XX-YY' }, 'NOT_FOUND', 'id'],
    ['setCorridor', { expectedVersion: 2 }, 'VERSION_CONFLICT', 'expectedVersion'],
    ['setCorridor', { project: 'none' }, 'NOT_FOUND', 'project'],
    ['setCorridor', { project: 'vn-napas' }, 'BAD_VALUE', 'project'],
    ['setCorridor', { currencies: ['CNY', '?'] }, 'UNKNOWN_CURRENCY', 'currencies.1'],
    ['setCorridor', { perPayment: cny('0') }, 'AMOUNT_NOT_POSITIVE', 'perPayment.amount'],
    [
      'setCorridor',
      { perPayment: { amount: '1', currency: 'SGD' } },
      'WRONG_CURRENCY',
      'perPayment.currency',
    ],
    ['setCorridor', { perPayment: cny('90000') }, 'BAD_VALUE', 'perPayment'],
    ['setCorridor', { perDay: cny('1') }, 'BAD_VALUE', 'perDay'],
    ['setCorridor', { perDay: cny('one') }, 'AMOUNT_MALFORMED', 'perDay.amount'],
    ['setCorridor', { freeUpTo: cny('1.001') }, 'AMOUNT_TOO_PRECISE', 'freeUpTo.amount'],
    ['setCorridor', { basisPoints: 1001 }, 'BAD_VALUE', 'basisPoints'],
    ['setCorridor', { quoteTtlSeconds: 59 }, 'BAD_VALUE', 'quoteTtlSeconds'],
    ['setCorridor', { authorizationTimeoutMs: 999 }, 'BAD_VALUE', 'authorizationTimeoutMs'],
    ['setCorridor', { cancelCutoffMinutes: -1 }, 'BAD_VALUE', 'cancelCutoffMinutes'],
    ['setCorridor', { refundWindowDays: 366 }, 'BAD_VALUE', 'refundWindowDays'],
    ['setCorridor', { settlementCurrency: 'X' }, 'UNKNOWN_CURRENCY', 'settlementCurrency'],
    ['setCorridor', { idempotencyKey: '' }, 'BAD_VALUE', 'idempotencyKey'],
  ]

  test.each(rows)('%s with %j: %s at %s', async (action, its, code, path) => {
    const before = await everything()
    const refusal = await execute(action, { ...inputs[action], ...its })
    expect(refusal).toMatchObject({ __typename: 'Refused', code, path: ['input', ...path.split('.')] })
    expect(refusal.message).not.toBe('')
    expect(await everything()).toEqual(before)
  })

  test('every field of every input has a row', () => {
    const schema = here.subgraph.app.graphql.schema
    for (const action of Object.keys(fields) as Action[]) {
      const type = schema.getType(fields[action][0]) as GraphQLInputObjectType
      const covered = new Set(rows.filter(([of]) => of === action).map(([, , , path]) => path.split('.')[0]!))
      // The schema refuses other values of an enum, and a Boolean has none.
      for (const field of Object.values(type.getFields())) {
        const isFlag = action === 'recordCertification' && field.name === 'passed'
        if (isFlag || isEnumType(getNamedType(field.type))) covered.add(field.name)
      }
      expect([...covered].toSorted()).toEqual(Object.keys(type.getFields()).toSorted())
    }
  })

  test('all of them require the operator', async () => {
    const before = await everything()
    const viewer = { ...operator.viewer, scopes: new Set(['payments:write', 'merchants:write'] as const) }
    for (const action of Object.keys(fields) as Action[]) {
      expect(await execute(action, inputs[action], here, { ...operator, viewer })).toMatchObject({
        code: 'FORBIDDEN',
      })
    }
    expect(await everything()).toEqual(before)
  })
})

describe('a change', () => {
  test('is written with its entry in the audit log: actor, action, before and after', async () => {
    await execute('setCorridor', {
      id: 'CN-SG',
      expectedVersion: 1,
      cancelCutoffMinutes: 5,
      perPayment: cny('70.5'),
    })
    const [entry, ...more] = await entries('corridor:CN-SG')
    expect(more).toEqual([])
    expect(entry).toMatchObject({
      at: noon,
      actor: 'operator',
      action: 'setCorridor',
      target: 'corridor:CN-SG',
      requestId: 'request-1',
    })
    const [before, after] = [JSON.parse(entry!.before!), JSON.parse(entry!.after!)]
    expect(before).toMatchObject({
      version: 1,
      cancelCutoffMinutes: 30,
      limits: { perPayment: { amount: '5000.00', currency: 'CNY' } },
    })
    expect(after).toEqual({
      ...before,
      version: 2,
      cancelCutoffMinutes: 5,
      limits: { ...before.limits, perPayment: { amount: '70.50', currency: 'CNY' } },
    })
  })

  test('is undone when its audit entry cannot be written', async () => {
    const before = await everything()
    const reject = { validator: { never: { $exists: true } }, validationAction: 'error' }
    await db.command({ collMod: 'audit', ...reject })
    try {
      const query = `mutation ($input: SetCorridorInput!) { setCorridor(input: $input) { __typename } }`
      const input = { id: 'CN-SG', expectedVersion: 2, basisPoints: 1, idempotencyKey: 'lost' }
      const { errors } = await here.subgraph.app.graphql(query, operator as never, { input })
      expect(errors).toHaveLength(1)
      expect(await everything()).toEqual(before)
    } finally {
      await db.command({ collMod: 'audit', validator: {}, validationAction: 'error' })
    }
  })

  test('is read by the process that made it before the call returns', async () => {
    await execute('recordCertification', {
      participant: 'wallet-sg-03',
      capability: 'CPM_PRESENT',
      passed: true,
    })
    expect(here.registry.participants.get(anId('wallet-sg-03'))?.capabilities).toHaveLength(1)
  })
})

describe('a new corridor', () => {
  const terms = {
    id: 'TH-MY',
    expectedVersion: 0,
    entryModes: ['MPM_DYNAMIC'],
    currencies: ['MYR'],
    perPayment: cny('100'),
    perDay: cny('200'),
    freeUpTo: cny('1'),
    basisPoints: 10,
    settlementCurrency: 'USD',
  }

  test.each([
    [{ id: 'TH-XX' }, 'BAD_VALUE', 'id'],
    [{ id: 'TH-MY-CN' }, 'BAD_VALUE', 'id'],
    [{ expectedVersion: 1 }, 'NOT_FOUND', 'id'],
    [{ id: 'TH-CN' }, 'VERSION_CONFLICT', 'expectedVersion'],
    [{ entryModes: null }, 'BAD_VALUE', 'entryModes'],
    [{ currencies: null }, 'BAD_VALUE', 'currencies'],
    [{ perPayment: null }, 'BAD_VALUE', 'perPayment'],
    [{ perDay: null }, 'BAD_VALUE', 'perDay'],
    [{ perDay: cny('99.99') }, 'BAD_VALUE', 'perPayment'],
    [{ freeUpTo: null }, 'BAD_VALUE', 'freeUpTo'],
    [{ basisPoints: null }, 'BAD_VALUE', 'basisPoints'],
    [{ settlementCurrency: null }, 'BAD_VALUE', 'settlementCurrency'],
    [{ project: 'sg-sgqr' }, 'BAD_VALUE', 'project'],
  ])('is not added with %j: %s at %s', async (its, code, path) => {
    const before = await everything()
    const refusal = await execute('setCorridor', { ...terms, ...its })
    expect(refusal).toMatchObject({ code, path: ['input', path] })
    expect(await everything()).toEqual(before)
  })

  test('is added once and CLOSED, also by concurrent calls', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => execute('setCorridor', terms)))
    expect(answers.filter(({ code }) => code === undefined)).toEqual([
      { __typename: 'Corridor', id: 'TH-MY', version: 1, status: 'CLOSED', cancelCutoffMinutes: 30 },
    ])
    expect(answers.filter(({ code }) => code === 'VERSION_CONFLICT')).toHaveLength(3)
    expect(here.registry.corridors.get(anId('TH-MY'))).toMatchObject({
      direction: 'THIRD_MARKET',
      project: null,
    })
    expect(await entries('corridor:TH-MY')).toMatchObject([{ before: null }])
  })

  test.each([
    ['MY-CN', 'INBOUND'],
    ['CN-MY', 'OUTBOUND'],
    ['MY-MY', 'LOCAL'],
  ])('%s is %s', async (id, direction) => {
    expect(await execute('setCorridor', { ...terms, id, status: 'OPEN' })).toMatchObject({ status: 'OPEN' })
    expect(here.registry.corridors.get(anId(id))).toMatchObject({ direction })
  })
})

describe('under an idempotency key', () => {
  test('a refusal of the input is not stored', async () => {
    await db.collection<{ _id: string }>('corridors').updateOne({ _id: 'SG-CN' }, { $set: { version: 9 } })
    const slip = { id: 'SG-CN', expectedVersion: 9, basisPoints: 5000, idempotencyKey: 'slip' }
    expect(await execute('setCorridor', slip)).toMatchObject({ code: 'BAD_VALUE' })
    expect(await execute('setCorridor', { ...slip, basisPoints: 50 })).toMatchObject({ version: 10 })
  })
})

describe('connecting a participant', () => {
  const id = 'wallet-sg-07'
  const secretsOf = () => here.registry.participants.get(anId(id))!.endpoint!.secrets

  test('by webhook generates a secret that is returned once and written to no log', async () => {
    const connected = await execute('connectParticipant', {
      participant: id,
      ...webhook,
      idempotencyKey: 'wh',
    })
    expect(connected).toMatchObject({
      participant: { id, connection: 'WEBHOOK', endpointUrl: 'https://wallet.example/hub' },
    })
    const secret = connected['secret'] as string
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32)
    expect(secretsOf()).toEqual([{ secret, notAfter: null }])

    expect(await execute('connectParticipant', { participant: id, ...webhook })).toMatchObject({
      secret: null,
    })
    const entry = (await entries(`participant:${id}`)).find(({ after }) => after!.includes('wallet.example'))
    expect(JSON.parse(entry!.after!)).toMatchObject({ endpoint: { secrets: [{ secret: '(secret)' }] } })
    for (const collection of ['audit', 'keys']) {
      expect(inspect(await db.collection(collection).find().toArray(), { depth: 9 })).not.toContain('whsec_')
    }
  })

  test('shows the address to the participant itself and to the operator only, and the secret to no caller', async () => {
    const query = `{ participant(id: "${id}") { endpointUrl } }`
    const readBy = async (participant: string, scopes: readonly 'operator'[] = []) => {
      const viewer = { ...operator.viewer, participant, scopes: new Set(scopes) }
      const { data } = await here.subgraph.app.graphql(query, { ...operator, viewer } as never)
      return (data as { participant: { endpointUrl: string | null } }).participant.endpointUrl
    }
    expect(await readBy(id)).toBe('https://wallet.example/hub')
    expect(await readBy('operator', ['operator'])).toBe('https://wallet.example/hub')
    expect(await readBy('wallet-sg-01')).toBeNull()
    const holders = Object.values(here.subgraph.app.graphql.schema.getTypeMap()).filter(
      (type) => 'getFields' in type && 'secret' in type.getFields(),
    )
    expect(holders.map(({ name: type }) => type)).toEqual(['KeyIssued', 'ParticipantConnected'])
  })

  test('rotates the secret: the previous one signs for 24 more hours, and a sixth valid one is refused', async () => {
    const first = secretsOf()[0]!.secret
    const rotation = { participant: id, ...webhook, rotateSecret: true }
    const second = (await execute('connectParticipant', rotation))['secret']
    const ending = new Date(noon.getTime() + 24 * hourMs)
    expect(secretsOf()).toEqual([
      { secret: second, notAfter: null },
      { secret: first, notAfter: ending },
    ])
    for (let n = 3; n <= 5; n++) await execute('connectParticipant', rotation)
    expect(await execute('connectParticipant', rotation)).toMatchObject({
      code: 'BAD_VALUE',
      path: ['input', 'rotateSecret'],
    })
    now = ending
    try {
      const latest = (await execute('connectParticipant', rotation))['secret']
      expect(secretsOf().map(({ secret }) => secret)).toEqual([latest, expect.any(String)])
    } finally {
      now = noon
    }
  })

  test('by another connection deletes the address and the secrets', async () => {
    expect(await execute('connectParticipant', { participant: id, connection: 'STREAM' })).toMatchObject({
      secret: null,
      participant: { connection: 'STREAM', endpointUrl: null },
    })
    expect(here.registry.participants.get(anId(id))?.endpoint).toBeNull()
  })

  test('refuses the simulator for a LIVE participant in production, by connection and by status', async () => {
    const production = await start(db, { isProduction: true })
    const simulate = { participant: id, connection: 'SIMULATOR' }
    expect(await execute('connectParticipant', simulate, production)).toMatchObject({
      code: 'SIMULATOR_NOT_ALLOWED',
      path: ['input', 'connection'],
    })
    const change = { participant: id, status: 'SUSPENDED', reason: 'r' }
    await execute('changeParticipantStatus', change, production)
    expect(await execute('connectParticipant', simulate, production)).toMatchObject({
      participant: { connection: 'SIMULATOR' },
    })
    expect(await execute('changeParticipantStatus', { ...change, status: 'LIVE' }, production)).toMatchObject(
      {
        code: 'SIMULATOR_NOT_ALLOWED',
        path: ['input', 'status'],
      },
    )
    // A demo hub has no such rule.
    expect(await execute('changeParticipantStatus', { ...change, status: 'LIVE' })).toMatchObject({
      status: 'LIVE',
    })
  })

  test('accepts private addresses and plain HTTP where the configuration allows them', async () => {
    const lenient = await start(db, { reach: 'PRIVATE' })
    const url = 'http://127.0.0.1:9000/hub'
    const input = { participant: 'wallet-sg-01', connection: 'WEBHOOK', url }
    expect(await execute('connectParticipant', input, lenient)).toMatchObject({
      participant: { endpointUrl: url },
    })
  })
})

let applicants = 0
const versionOf = (corridor: string) => here.registry.corridors.get(corridor as never)!.version
const statusOf = (participant: string) => here.registry.participants.get(participant as never)!.status

/** For each mutation a valid input, what makes it another one, and the target of its audit entry. */
const keyed: Record<Action, () => { input: object; other: object; target: string }> = {
  applyParticipant() {
    const id = `wallet-kh-${10 + ++applicants}`
    const input = { ...inputs.applyParticipant, id, iin: null }
    return { input, other: { name: 'Other Pay' }, target: `participant:${id}` }
  },
  recordCertification: () => ({
    input: {
      participant: 'wallet-sg-07',
      capability: 'REFUND',
      passed: true,
      validUntil: '2027-01-01T00:00:00Z',
    },
    other: { validUntil: '2027-01-02T00:00:00Z' },
    target: 'participant:wallet-sg-07',
  }),
  changeParticipantStatus: () => ({
    input: {
      participant: 'wallet-sg-06',
      status: statusOf('wallet-sg-06') === 'LIVE' ? 'SUSPENDED' : 'LIVE',
      reason: 'A pause',
    },
    other: { reason: 'Another' },
    target: 'participant:wallet-sg-06',
  }),
  connectParticipant: () => ({
    input: { participant: 'wallet-sg-02', ...webhook },
    other: { url: 'https://other.example/' },
    target: 'participant:wallet-sg-02',
  }),
  setCorridor: () => ({
    input: { id: 'TH-CN', expectedVersion: versionOf('TH-CN'), basisPoints: 7 },
    other: { basisPoints: 8 },
    target: 'corridor:TH-CN',
  }),
  setProject() {
    const id = `th-qr-${10 + ++applicants}`
    const input = { id, expectedVersion: 0, name: 'A link', model: 'N2N', country: 'TH' }
    return { input, other: { name: 'Another link' }, target: `project:${id}` }
  },
}

for (const [action, draft] of Object.entries(keyed) as [Action, (typeof keyed)[Action]][]) {
  describeIdempotency(action, {
    clock: { now: () => now, move: (ms) => (now = new Date(now.getTime() + ms)) },
    open: async () => draft(),
    call: ({ input, other }, idempotencyKey, which, process) =>
      execute(
        action,
        { ...input, ...(which === 'other' && other), idempotencyKey },
        process === 0 ? here : there,
      ),
    effects: async ({ target }) => (await entries(target)).length,
    ...(action === 'setCorridor' && { refuse: refuseVersion }),
  })
}

/** Lets the corridor have another version than the input expects. */
async function refuseVersion() {
  const corridors = db.collection<{ _id: string; version: number }>('corridors')
  await corridors.updateOne({ _id: 'TH-CN' }, { $inc: { version: 1 } })
  return () => corridors.updateOne({ _id: 'TH-CN' }, { $inc: { version: -1 } })
}

describe('a project', () => {
  test('changes by version, and keeps what the input leaves out', async () => {
    const id = 'la-qr'
    const added = { id, expectedVersion: 0, name: 'Lao link', model: 'G2G', country: 'LA' }
    expect(await execute('setProject', added)).toMatchObject({ id, version: 1, status: 'PLANNED' })
    const renamed = { id, expectedVersion: 1, status: 'ACTIVE' }
    expect(await execute('setProject', renamed)).toMatchObject({
      version: 2,
      name: 'Lao link',
      status: 'ACTIVE',
      country: { code: 'LA' },
    })
    expect(await execute('setProject', renamed, there)).toMatchObject({ code: 'VERSION_CONFLICT' })
  })
})
