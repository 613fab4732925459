import { Kind, parse, print, type ConstDirectiveNode } from 'graphql'
import { globSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readOperations } from '../../../gateway/cli/read-operations.ts'
import { readConfig } from '../../../gateway/config/config.ts'
import { createSupergraph, subgraphUrls } from '../../../gateway/supergraph/index.ts'
import { subgraphSdl } from '../../../subgraphs/shared/subgraph.ts'
import { visibilityOfField } from '../../../subgraphs/shared/visibility.ts'

const supergraphSdl = readFileSync('schema/generated/supergraph.graphql', 'utf8')
const unused = { prepare: () => ({ execute: () => ({}), subscribe: () => Promise.resolve({}) }) }
const hub = createSupergraph({
  supergraphSdl,
  subgraphs: new Map([...subgraphUrls(supergraphSdl).keys()].map((name) => [name, { name, ...unused }])),
  accessOf: () => ({ isAuthenticated: true }),
})
const { COST_MAX, ALIASES_MAX } = readConfig({})

function costOf(document: string, name?: string): number {
  const prepared = hub.prepare(document, name)
  if (prepared.kind === 'rejected') throw new Error(prepared.errors[0]!.message)
  return prepared.cost({ first: 100 })
}

const operations = await readOperations(
  globSync('schema/operations/{counterparty,dashboard,operator,portal,wallet}.graphql'),
)

describe('the limits of the hub', () => {
  test.each(operations.map(({ name, text }) => [name, text] as const))(
    'permit what clients send: %s',
    (_, text) => {
      expect(costOf(text)).toBeLessThan(COST_MAX / 10)
      expect(text.match(/\w+: \w+(?:\(| \{)/g)?.length ?? 0).toBeLessThan(ALIASES_MAX)
    },
  )

  test('refuse nested pages of a hundred', () => {
    const merchants =
      'merchants(first: 100) { edges { node { id acceptedWallets(first: 100) { edges { node { id } } } } } }'
    expect(costOf(`{ ${merchants} }`)).toBeGreaterThan(COST_MAX)
    const coverage = 'coverage { breakdown(by: CITY, first: 500) { key } }'
    expect(costOf(`{ corridors(first: 100) { edges { node { ${coverage} } } } }`)).toBeGreaterThan(COST_MAX)
  })
})

describe('the directives of the hub', () => {
  test.each([
    ['coverage, which is summed for each question', '{ merchantCoverage { merchants } }', 10],
    [
      'a map by its cells, of which there may be thousands',
      'query($bounds: BoundsInput!) { merchantCoverage { cells(bounds: $bounds, zoom: 4) { id center { lat } } } }',
      10 + 1_000,
    ],
    [
      'amounts with their payment',
      '{ transactions(first: 50) { edges { node { payerAmount { amount } } } } }',
      101,
    ],
    [
      'the few steps and refunds of a payment',
      '{ transaction(id: "1") { ... on Payment { events { to } refunds { id } } } }',
      1 + 5 + 2,
    ],
    [
      'a series by its buckets, of which a day has 1,440 minutes',
      '{ activity(where: { range: { lastDays: 1 } }) { series(bucket: MINUTE) { payments } } }',
      5 + 1_000,
    ],
    [
      'all projects by their number',
      '{ projects { id activity(range: { lastDays: 1 }) { series(bucket: MINUTE) { payments } } } }',
      20 * (1 + 5 + 1_000),
    ],
  ])('price %s', (_, document, cost) => {
    expect(costOf(document)).toBe(cost)
  })

  test('price each merchant that is registered', () => {
    const prepared = hub.prepare(
      'mutation($rows: [MerchantInput!]!) { registerMerchants(input: { merchants: $rows }) { __typename } }',
    )
    if (prepared.kind === 'rejected') throw new Error(prepared.errors[0]!.message)
    expect(prepared.cost({ rows: Array.from({ length: 1_000 }, () => ({})) })).toBe(10 + 1 + 1_000)
  })
})

describe('a cache may keep', () => {
  test.each([
    ['coverage for 30 s', '{ merchantCoverage { merchants breakdown(by: CITY) { key merchants } } }', 30],
    ['the programme and its products for 30 s', '{ programme { qrProducts } qrProducts { id } }', 30],
    [
      'the directory of participants for 30 s',
      '{ participants(first: 5) { totalCount pageInfo { endCursor } edges { cursor node { id name roles status country { code name } capabilities { name state } network { id } statusHistory { at to } } } } }',
      30,
    ],
    ['one participant, with its coverage', '{ participant(id: "a") { name coverage { merchants } } }', 30],
    ['no endpoint, which its owner alone reads', '{ participant(id: "a") { name endpointUrl } }', 0],
    ['no name of the caller that changed a status', '{ participant(id: "a") { statusHistory { by } } }', 0],
    ['no positions', '{ participant(id: "a") { name positions { currency } } }', 0],
    ['no activity', '{ participant(id: "a") { activity(range: { lastDays: 1 }) { payments } } }', 0],
    ['nothing about the viewer', '{ viewer { participant { id } } }', 0],
    ['no merchants, which have fields of their acquirer', '{ merchants { edges { node { id } } } }', 0],
    ['no transactions', '{ transactions { edges { node { id } } } }', 0],
  ])('%s', (_, document, seconds) => {
    expect(hub.prepare(document)).toMatchObject({ kind: 'prepared', maxAge: seconds })
  })

  test('no field whose value depends on the caller', () => {
    const sdls = ['participant', 'merchant', 'transaction', 'analytics'] as const
    const types = sdls.flatMap((name) =>
      parse(subgraphSdl(name)).definitions.filter((node) => node.kind === Kind.OBJECT_TYPE_DEFINITION),
    )
    const hasHint = (node: { readonly directives?: readonly ConstDirectiveNode[] | undefined }) =>
      node.directives?.some(({ name }) => name.value === 'cacheControl') ?? false
    const kept = new Set(types.filter(hasHint).map(({ name }) => name.value))
    const all = new Set(types.map(({ name }) => name.value))
    const scoped = types
      .filter(({ name }) => kept.has(name.value))
      .flatMap(({ name, fields = [] }) => fields.map((field) => ({ type: name.value, field })))
      .filter(({ field }) => visibilityOfField(field) !== 'ALL')
    expect(scoped.length).toBeGreaterThan(3)
    const unsafe = scoped.filter(({ field }) => {
      const named = /\w+/.exec(print(field.type))![0]
      const isNeverKept = all.has(named) && !kept.has(named)
      return !isNeverKept && !hasHint(field)
    })
    expect(unsafe.map(({ type, field }) => `${type}.${field.name.value}`)).toEqual([])
  })
})
