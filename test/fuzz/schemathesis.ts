// Runs schemathesis (https://schemathesis.readthedocs.io) against a demo hub: one run for each role, with
// every query and mutation of the API schema. A proxy checks the answers as those to our own operations.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { roles, type FuzzReport } from './fuzz.ts'
import { openCheckingProxy } from './proxy.ts'

export interface SchemathesisOptions {
  readonly url: string
  /** Process of the hub, whose time on a processor is read for each request; null does not read it. */
  readonly pid: number | null
  /** Operations for each root field and role. */
  readonly times: number
  readonly seed: number
  /** The command of schemathesis, which is a Python package: `pip install schemathesis`. */
  readonly command: string
}

export async function runSchemathesis(options: SchemathesisOptions): Promise<Omit<FuzzReport, 'operations'>> {
  const proxy = await openCheckingProxy(options.url, options.pid)
  const failed: string[] = []
  for (const key of roles) {
    console.log(`schemathesis with the key ${key}`)
    const status = await runFor(key, proxy.url, options)
    if (status !== 0) failed.push(`schemathesis ended with ${status} for the key ${key}`)
  }
  proxy.close()
  const { requests, slowestMs, faults } = proxy
  return { requests, slowestMs, faults: [...faults, ...failed] }
}

async function runFor(
  key: string,
  url: string,
  { times, seed, command }: SchemathesisOptions,
): Promise<number | null> {
  const schema = fileURLToPath(new URL('../../schema/generated/api.graphql', import.meta.url))
  const child = spawn(
    command,
    [
      'run',
      schema,
      `--url=${url}/graphql`,
      `--header=Authorization: Bearer ${key}`,
      '--checks=coded_errors',
      '--phases=fuzzing',
      `--max-examples=${times}`,
      `--seed=${seed}`,
      '--generation-deterministic',
      '--continue-on-failure',
    ],
    {
      stdio: 'inherit',
      // It keeps what failed in the folder where it runs.
      cwd: tmpdir(),
      env: {
        ...process.env,
        PYTHONPATH: fileURLToPath(new URL('.', import.meta.url)),
        PYTHONDONTWRITEBYTECODE: '1',
        SCHEMATHESIS_HOOKS: 'hub_checks',
      },
    },
  )
  process.once('exit', () => child.kill('SIGKILL'))
  const [status] = (await once(child, 'close').catch((error: unknown) => {
    throw new Error(`${command} cannot be run: pip install schemathesis`, { cause: error })
  })) as [number | null]
  return status
}
