// Bugs that are planted into a copy of the product: the scenario of each has to find it.

import { execFileSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { runsDir } from '../harness/places.ts'
import { scenarios, type Scenario } from './scenarios.ts'

type Run = (
  list: readonly Scenario[],
  tree: string,
) => Promise<
  readonly {
    readonly verdict: string
    readonly violations?: readonly { readonly rule: string; readonly text: string }[]
  }[]
>

const root = path.resolve(import.meta.dirname, '../..')

/**
 * A patch begins with the comment lines `# scenario: NAME` and `# rules: S1 S2`, one of which has to be
 * violated.
 * Returns whether every chosen bug was found.
 */
export async function findPlanted(names: readonly string[], seed: number, run: Run): Promise<boolean> {
  const files = globSync('planted/*.patch', { cwd: import.meta.dirname }).toSorted()
  const chosen = files.filter((file) => names.length === 0 || names.includes(path.basename(file, '.patch')))
  const results: { readonly bug: string; readonly isFound: boolean; readonly by: string }[] = []
  for (const file of chosen) {
    const bug = path.basename(file, '.patch')
    const patch = readFileSync(path.join(import.meta.dirname, file), 'utf8')
    const header = (name: string) => new RegExp(`^# ${name}: (.*)$`, 'm').exec(patch)![1]!
    const rules = header('rules').split(' ')
    const tree = path.join(runsDir, `planted-${process.pid}`)
    copyTree(tree)
    try {
      execFileSync('git', ['apply', '--unsafe-paths', `--directory=${tree}`, '-'], { cwd: '/', input: patch })
      const scenario = scenarios.find(({ name }) => name === header('scenario'))!
      const rows = await run([scenario], tree)
      const violations = rows
        .flatMap((row) => row.violations ?? [])
        .filter(({ rule }) => rules.includes(rule))
      results.push({
        bug,
        isFound: violations.length > 0,
        by: violations[0] ? `${violations[0].rule} ${violations[0].text}` : '–',
      })
    } finally {
      rmSync(tree, { recursive: true, force: true })
    }
    const { isFound, by } = results.at(-1)!
    console.log(`${bug} (seed ${seed}): ${isFound ? 'found' : 'NOT FOUND'} by ${by}`)
  }
  const found = results.filter(({ isFound }) => isFound).length
  console.log(`${found} of ${results.length} planted bugs found`)
  return found === results.length
}

/** Copies the product; the packages are shared. */
function copyTree(tree: string): void {
  rmSync(tree, { recursive: true, force: true })
  mkdirSync(tree, { recursive: true })
  for (const name of ['gateway', 'subgraphs', 'schema', 'dataset', 'package.json', 'tsconfig.json']) {
    execFileSync('cp', ['-R', path.join(root, name), tree])
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(tree, 'node_modules'))
}
