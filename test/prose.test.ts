import { describe, expect, test } from 'vitest'
import { files, read } from './harness/files.ts'
import { findBannedWords, longCommentLines } from './harness/prose.ts'
import { textsOf } from './harness/texts.ts'

const commentWidth = 110

/** Files that people wrote for people; `prose` holds the banned words themselves. */
const written = files
  .filter((file) => /\.(ts|js|graphql|md|sh|yml)$|^\.ci\/run$|^\.oxlintrc\.json$/.test(file))
  .filter(
    (file) => !/^schema\/(generated|released)\/|^bench\/results\/|^test\/(harness\/)?prose\./.test(file),
  )

/** Fails when there are findings, and prints the first of them. */
function expectNone(findings: readonly string[]): void {
  const shown = findings.slice(0, 200).join('\n')
  expect(findings.length, `${findings.length} findings:\n${shown}\n`).toBe(0)
}

describe('what people read', () => {
  test('has no banned word', () => {
    const findings = written.flatMap((file) =>
      findBannedWords(file, read(file)).map(
        ({ line, word, instead }) => `${file}:${line}: “${word}”: write ${instead}`,
      ),
    )
    expectNone(findings)
  })

  test(`has no comment line over ${commentWidth} characters`, () => {
    const findings = written.flatMap((file) =>
      longCommentLines(file, read(file), commentWidth).map((line) => `${file}:${line}`),
    )
    expectNone(findings)
  })
})

describe('the search for banned words', () => {
  const wordsIn = (file: string, text: string) => findBannedWords(file, text).map(({ word }) => word)

  test.each([
    { in: 'a line comment', text: 'read() // who reads' },
    { in: 'a block comment', text: '/**\n * Somebody else,\n * who reads.\n */', words: ['Somebody', 'who'] },
    { in: 'a test title', text: "test('is told twice', run)", words: ['told'] },
    { in: 'a title with an apostrophe', text: "test('the hub\\'s part: is told', run)", words: ['told'] },
    {
      in: 'a message with code in it',
      text: '`who asks for ${names.map((name) => `"${name}"`)}`',
      words: ['who', 'asks'],
    },
    {
      in: 'a message within the code of a message',
      text: '`${ok ? 1 : `nobody knows ${n}`}`',
      words: ['nobody', 'knows'],
    },
    {
      in: 'a message after a regular expression',
      text: "a.match(/['\"`]/)\nthrow new Error('nobody is there')",
      words: ['nobody'],
    },
    {
      in: 'a message after a division',
      text: "const half = (a + b) / 2 // or so\nlog('goes on / off')",
      words: ['goes on'],
    },
    { in: 'a word at the end of a sentence', text: '// It says.', words: ['says'] },
    { in: 'upper case', text: '// Who reads', words: ['Who'] },
  ])('reads $in', ({ text, words = ['who'] }) => {
    expect(wordsIn('a.ts', text)).toEqual(words)
  })

  test.each([
    { what: 'names in code', text: 'const told = who.asks(somebody)' },
    { what: 'the code in a message', text: '`the price of ${who.asked} is ${told}`' },
    { what: 'literals of one word', text: "const key = 'nobody'" },
    { what: 'placeholders of a table', text: "test.each(rows)('is refused: $who', run)" },
    { what: 'quotations', text: '// “Who goes there” and `who`' },
    { what: 'parts of words', text: '// whose, whole, assays, task-asks' },
    { what: 'documents of GraphQL', text: "const document = 'query Who { who asks }'" },
    { what: 'regular expressions', text: 'const pattern = /who asks/' },
  ])('leaves out $what', ({ text }) => {
    expect(wordsIn('a.ts', text)).toEqual([])
  })

  test('reads descriptions and comments of a schema', () => {
    const sdl = `"""\nWho pays.\n"""\ntype A {\n  "Told once."\n  told: Int # nobody\n}`
    expect(wordsIn('a.graphql', sdl)).toEqual(['Who', 'Told', 'nobody'])
  })

  test('reads a page without its code and the targets of its links', () => {
    const page = 'He who pays.\n\n```sh\nwho\n```\n\n[A link](who.md) to `who`, https://a.example/who\n'
    expect(wordsIn('a.md', page)).toEqual(['who'])
  })

  test('reads comments of other files', () => {
    expect(wordsIn('.ci/run', '#!/bin/sh\n# who runs\nwho asks')).toEqual(['who'])
  })

  test('gives the line and the words to use instead', () => {
    expect(findBannedWords('a.ts', 'a()\n/*\n nobody\n*/')).toEqual([
      { word: 'nobody', instead: 'the process, the client, the caller', line: 3, sentence: ' nobody' },
    ])
  })

  test('finds long lines of comments only', () => {
    const long = 'x'.repeat(20)
    expect(
      longCommentLines('a.ts', `// ${long}\nconst a = '${long}'\n/**\n * ${long}\n */\n// x`, 20),
    ).toEqual([1, 4])
  })

  test('loses no comment of any file', () => {
    const lost = written
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => {
        const comments = textsOf(file, read(file)).filter(({ isComment }) => isComment)
        const found = new Set(comments.map(({ line }) => line))
        return read(file)
          .split('\n')
          .flatMap((line, n) => (/^\s*\/[/*]/.test(line) && !found.has(n + 1) ? [`${file}:${n + 1}`] : []))
      })
    expect(lost).toEqual([])
  })
})
