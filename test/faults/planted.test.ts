// A planted bug is a patch of the product, so it has to fit the product as it is.

import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { scenarios } from './scenarios.ts'

const patches = globSync('planted/*.patch', { cwd: import.meta.dirname }).toSorted()

describe('planted bugs', () => {
  test.each(patches)('%s fits the product, and names the scenario that has to find it', (file) => {
    const patch = readFileSync(path.join(import.meta.dirname, file), 'utf8')
    const [, scenario] = /^# scenario: (.*)$/m.exec(patch)!
    expect(scenarios.map(({ name }) => name)).toContain(scenario)
    expect(patch).toMatch(/^# rules: S\d+( S\d+)*$/m)
    const root = path.resolve(import.meta.dirname, '../..')
    execFileSync('git', ['apply', '--check', '-'], { cwd: root, input: patch })
  })
})
