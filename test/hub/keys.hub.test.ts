// Keys by mutation, at two hubs over one database.

import { describe, expect, test, vi } from 'vitest'
import type { HubClient } from './client.ts'
import { testHub } from './hub.ts'

const hub = await testHub()
const other = await testHub(hub.database)
const wallet = hub.as('demo-wallet')
const operator = hub.as('demo-operator')

let numbers = 0
const selection = `... on KeyIssued { secret key { id label scopes expiresAt revokedAt participant { id } } }
  ... on Problem { code path message }`
const send = async (client: HubClient, mutation: string, type: string, input: object) => {
  const { data, errors } = await client.query(
    `mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename ${
      mutation === 'revokeKey' ? '... on ApiKey { id revokedAt } ... on Problem { code path }' : selection
    } } }`,
    { input },
  )
  if (errors) throw new Error(JSON.stringify(errors))
  return data[mutation]
}
const create = (client: HubClient, input: object = {}) =>
  send(client, 'createKey', 'CreateKeyInput', {
    idempotencyKey: `key ${++numbers}`,
    label: 'till 7',
    scopes: ['payments:read'],
    ...input,
  })
const rotate = (client: HubClient, key: string, input: object = {}) =>
  send(client, 'rotateKey', 'RotateKeyInput', { idempotencyKey: `key ${++numbers}`, key, ...input })
const revoke = (client: HubClient, key: string) => send(client, 'revokeKey', 'RevokeKeyInput', { key })

const statusAt = async ({ url }: { url: string }, key: string): Promise<number> =>
  (
    await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: '{"query":"{ viewer { scopes } }"}',
    })
  ).status
const until = (at: { url: string }, key: string, status: number) =>
  vi.waitFor(async () => expect(await statusAt(at, key)).toBe(status), 5_000)

describe('a key that a mutation has created', () => {
  test('is valid at every hub, is shown once, and is listed with its last use', async () => {
    const issued = await create(wallet, { idempotencyKey: 'once' })
    expect(issued).toMatchObject({
      __typename: 'KeyIssued',
      secret: expect.stringMatching(/^cg_/),
      key: {
        label: 'till 7',
        scopes: ['payments:read'],
        expiresAt: null,
        participant: { id: 'wallet-sg-01' },
      },
    })
    expect(await create(wallet, { idempotencyKey: 'once' })).toEqual({ ...issued, secret: null })
    await until(hub, issued.secret, 200)
    await until(other, issued.secret, 200)
    const { data } = await wallet.query('{ keys { id label } }')
    expect(data.keys).toContainEqual({ id: issued.key.id, label: 'till 7' })
    // A hub stores the uses when it stops, and every half minute.
    await other.close()
    const again = await wallet.query('{ keys { id lastUsedAt } }')
    expect(again.data.keys).toContainEqual({ id: issued.key.id, lastUsedAt: expect.stringContaining('T') })
  })

  test('is rotated with an overlap, and expires at its end', async () => {
    const { secret, key } = await create(wallet)
    const next = await rotate(wallet, key.id, { overlapHours: 1 })
    expect(next.key).toMatchObject({ label: 'till 7', scopes: ['payments:read'], expiresAt: null })
    await until(hub, next.secret, 200)
    expect(await statusAt(hub, secret)).toBe(200)
    expect((await rotate(wallet, key.id, { overlapHours: 0 })).__typename).toBe('KeyIssued')
    await until(hub, secret, 401)
    expect(await rotate(wallet, key.id)).toMatchObject({ code: 'STATUS_NOT_ALLOWED' })
  })

  test('is revoked by its id, and repeating that changes nothing', async () => {
    const { secret, key } = await create(wallet)
    await until(hub, secret, 200)
    const revoked = await revoke(wallet, key.id)
    await until(hub, secret, 401)
    expect(await revoke(wallet, key.id)).toEqual(revoked)
  })

  test('of another participant is not found, except by the operator', async () => {
    const { secret, key } = await create(operator, { participant: 'wallet-th-01', scopes: ['keys:manage'] })
    await until(hub, secret, 200)
    const notFound = { code: 'NOT_FOUND', path: ['input', 'key'] }
    expect(await revoke(wallet, key.id)).toMatchObject(notFound)
    expect(await rotate(wallet, key.id)).toMatchObject(notFound)
    const { data } = await wallet.query('{ keys(participant: "wallet-th-01") { id } }')
    expect(data.keys).toEqual([])
    expect(await revoke(operator, key.id)).toMatchObject({ __typename: 'ApiKey', id: key.id })
  })
})

describe('a key is refused', () => {
  test.each([
    ['for another participant', { participant: 'wallet-th-01' }, 'PARTICIPANT_UNKNOWN', 'participant'],
    ['with a scope that its maker does not have', { scopes: ['merchants:write'] }, 'FORBIDDEN', 'scopes'],
    ['with the scope of the operator', { scopes: ['operator'] }, 'FORBIDDEN', 'scopes'],
    ['with an unknown scope', { scopes: ['all'] }, 'BAD_VALUE', 'scopes'],
    ['without a scope', { scopes: [] }, 'BAD_VALUE', 'scopes'],
    ['with an expiry that has passed', { expiresAt: '2020-01-01T00:00:00Z' }, 'BAD_VALUE', 'expiresAt'],
    ['without a label', { label: '' }, 'BAD_VALUE', 'label'],
  ])('%s', async (_, input, code, field) => {
    const refused = await create(wallet, input)
    expect(refused.code).toBe(code)
    expect(refused.path.slice(0, 2)).toEqual(['input', field])
  })

  test('to a key without the scope keys:manage', async () => {
    const portal = hub.as('demo-portal')
    await expect(create(portal)).rejects.toThrow('UNAUTHORIZED_FIELD_OR_TYPE')
  })
})

test('each change of a key is in the audit log, without the key', async () => {
  const { secret, key } = await create(wallet)
  const next = await rotate(wallet, key.id)
  await revoke(wallet, key.id)
  const entriesOf = async (id: string) => {
    const { data } = await operator.query(
      `{ auditLog(where: { targets: ["key:${id}"] }) { edges { node { action actor { id } key before after } } } }`,
    )
    return data.auditLog.edges.map(({ node }: { node: object }) => node) as object[]
  }
  expect(await entriesOf(key.id)).toMatchObject([
    { action: 'revokeKey', actor: { id: 'wallet-sg-01' }, key: 'demo-wallet', before: expect.any(String) },
    {
      action: 'rotateKey',
      before: expect.stringContaining('"expiresAt":null'),
      after: expect.stringMatching(/"expiresAt":"\d/),
    },
    { action: 'createKey', before: null, after: expect.stringContaining('"label":"till 7"') },
  ])
  expect(await entriesOf(next.key.id)).toMatchObject([{ action: 'rotateKey', before: null }])
  expect(JSON.stringify(await hub.database.db.collection('audit').find().toArray())).not.toContain(secret)
})

describe('a refusal that matters is in the audit log', () => {
  const card = '4111 1111 1111 1111'
  const setRates =
    'mutation { setRates(input: { asOf: "2026-03-01T00:00:00Z", markupBasisPoints: 0, rows: [] }) { __typename } }'
  const quote = `mutation ($input: QuotePaymentInput!) { quotePayment(input: $input) { __typename } }`
  const webhook = (url: string) =>
    `mutation { createWebhook(input: { idempotencyKey: "k", url: "${url}", events: ["*"] }) { __typename } }`
  const found = async (target: string) => {
    const { data } = await operator.query(
      `query ($where: AuditFilter) { auditLog(where: $where) { edges { node {
        action actor { id } key refusal requestId after } } } }`,
      { where: { targets: [target] } },
    )
    return data.auditLog.edges.map(({ node }: { node: object }) => node) as object[]
  }
  const ofWallet = {
    actor: { id: 'wallet-sg-01' },
    key: 'demo-wallet',
    requestId: expect.stringMatching(/./),
  }

  test.each([
    {
      what: 'the key of a wallet at a mutation of the operator',
      send: () => wallet.query(setRates),
      target: 'field:Mutation.setRates',
      refusal: 'UNAUTHORIZED_FIELD_OR_TYPE',
    },
    {
      what: 'a scope for a new key that its maker does not have',
      send: () => create(wallet, { scopes: ['operator'] }),
      target: 'field:Mutation.createKey',
      refusal: 'FORBIDDEN',
    },
    {
      what: 'a card number in a variable',
      send: () => wallet.query(quote, { input: { merchant: card } }),
      target: 'input:input.merchant',
      refusal: 'PAN_REFUSED',
    },
    {
      what: 'a card number in a document',
      send: () => wallet.query(webhook(`https://hooks.example/${card}`)),
      target: 'input:input.url',
      refusal: 'PAN_REFUSED',
    },
    {
      what: 'a card number over a WebSocket',
      send: () =>
        wallet
          .followText(`{ transaction(id: "${card}") { id } }`)
          .next()
          .catch(() => {}),
      target: 'input:id',
      refusal: 'PAN_REFUSED',
    },
  ])('$what', async ({ send: refused, target, refusal }) => {
    await refused()
    await vi.waitFor(
      async () =>
        expect(await found(target)).toContainEqual(expect.objectContaining({ ...ofWallet, refusal })),
      5_000,
    )
    expect(JSON.stringify(await hub.database.db.collection('audit').find().toArray())).not.toContain('4111')
  })

  test('keys that are guessed, by their address', async () => {
    for (let n = 0; n < 11; n++) expect(await statusAt(hub, `cg_guess${n}`)).toBe(401)
    await vi.waitFor(
      async () =>
        expect(await found('address:127.0.0.1')).toContainEqual(
          expect.objectContaining({
            actor: null,
            key: null,
            refusal: 'UNAUTHENTICATED',
            // Keys that earlier tests have revoked count too.
            after: expect.stringMatching(/"times":[1-9]\d/),
          }),
        ),
      5_000,
    )
  })
})
