import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { billOfMaterials, reportDependencies, reportOwn } from '../../../gateway/cli/dependencies.ts'

test('all packages of production and of the portal have known licences, and none runs a script', () => {
  expect(reportOwn()).toMatchObject({
    // The typeface is in the portal alone.
    licences: { 'OFL-1.1': expect.any(Number) },
    scripts: [],
    refusedScripts: ['@apollo/protobufjs'],
    faults: [],
  })
})

test('the bill of materials has every package that is not for development alone', { timeout: 60_000 }, () => {
  const { bomFormat, components, dependencies } = billOfMaterials()
  const { packages } = JSON.parse(
    readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8'),
  ) as { packages: Record<string, { dev?: boolean; version: string; optional?: boolean }> }
  const found = new Set(components.map(({ name, version }) => `${name} ${version}`))
  const installed = Object.entries(packages).flatMap(([path, { dev, version, optional }]) =>
    path === '' || dev || optional ? [] : [`${path.split('node_modules/').at(-1)} ${version}`],
  )
  expect(bomFormat).toBe('CycloneDX')
  expect(installed.filter((one) => !found.has(one))).toEqual([])
  expect(installed.length).toBeGreaterThan(200)
  const refs = new Set(dependencies.map(({ ref }) => ref))
  expect(dependencies.flatMap(({ dependsOn }) => dependsOn).filter((ref) => !refs.has(ref))).toEqual([])
  expect(components.some(({ name }) => name === 'vitest')).toBe(false)
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
  expect(reportDependencies({ packages: { 'node_modules/a/node_modules/x': what } }, {}).faults).toEqual([
    fault,
  ])
})

test('a choice of licences takes one that is known, and packages for development are not installed', () => {
  const packages = {
    'node_modules/a': { license: '(AGPL-3.0 OR MIT)' },
    'node_modules/b': { license: 'Elastic-2.0', dev: true } as const,
  }
  expect(reportDependencies({ packages }, {}).faults).toEqual([])
})

test('the packages of production, with those that build the portal, take less than 250 MB', () => {
  const root = new URL('../../../', import.meta.url)
  const { packages } = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>
  }
  const folders = Object.entries(packages).flatMap(([folder, { dev, devOptional }]) =>
    folder === '' || dev || devOptional || !existsSync(new URL(folder, root)) ? [] : [folder],
  )
  // A package within a package is a folder of its own.
  const files = new Set(
    globSync(
      folders.map((folder) => `${folder}/**`),
      { cwd: root },
    ),
  )
  let bytes = 0
  for (const file of files) bytes += statSync(new URL(encodeURI(file), root)).size
  expect(folders.length).toBeGreaterThan(200)
  expect(bytes / 1_000_000).toBeLessThan(250)
})
