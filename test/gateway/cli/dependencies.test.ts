import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { reportDependencies } from '../../../gateway/cli/dependencies.ts'

const lock = JSON.parse(
  readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8'),
) as Parameters<typeof reportDependencies>[0]

test('all packages of production and of the portal have known licences, and one has a script', () => {
  const { licences, ...rest } = reportDependencies(lock)
  expect(rest).toEqual({ scripts: ['@apollo/protobufjs'], faults: [] })
  // The typeface is in the portal alone.
  expect(licences).toHaveProperty('OFL-1.1')
})

test.each([
  { what: { license: 'AGPL-3.0' }, fault: 'x has the licence AGPL-3.0' },
  { what: { license: '(MIT AND AGPL-3.0)' }, fault: 'x has the licence (MIT AND AGPL-3.0)' },
  { what: {}, fault: 'x has the licence none' },
  {
    what: { license: 'MIT', hasInstallScript: true } as const,
    fault: 'x runs a script when it is installed',
  },
])('$fault', ({ what, fault }) => {
  expect(reportDependencies({ packages: { 'node_modules/a/node_modules/x': what } }).faults).toEqual([fault])
})

test('a choice of licences takes one that is known, and packages for development are not installed', () => {
  const packages = {
    'node_modules/a': { license: '(AGPL-3.0 OR MIT)' },
    'node_modules/b': { license: 'Elastic-2.0', dev: true } as const,
  }
  expect(reportDependencies({ packages }).faults).toEqual([])
})
