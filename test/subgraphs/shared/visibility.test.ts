import { graphql, parse } from 'graphql'
import { describe, expect, test } from 'vitest'
import { auditedActions } from '../../../subgraphs/shared/audit-log.ts'
import { buildFederatedSchema } from '../../../subgraphs/shared/federated-schema.ts'
import { subgraphSdl, type SubgraphName } from '../../../subgraphs/shared/subgraph.ts'
import {
  composableSdl,
  fieldsOf,
  missingRules,
  scopesOf,
  visibilityOfField,
} from '../../../subgraphs/shared/visibility.ts'
import { asViewer } from '../../fixtures/as-viewer.ts'

const names: readonly SubgraphName[] = ['participant', 'merchant', 'transaction', 'analytics']

const rule = `
  directive @visibility(to: Visibility!) on FIELD_DEFINITION
  enum Visibility { ALL PARTIES OWNER OPERATOR }
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@authenticated", "@requiresScopes"])
`

describe('the schema of the hub', () => {
  test.each(names)('has a rule about the readers of every field of the subgraph %s', (name) => {
    expect(missingRules(subgraphSdl(name))).toEqual([])
  })

  const fields = names.flatMap((name) => fieldsOf(parse(subgraphSdl(name))))

  test('gives positions to keys that read payments', () => {
    const positions = fields.filter(([name]) => name === 'Participant.positions')
    expect(positions.map(([, field]) => [scopesOf(field), visibilityOfField(field)])).toEqual([
      [[['payments:read']], 'OWNER'],
    ])
  })

  test('gives webhooks and keys to keys with scopes of their own, for every query and mutation', () => {
    const found = Object.fromEntries(
      fields
        .filter(([name]) => /^(Query|Mutation|Payment)\..*(webhook|key)/i.test(name))
        .map(([name, field]) => [name, scopesOf(field)]),
    )
    const read = [['webhooks:read']]
    const manage = [['webhooks:manage']]
    const keys = [['keys:manage']]
    expect(found).toEqual({
      'Query.webhooks': read,
      'Query.webhook': read,
      'Query.webhookDeliveries': read,
      'Payment.webhookDeliveries': read,
      'Mutation.createWebhook': manage,
      'Mutation.updateWebhook': manage,
      'Mutation.rotateWebhookSecret': manage,
      'Mutation.deleteWebhook': manage,
      'Mutation.redeliverWebhook': manage,
      'Mutation.testWebhook': manage,
      'Query.keys': keys,
      'Mutation.createKey': keys,
      'Mutation.rotateKey': keys,
      'Mutation.revokeKey': keys,
    })
    const actions = Object.keys(found).flatMap((name) => (/^Mutation\.(.*)/.exec(name) ?? []).slice(1))
    // A test of a webhook changes nothing.
    expect(actions.filter((action) => !Object.hasOwn(auditedActions, action))).toEqual(['testWebhook'])
  })

  test('is refused when a field has no rule, or a root field needs neither a key nor a scope', () => {
    const sdl = `${rule}
      type Query {
        shops: [Shop] @authenticated
        open: Int @visibility(to: ALL)
        closed: Int @visibility(to: OPERATOR)
        scoped: Int @requiresScopes(scopes: [["read"]]) @visibility(to: OWNER)
      }
      interface Named { name: String }
      extend type Shop { id: ID! @visibility(to: ALL) rent: Int }
    `
    expect(missingRules(sdl)).toEqual([
      'Query.shops has no @visibility',
      'Query.open has neither @authenticated nor @requiresScopes',
      'Named.name has no @visibility',
      'Shop.rent has no @visibility',
    ])
  })

  test('is composed with OPERATOR as the scope of the operator, and without the directive', () => {
    const sdl = composableSdl(`${rule} type Query { all: Int @visibility(to: OPERATOR) }`)
    expect(sdl).toContain('all: Int @requiresScopes(scopes: [["operator"]])')
    expect(sdl).not.toMatch(/visibility/i)
  })
})

describe('a field for the owner of its object', () => {
  const sdl = `${rule}
    type Query { shops: [Shop!]! @authenticated @visibility(to: ALL) }
    type Shop {
      id: ID! @visibility(to: ALL)
      rent: Int @visibility(to: OWNER)
      debts: [Int!]! @visibility(to: OWNER)
    }
  `
  const shops = [
    { id: 'a', rent: 1, debts: [2] },
    { id: 'b', rent: 3, debts: [4] },
  ]
  const schema = buildFederatedSchema(sdl, {
    Query: { shops: () => shops },
    Shop: { __owner: ({ id }: { id: never }) => id },
  })
  const read = async (contextValue: ReturnType<typeof asViewer>) => {
    const { data } = await graphql({ schema, source: '{ shops { id rent debts } }', contextValue })
    return JSON.parse(JSON.stringify(data!['shops'])) as unknown
  }

  test('is null or empty for every other caller, without a call of its resolver', async () => {
    expect(await read(asViewer('a'))).toEqual([shops[0], { id: 'b', rent: null, debts: [] }])
    expect(await read(asViewer('c', 'payments:read'))).toEqual([
      { id: 'a', rent: null, debts: [] },
      { id: 'b', rent: null, debts: [] },
    ])
  })

  test('is for the operator too', async () => {
    expect(await read(asViewer('o', 'operator'))).toEqual(shops)
  })

  test('cannot be left out of a type that is not null', () => {
    expect(() =>
      buildFederatedSchema(sdl.replace('rent: Int', 'rent: Int!'), { Shop: { __owner: () => 'a' as never } }),
    ).toThrow('Shop.rent is for its owner, so it must be nullable or a list')
  })
})
