import { globSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readOperations } from '../../../gateway/cli/read-operations.ts'
import { readConfig } from '../../../gateway/config/config.ts'
import { createSupergraph, subgraphUrls } from '../../../gateway/supergraph/index.ts'

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

describe('a cache may keep', () => {
  test.each([
    ['coverage for 30 s', '{ merchantCoverage { merchants breakdown(by: CITY) { key merchants } } }', 30],
    ['the programme and its products for 30 s', '{ programme { qrProducts } qrProducts { id } }', 30],
    ['nothing about the viewer', '{ viewer { participant { id } } }', 0],
    ['no merchants, which have fields of their acquirer', '{ merchants { edges { node { id } } } }', 0],
    ['no transactions', '{ transactions { edges { node { id } } } }', 0],
  ])('%s', (_, document, seconds) => {
    expect(hub.prepare(document)).toMatchObject({ kind: 'prepared', maxAge: seconds })
  })
})
