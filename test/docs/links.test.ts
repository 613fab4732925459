// Holds what the pages refer to: links, anchors, and the files that they name.

import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from './root.ts'

const pages = globSync(['*.md', 'docs/**/*.md', 'bench/*.md'], { cwd: root })
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')
const withoutBlocks = (markdown: string): string => markdown.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '')

/** The anchors that GitHub gives the headings of a page. */
const anchorsOf = (markdown: string): string[] =>
  [...withoutBlocks(markdown).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

describe.each(pages)('%s', (page) => {
  const text = withoutBlocks(read(page))

  test('has links that lead somewhere', () => {
    const broken = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].flatMap(
      ([link, target, anchor]) => {
        const file = target === '' ? page : path.join(path.dirname(page), target!)
        if (!existsSync(path.join(root, file))) return [link]
        return anchor !== undefined && !anchorsOf(read(file)).includes(anchor) ? [link] : []
      },
    )
    expect(broken).toEqual([])
  })

  test('names files that exist', () => {
    const named = [
      ...text.matchAll(/`((?:gateway|subgraphs|schema|dataset|examples|bench|docs|test)\/[^`\s*]*)`/g),
    ]
    const missing = named.map(([, file]) => file!).filter((file) => !existsSync(path.join(root, file)))
    expect(missing.filter((file) => !plannedFiles.test(file))).toEqual([])
  })
})

describe('docs/security.md', () => {
  const tests = globSync('test/**/*.test.ts', { cwd: root })
  const rows = read('docs/security.md')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (threat|-+) /.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))

  test.each(rows.map(([, threat, , named]) => [threat, named] as const))(
    '%s: has tests by name',
    (_, named) => {
      const parts = named!.split(';')
      for (const part of parts) {
        const [, file] = /^\s*`([^`]+)`: “/.exec(part) ?? []
        const found = tests.filter((one) => `/${one}`.endsWith(`/${file}`))
        expect([file, found.length]).toEqual([file, 1])
        const text = read(found[0]!)
        const titles = [...part.matchAll(/“([^”]+)”/g)].map(([, title]) => title!)
        expect(titles.filter((title) => !isTitle(title, text))).toEqual([])
      }
    },
  )

  test('has no test that only a comment or an expression names', () => {
    expect(rows.length).toBeGreaterThan(35)
    const text = "// a key of others\ntest('the key of one', () => isKey(key))"
    expect(['key of one', 'key of others', 'isKey'].map((title) => isTitle(title, text))).toEqual([
      true,
      false,
      false,
    ])
  })
})

/** Whether a text of tests has `title` within the quotes of a title, of a row of a table or of a group. */
const isTitle = (title: string, text: string): boolean =>
  [...text.matchAll(/'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"/g)].some(([, single, double]) =>
    (single ?? double)!.includes(title),
  )

/** Files that a recipe lets its reader write, and results of a benchmark by its name. */
const plannedFiles = /^subgraphs\/loyalty\/|NAME/
