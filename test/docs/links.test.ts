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

/** Files that a recipe lets its reader write, and results of a benchmark by its name. */
const plannedFiles = /^subgraphs\/loyalty\/|NAME/
