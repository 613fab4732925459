// Lists the commands of the repository: npm run help

import { parseArgs } from 'node:util'
import { printHelp } from './print-help.ts'

/**
 * What each script of package.json does, in groups. Those that take arguments print them with `--
 * --help`.
 */
export const commands: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'Run a hub': {
    start: 'a hub on port 4000; in a demo with data, keys and wallets that pay',
    'start:distributed': 'the same, with the gateway and each subgraph as a process of its own',
    portal: 'builds the portal, when its sources have changed',
    dataset: 'loads the data set at any scale, or checks its figures',
    help: 'this list',
  },
  'Operate it': {
    'hub:init': 'makes the operator of an empty database, and its first key',
    key: 'issues and revokes keys',
    secrets: 'encrypts stored secrets under the newest key of SECRETS_KEY',
    verify: 'compares everything that is derived or limited with a recount, while hubs run',
    rebuild: 'computes a projection again from the log, while hubs run',
    backup: 'writes the database to a file, while hubs run',
    restore: 'reads such a file into an empty database',
    erase: 'erases the pseudonym of a customer',
    'audit:verify': 'checks the chain of the audit log',
    'audit:export': 'prints the audit log as NDJSON',
  },
  'Connect to it': {
    conformance: 'plays the hub against an implementation, and reports like a certification',
    operations: 'writes a manifest of trusted documents',
    'schema:check': 'lists what a change of the schema would break, and for which operations',
  },
  'Develop it': {
    test: 'all tests; test:unit, test:mongo, test:hub and test:browser run a part',
    check: 'types, lint, format, unused code, generated files, deprecations',
    bench: 'the benchmarks, or one of them',
    faults: 'breaks a running installation, and judges the history',
    simulate: 'the log in virtual time, under faults',
    fuzz: 'sends random operations to a hub',
    generate: 'writes what is generated from schemas, settings and results',
    format: 'formats all files',
    dependencies: 'checks licences and install scripts; npm sbom --sbom-format cyclonedx lists the packages',
    release: 'keeps the schema and a database of this release, from which later ones are tested',
    'portal:shots': 'renews the pictures of the portal',
    'portal:measure': 'measures paint, frames and memory of the portal',
  },
}

const usage = `usage: npm run help
Lists the commands: npm run NAME -- ARGUMENTS. Each one that takes arguments prints them with --help. Commands over a
database use MONGODB_DATABASE at MONGODB_URI or, when that is not set, the one of the hub that runs in DATA_DIR.`

if (import.meta.main && !printHelp(usage)) {
  parseArgs({ options: {} })
  const width = Math.max(
    ...Object.values(commands).flatMap((group) => Object.keys(group).map(({ length }) => length)),
  )
  for (const [title, group] of Object.entries(commands)) {
    console.log(`\n${title}`)
    for (const [name, what] of Object.entries(group)) console.log(`  npm run ${name.padEnd(width)}  ${what}`)
  }
}
