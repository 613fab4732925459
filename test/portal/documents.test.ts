// The documents that the pages send, checked against the API without a browser.

import { buildSchema, parse, validate } from 'graphql'
import { describe, expect, test } from 'vitest'
import { files, read } from '../harness/files.ts'

const schema = buildSchema(read('schema/generated/api.graphql'))
const documents = files
  .filter((file) => /^portal\/.*\.(ts|svelte)$/.test(file))
  .flatMap((file) =>
    [...read(file).matchAll(/graphql\(\s*`([^`]*)`/g)].map(([, text]) => ({ file, text: text! })),
  )
/** A fragment is a document of its own, which others name. */
const acrossDocuments = /^(Unknown fragment|Fragment ".*" is never used)/

describe('documents of the pages', () => {
  test('are found', () => expect(documents.length).toBeGreaterThan(40))

  test.each(documents)('are valid: $file $text', ({ text }) => {
    const errors = validate(schema, parse(text)).map(({ message }) => message)
    expect(errors.filter((message) => !acrossDocuments.test(message))).toEqual([])
  })
})
