// Runs schemathesis (https://schemathesis.readthedocs.io) against a running demo hub: one run for each role
// with every query and mutation of the API schema.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface SchemathesisOptions {
  readonly url: string
  readonly keys: readonly string[]
  /** Operations for each root field and role. */
  readonly times: number
  readonly seed: number
  /** The command of schemathesis, which is a Python package: `pip install schemathesis`. */
  readonly command: string
}

/** Returns the keys with which a fault was found; schemathesis prints the faults. */
export function runSchemathesis({ url, keys, times, seed, command }: SchemathesisOptions): readonly string[] {
  const schema = fileURLToPath(new URL('../../schema/generated/api.graphql', import.meta.url))
  return keys.filter((key) => {
    console.log(`schemathesis with the key ${key}`)
    const target = ['run', schema, '--url', `${url}/graphql`, '--header', `Authorization: Bearer ${key}`]
    const what = ['--checks', 'coded_errors', '--phases', 'fuzzing', '--max-examples', String(times)]
    const how = ['--seed', String(seed), '--generation-deterministic', '--continue-on-failure']
    const { status, error } = spawnSync(command, [...target, ...what, ...how], {
      stdio: 'inherit',
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      env: { ...process.env, SCHEMATHESIS_HOOKS: 'hub_checks' },
    })
    if (error) throw new Error(`${command} cannot be run: pip install schemathesis`, { cause: error })
    return status !== 0
  })
}
