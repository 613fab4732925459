import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { root } from './root.ts'

const levels = ['fatal', 'error', 'warn', 'info'] as const
const value = /\$\{[^}]*\}/g

/** A call of a logger, and what follows up to its line: an object, or nothing. */
const call = new RegExp(
  String.raw`\blogger\.(${levels.join('|')})\(\s*(?:(?:[^'"\`()]|\([^()]*\))*?,\s*)?(['"\`])((?:\\.|(?!\2)[^])*)\2`,
  'g',
)

/** The lines of a level that the code writes, with … for each value. */
function written(level: string): string[] {
  const files = globSync('{gateway,subgraphs,dataset}/**/*.ts', { cwd: root })
  const sources = files.map((file) => readFileSync(path.join(root, file), 'utf8'))
  return sources
    .flatMap((source) => [...source.matchAll(call)])
    .filter(([, found]) => found === level)
    .map(([, , , line]) => line!.replaceAll(value, '…'))
}

/** The lines in the table under the heading of a level. */
function listed(level: string): string[] {
  const page = readFileSync(path.join(root, 'docs/operating.md'), 'utf8')
  const section = page.slice(page.indexOf('## Log lines')).split('\n### ')
  const table = section.find((text) => text.toLowerCase().startsWith(level)) ?? ''
  return [...table.matchAll(/^\| `[^`]+` +\| `([^`]+)`/gm)].map(([, line]) => line!)
}

test.each(levels)('operating.md lists every line of the level %s, and no other', (level) => {
  expect(listed(level).toSorted()).toEqual([...new Set(written(level))].toSorted())
})
