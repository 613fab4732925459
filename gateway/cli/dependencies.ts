// Checks the packages that an installation brings: node gateway/cli/dependencies.ts. It reads
// package-lock.json alone, prints the licences and the install scripts, and fails for one that is not
// known.

import { readFileSync } from 'node:fs'

/** Licences of packages that run in production. */
const licences: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'MPL-2.0',
  'OFL-1.1',
  'Python-2.0',
  'Unlicense',
])
/**
 * Packages with a script for their installation: that of `@apollo/protobufjs`, which Apollo Server needs,
 * prints a warning about versions, and is not run.
 */
const scripts: ReadonlySet<string> = new Set(['@apollo/protobufjs'])

/** Packages for development whose code is in the files of the portal. */
const bundled: ReadonlySet<string> = new Set([
  '@fontsource-variable/inter',
  'barcode-detector',
  'd3-geo',
  'svelte',
  'topojson-client',
  'uplot',
  'world-atlas',
  'zxing-wasm',
])

interface Package {
  readonly version?: string
  readonly license?: string
  readonly hasInstallScript?: true
  readonly dev?: true
}

export interface DependencyReport {
  /** Number of packages by licence. */
  readonly licences: Readonly<Record<string, number>>
  /** Packages with an install script. */
  readonly scripts: readonly string[]
  /** One sentence for each package that must not be there. */
  readonly faults: readonly string[]
}

/** Reports the packages that run in production, or in the pages of the portal. */
export function reportDependencies(lock: {
  readonly packages: Readonly<Record<string, Package>>
}): DependencyReport {
  const nameOf = (path: string): string =>
    path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const found = Object.entries(lock.packages).filter(
    ([path, { dev }]) => path !== '' && (!dev || bundled.has(nameOf(path))),
  )
  const counts: Record<string, number> = {}
  for (const [, { license = 'none' }] of found) counts[license] = (counts[license] ?? 0) + 1
  const withScript = found.filter(([, one]) => one.hasInstallScript).map(([path]) => nameOf(path))
  return {
    licences: counts,
    scripts: withScript,
    faults: [
      ...found.flatMap(([path, { license = 'none' }]) =>
        isKnown(license) ? [] : [`${nameOf(path)} has the licence ${license}`],
      ),
      ...withScript.flatMap((name) =>
        scripts.has(name) ? [] : [`${name} runs a script when it is installed`],
      ),
    ],
  }
}

/** True when all licences of "A AND B" are known, or one of "A OR B". */
const isKnown = (license: string): boolean => {
  const names = license.replace(/[()]/g, '')
  return names.split(' OR ').some((one) => one.split(' AND ').every((name) => licences.has(name)))
}

if (import.meta.main) {
  const lock = new URL('../../package-lock.json', import.meta.url)
  const report = reportDependencies(
    JSON.parse(readFileSync(lock, 'utf8')) as Parameters<typeof reportDependencies>[0],
  )
  for (const [license, count] of Object.entries(report.licences)) console.log(`${count} ${license}`)
  console.log(`install scripts: ${report.scripts.join(', ')}`)
  for (const fault of report.faults) console.error(fault)
  if (report.faults.length > 0) process.exitCode = 1
}
