import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKeyStore } from '../../../gateway/identity/key-store.ts'
import { importRegistry, openParticipantSubgraph } from '../../../subgraphs/participant/index.ts'
import { openRegistry, type MirroredRegistry } from '../../../subgraphs/shared/registry.ts'
import type { Subgraph } from '../../../subgraphs/shared/subgraph.ts'
import { aCorridor, aParticipant, aProject } from '../../fixtures/a-registry.ts'
import { asViewer } from '../../fixtures/as-viewer.ts'
import { freshDatabase } from '../../harness/mongo.ts'
import { anId } from '../../fixtures/an-id.ts'

const noon = new Date('2026-03-01T12:00:00Z')
const { db } = await freshDatabase()
let registry: MirroredRegistry
let subgraph: Subgraph

const wallet = asViewer('wallet-sg-01', 'payments:read', 'payments:write')
const operator = asViewer('operator', 'operator')

/** Executes twice, because the second execution is the compiled one; the results must not differ. */
async function read(query: string, variables: Record<string, unknown> = {}, context = wallet) {
  const first = await subgraph.app.graphql(query, context as never, variables)
  expect(await subgraph.app.graphql(query, context as never, variables)).toEqual(first)
  return first as { data: Record<string, never>; errors?: { extensions: unknown }[] }
}

async function mutate(document: string, input: Record<string, unknown>, context = operator) {
  const { data, errors } = await subgraph.app.graphql(document, context as never, { input })
  expect(errors).toBeUndefined()
  return Object.values(data as Record<string, unknown>)[0] as Record<string, unknown>
}

beforeAll(async () => {
  await importRegistry(db, {
    participants: [
      aParticipant({ id: 'operator', roles: ['OPERATOR'], country: 'CN', name: 'Crossgate' }),
      aParticipant({
        id: 'wallet-sg-01',
        iin: '10458001',
        capabilities: [
          { name: 'MPM_PAY', passed: true, validUntil: new Date('2027-01-01T00:00:00Z') },
          { name: 'REFUND', passed: true, validUntil: noon },
          { name: 'WEBHOOK', passed: false, validUntil: null },
        ],
      }),
      ...['02', '03', '04', '05'].map((n) =>
        aParticipant({ id: `wallet-th-${n}`, country: 'TH', iin: `104580${n}` }),
      ),
    ],
    projects: [aProject({ id: 'sg-sgqr' }), aProject({ id: 'vn-napas', country: 'VN', model: 'G2G' })],
    corridors: [
      aCorridor({ id: 'SG-CN', project: 'sg-sgqr' }),
      aCorridor({ id: 'CN-SG', project: 'sg-sgqr' }),
      aCorridor({ id: 'TH-CN' }),
    ],
  })
  registry = await openRegistry(db, pino({ level: 'silent' }))
  const directory = {
    merchant: async () => null,
    scan: () => Promise.reject(new Error('not used in these tests')),
  }
  subgraph = await openParticipantSubgraph({
    db,
    registry,
    directory,
    now: () => noon,
    apiKeys: createKeyStore(db),
    logger: pino({ level: 'silent' }),
  })
})
afterAll(async () => {
  await subgraph.close()
  await registry.close()
})

describe('the registry in the graph', () => {
  test('has the caller', async () => {
    const { data } = await read(
      '{ viewer { participant { id name roles country status profile { id country { name } } } scopes } }',
    )
    expect(data).toEqual({
      viewer: {
        participant: {
          id: 'wallet-sg-01',
          name: 'Merlion Pay',
          roles: ['WALLET'],
          country: 'SG',
          status: 'LIVE',
          profile: { id: 'wallet-sg-01', country: { name: 'Singapore' } },
        },
        scopes: ['payments:read', 'payments:write'],
      },
    })
  })

  test('refuses a caller whose participant does not exist', async () => {
    const { errors } = await read('{ viewer { scopes } }', {}, asViewer('gone'))
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'NOT_FOUND' })
  })

  test('has participants by id, with the current state of their capabilities', async () => {
    const query =
      'query ($id: ID!) { participant(id: $id) { id iin country { code currency } capabilities { name state validUntil } } }'
    expect((await read(query, { id: 'wallet-sg-01' })).data).toEqual({
      participant: {
        id: 'wallet-sg-01',
        iin: '10458001',
        country: { code: 'SG', currency: 'SGD' },
        capabilities: [
          { name: 'MPM_PAY', state: 'CERTIFIED', validUntil: '2027-01-01T00:00:00.000Z' },
          { name: 'REFUND', state: 'EXPIRED', validUntil: '2026-03-01T12:00:00.000Z' },
          { name: 'WEBHOOK', state: 'FAILED', validUntil: null },
        ],
      },
    })
    expect((await read(query, { id: 'unknown' })).data).toEqual({ participant: null })
  })

  test('has every match once, page by page', async () => {
    const query = `query ($after: String) {
      participants(where: { roles: [WALLET] }, first: 2, after: $after) {
        edges { node { id } } pageInfo { hasNextPage endCursor } totalCount
      }
    }`
    const ids: string[] = []
    for (let after: string | null = null, more = true; more;) {
      const { data } = (await read(query, { after })) as never as {
        data: {
          participants: {
            edges: { node: { id: string } }[]
            pageInfo: { hasNextPage: boolean; endCursor: string }
            totalCount: number
          }
        }
      }
      expect(data.participants.totalCount).toBe(5)
      ids.push(...data.participants.edges.map(({ node }) => node.id))
      ;({ endCursor: after, hasNextPage: more } = data.participants.pageInfo)
    }
    expect(ids).toEqual(['wallet-sg-01', 'wallet-th-02', 'wallet-th-03', 'wallet-th-04', 'wallet-th-05'])
  })

  test.each([
    { field: 'participants(first: 101) { totalCount }', code: 'BAD_PAGE', path: ['first'] },
    { field: 'corridors(first: 501) { totalCount }', code: 'BAD_PAGE', path: ['first'] },
    { field: 'participants(after: "x") { totalCount }', code: 'CURSOR_INVALID', path: ['after'] },
  ])('refuses $field', async ({ field, code, path }) => {
    expect((await read(`{ ${field} }`)).errors?.[0]?.extensions).toEqual({ code, path, retryable: false })
  })

  test('has corridors with their terms, project and model', async () => {
    const { data } = await read(`{
      corridors(where: { directions: [INBOUND] }, first: 100) { totalCount edges { node {
        id model project { id corridors { id } } walletCountry { code } merchantCountry { name }
        limits { perPayment { amount currency } } fees { freeUpTo { amount } basisPoints }
      } } }
    }`)
    const terms = {
      merchantCountry: { name: 'China' },
      limits: { perPayment: { amount: '5000.00', currency: 'CNY' } },
      fees: { freeUpTo: { amount: '200.00' }, basisPoints: 300 },
    }
    expect(data).toEqual({
      corridors: {
        totalCount: 2,
        edges: [
          {
            node: {
              id: 'SG-CN',
              model: 'N2N',
              project: { id: 'sg-sgqr', corridors: [{ id: 'CN-SG' }, { id: 'SG-CN' }] },
              walletCountry: { code: 'SG' },
              ...terms,
            },
          },
          { node: { id: 'TH-CN', model: null, project: null, walletCountry: { code: 'TH' }, ...terms } },
        ],
      },
    })
  })

  test('resolves entities by any of their keys, in order, with null for unknown ones', async () => {
    const { data } = await read(
      `query ($keys: [_Any!]!) { _entities(representations: $keys) {
        ... on Participant { id } ... on Corridor { id } ... on Project { id } ... on Country { name }
      } }`,
      {
        keys: [
          { __typename: 'Participant', iin: '10458001' },
          { __typename: 'Participant', id: 'operator' },
          { __typename: 'Participant', id: 'unknown' },
          { __typename: 'Participant', iin: '00000000' },
          { __typename: 'Corridor', id: 'TH-CN' },
          { __typename: 'Project', id: 'vn-napas' },
          { __typename: 'Country', code: 'TH' },
        ],
      },
    )
    expect(data['_entities']).toEqual([
      { id: 'wallet-sg-01' },
      { id: 'operator' },
      null,
      null,
      { id: 'TH-CN' },
      { id: 'vn-napas' },
      { name: 'Thailand' },
    ])
  })

  test('has its figures of the programme', async () => {
    const { data } = await read('{ programme { wallets walletCountries projects projectCountries } }')
    expect(data).toEqual({
      programme: { wallets: 5, walletCountries: 2, projects: 2, projectCountries: 2 },
    })
  })
})

describe('the operator', () => {
  const applyOne = `mutation ($input: ApplyParticipantInput!) {
    applyParticipant(input: $input) { __typename ... on Participant { id status } ... on Problem { code path } }
  }`
  const changeOne = `mutation ($input: ChangeParticipantStatusInput!) {
    changeParticipantStatus(input: $input) {
      __typename ... on Participant { status statusHistory { at from to by reason } } ... on Problem { code path }
    }
  }`
  const certifyOne = `mutation ($input: RecordCertificationInput!) {
    recordCertification(input: $input) {
      __typename ... on Participant { capabilities { name state } } ... on Problem { code path }
    }
  }`
  const setOne = `mutation ($input: SetCorridorInput!) {
    setCorridor(input: $input) { __typename ... on Corridor { version status } ... on Problem { code } }
  }`
  const application = {
    id: 'wallet-kh-01',
    name: 'Angkor Pay',
    roles: ['WALLET'],
    country: 'KH',
    iin: '10459999',
    settlementCurrency: 'KHR',
  }

  test('alone may write', async () => {
    const refused = { __typename: 'Refused', code: 'FORBIDDEN' }
    const change = { participant: 'wallet-th-02', status: 'SUSPENDED', reason: 'r' }
    expect(await mutate(applyOne, application, wallet)).toMatchObject(refused)
    expect(await mutate(changeOne, change, wallet)).toMatchObject(refused)
    expect(
      await mutate(certifyOne, { participant: 'wallet-th-02', capability: 'REFUND', passed: true }, wallet),
    ).toMatchObject(refused)
    expect(await mutate(setOne, { id: 'SG-CN', expectedVersion: 1 }, wallet)).toMatchObject(refused)
  })

  test('takes an applicant to LIVE, and reads its own writes', async () => {
    expect(await mutate(applyOne, application)).toEqual({
      __typename: 'Participant',
      id: 'wallet-kh-01',
      status: 'APPLIED',
    })
    await mutate(certifyOne, { participant: 'wallet-kh-01', capability: 'MPM_PAY', passed: true })
    for (const status of ['REVIEW', 'SANDBOX', 'CERTIFYING', 'LIVE']) {
      await mutate(changeOne, { participant: 'wallet-kh-01', status, reason: `to ${status}` })
      expect(registry.participants.get(anId('wallet-kh-01'))?.status).toBe(status)
    }
    const suspended = await mutate(changeOne, {
      participant: 'wallet-kh-01',
      status: 'SUSPENDED',
      reason: 'late',
    })
    expect(suspended['statusHistory']).toHaveLength(6)
    expect((suspended['statusHistory'] as unknown[]).at(-1)).toEqual({
      at: noon.toISOString(),
      from: 'LIVE',
      to: 'SUSPENDED',
      by: 'operator',
      reason: 'late',
    })
    expect(registry.participantByIin.get('10459999')?.status).toBe('SUSPENDED')
  })

  test('and the participant alone read the reason of a change, and its author', async () => {
    const history = 'statusHistory { to by reason }'
    const documents = [
      `{ participant(id: "wallet-kh-01") { ${history} } }`,
      `{ participants(where: { search: "Angkor" }) { edges { node { ${history} } } } }`,
      `{ _entities(representations: [{ __typename: "Participant", id: "wallet-kh-01" }]) { ... on Participant { ${history} } } }`,
    ]
    for (const document of documents) {
      for (const reader of [operator, asViewer('wallet-kh-01', 'coverage:read')]) {
        const text = JSON.stringify(await read(document, {}, reader))
        expect(text).toContain('{"to":"LIVE","by":"operator","reason":"to LIVE"}')
      }
      for (const reader of [wallet, asViewer('wallet-sg-01', 'keys:manage', 'analytics:read')]) {
        const text = JSON.stringify(await read(document, {}, reader))
        expect(text).toContain('{"to":"LIVE","by":null,"reason":null}')
        expect(text).not.toMatch(/"by":"|"reason":"/)
      }
    }
  })

  test('cannot use an id or an institution number twice', async () => {
    expect(await mutate(applyOne, { ...application, id: 'wallet-th-02', iin: '10451111' })).toMatchObject({
      code: 'ALREADY_EXISTS',
      path: ['input', 'id'],
    })
    expect(await mutate(applyOne, { ...application, id: 'wallet-kh-02', iin: '10458002' })).toMatchObject({
      code: 'ALREADY_EXISTS',
      path: ['input', 'iin'],
    })
    expect(await mutate(applyOne, { ...application, id: 'wallet-kh-03', iin: null })).toMatchObject({
      id: 'wallet-kh-03',
    })
    expect(await mutate(applyOne, { ...application, id: 'wallet-kh-04', iin: null })).toMatchObject({
      id: 'wallet-kh-04',
    })
  })

  test('cannot change an unknown participant', async () => {
    expect(
      await mutate(certifyOne, { participant: 'nobody', capability: 'REFUND', passed: true }),
    ).toMatchObject({ code: 'PARTICIPANT_UNKNOWN', path: ['input', 'participant'] })
    expect(await mutate(setOne, { id: 'XX-YY', expectedVersion: 1 })).toMatchObject({ code: 'NOT_FOUND' })
  })

  test('loses no certificate when several are recorded concurrently', async () => {
    const names = ['MPM_PAY', 'CPM_PRESENT', 'REFUND', 'WEBHOOK', 'SETTLEMENT_FILE']
    await Promise.all(
      names.map((capability) =>
        mutate(certifyOne, { participant: 'wallet-th-03', capability, passed: true }),
      ),
    )
    const { capabilities, version } = registry.participants.get(anId('wallet-th-03'))!
    expect(capabilities.map(({ name }) => name).toSorted()).toEqual(names.toSorted())
    expect(version).toBe(1 + names.length)
  })

  test('changes a corridor from the version that it has read: one of several concurrent changes', async () => {
    const outcomes = await Promise.all(
      [1, 2, 3, 4].map((basisPoints) => mutate(setOne, { id: 'TH-CN', expectedVersion: 1, basisPoints })),
    )
    expect(outcomes.filter((outcome) => outcome['__typename'] === 'Corridor')).toEqual([
      { __typename: 'Corridor', version: 2, status: 'OPEN' },
    ])
    expect(outcomes.filter((outcome) => outcome['code'] === 'VERSION_CONFLICT')).toHaveLength(3)
    expect(registry.corridors.get(anId('TH-CN'))?.version).toBe(2)
  })
})
