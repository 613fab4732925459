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

const sources = globSync('{gateway,subgraphs,dataset}/**/*.ts', { cwd: root }).map((file) =>
  readFileSync(path.join(root, file), 'utf8'),
)

/** The lines of a level that the code writes, with … for each value. */
const written = (level: string): string[] =>
  sources
    .flatMap((source) => [...source.matchAll(call)])
    .filter(([, found]) => found === level)
    .map(([, , , line]) => line!.replaceAll(value, '…'))

/** The lines in the table under the heading of a level. */
function listed(level: string): string[] {
  const page = readFileSync(path.join(root, 'docs/operating.md'), 'utf8')
  const section = page.slice(page.indexOf('## Log lines')).split('\n### ')
  const table = section.find((text) => text.toLowerCase().startsWith(level)) ?? ''
  return [...table.matchAll(/^\| `[^`]+` +\| `([^`]+)`/gm)].map(([, line]) => line!)
}

test.each(levels)('operating.md lists every line of the level %s', (level) => {
  expect(listed(level)).toEqual(expect.arrayContaining(written(level)))
})

test('operating.md lists no line that the code does not have', () => {
  const code = sources.join('\n').replaceAll(value, '…')
  expect(levels.flatMap(listed).filter((line) => !code.includes(line))).toEqual([])
})
