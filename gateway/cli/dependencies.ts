// Checks the packages that an installation brings: npm run dependencies. It reads package-lock.json and
// package.json alone, prints the licences and the install scripts, and fails for one that is not known. With
// the name of a file, it writes the bill of materials (CycloneDX) into it.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

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

/** What package.json permits (`allowScripts`), by the name of a package. */
type AllowedScripts = Readonly<Record<string, boolean>>

interface Package {
  readonly version?: string
  readonly license?: string
  readonly hasInstallScript?: true
  readonly dev?: true
}

export interface DependencyReport {
  /** Number of packages by licence. */
  readonly licences: Readonly<Record<string, number>>
  /** Packages whose install script npm runs. */
  readonly scripts: readonly string[]
  /** Packages whose install script package.json refuses. */
  readonly refusedScripts: readonly string[]
  /** One sentence for each package that must not be there. */
  readonly faults: readonly string[]
}

/** Reports the packages that run in production, or in the pages of the portal. */
export function reportDependencies(
  lock: { readonly packages: Readonly<Record<string, Package>> },
  allowed: AllowedScripts,
): DependencyReport {
  const found = Object.entries(lock.packages).filter(([path, one]) => isShipped(path, one))
  const counts: Record<string, number> = {}
  for (const [, { license = 'none' }] of found) counts[license] = (counts[license] ?? 0) + 1
  const withScript = found.filter(([, one]) => one.hasInstallScript).map(([path]) => nameOf(path))
  return {
    licences: counts,
    scripts: withScript.filter((name) => allowed[name] !== false),
    refusedScripts: withScript.filter((name) => allowed[name] === false),
    faults: [
      ...found.flatMap(([path, { license = 'none' }]) =>
        isKnown(license) ? [] : [`${nameOf(path)} has the licence ${license}`],
      ),
      ...withScript.flatMap((name) =>
        Object.hasOwn(allowed, name) ? [] : [`${name} runs a script when it is installed`],
      ),
    ],
  }
}

/** Also a package that builds the portal: its code may be in the pages. */
const isShipped = (path: string, { dev }: Package): boolean => path !== '' && !dev

/** The name of the package at a path of package-lock.json. */
const nameOf = (path: string): string =>
  path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)

/** True when all licences of "A AND B" are known, or one of "A OR B". */
const isKnown = (license: string): boolean => {
  const names = license.replace(/[()]/g, '')
  return names.split(' OR ').some((one) => one.split(' AND ').every((name) => licences.has(name)))
}

const root = new URL('../../', import.meta.url)
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, root), 'utf8'))

interface Bill {
  readonly bomFormat: string
  readonly components: readonly {
    readonly name: string
    readonly version: string
    readonly 'bom-ref': string
  }[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}

/**
 * The bill of materials of what an installation brings. `npm sbom --omit dev` would also leave out what is
 * needed both in production and for development.
 */
export function billOfMaterials(): Bill {
  const format = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only']
  const options = { cwd: fileURLToPath(root), encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const
  const bill = JSON.parse(execFileSync('npm', ['sbom', ...format], options)) as Bill
  const { packages } = read('package-lock.json') as Parameters<typeof reportDependencies>[0]
  const installed = new Set(
    Object.entries(packages).flatMap(([path, one]) =>
      isShipped(path, one) ? [`${nameOf(path)} ${one.version}`] : [],
    ),
  )
  const components = bill.components.filter(({ name, version }) => installed.has(`${name} ${version}`))
  const left = new Set(bill.components.map((one) => one['bom-ref']))
  for (const one of components) left.delete(one['bom-ref'])
  const dependencies = bill.dependencies
    .filter(({ ref }) => !left.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => !left.has(other)) }))
  return { ...bill, components, dependencies }
}

/** Reports the packages of this repository. */
export function reportOwn(): DependencyReport {
  const { allowScripts } = read('package.json') as { readonly allowScripts: AllowedScripts }
  return reportDependencies(
    read('package-lock.json') as Parameters<typeof reportDependencies>[0],
    allowScripts,
  )
}

if (import.meta.main) {
  const report = reportOwn()
  for (const [license, count] of Object.entries(report.licences)) console.log(`${count} ${license}`)
  console.log(`install scripts: ${report.scripts.join(', ')}; refused: ${report.refusedScripts.join(', ')}`)
  const [file] = process.argv.slice(2)
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(billOfMaterials(), null, 2)}\n`)
  for (const fault of report.faults) console.error(fault)
  if (report.faults.length > 0) process.exitCode = 1
}
