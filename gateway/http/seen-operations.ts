// Records the operations that clients send, for `npm run schema:check`: each once, in a file of JSON lines.

import { parse, print, visit } from 'graphql'
import { appendFile, readFile } from 'node:fs/promises'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { documentId } from '../protocol/trusted-documents.ts'
import type { Prepared } from '../supergraph/index.ts'

/** The most operations of one file: more would be made by a program, and not by clients. */
const operationsMax = 10_000

/** Receives each operation that is prepared; `text` is its document. */
export type RecordOperation = (text: string, prepared: Prepared) => void

/** Appends to `file` what it does not have yet. An error is logged once, and changes no response. */
export async function recordOperations(
  file: string,
  logger: Pick<Logger, 'error'>,
): Promise<RecordOperation> {
  const existing = await readFile(file, 'utf8').catch(() => '')
  const ids = new Set([...existing.matchAll(/^\{"id":"(\w+)"/gm)].map(([, id]) => id!))
  const known = new WeakSet<Prepared>()
  let writing = Promise.resolve()
  let hasFailed = false
  return (text, prepared) => {
    if (known.has(prepared)) return
    known.add(prepared)
    const body = withoutValues(text)
    const id = documentId(`${prepared.name} ${body}`)
    if (ids.size >= operationsMax || ids.has(id)) return
    ids.add(id)
    const line = JSON.stringify({ id, name: prepared.name ?? '', type: prepared.operation, body })
    writing = writing
      .then(() => appendFile(file, `${line}\n`))
      .catch((error: unknown) => {
        if (!hasFailed) logger.error({ err: error, file }, 'the operations of clients cannot be recorded')
        hasFailed = true
      })
  }
}

/** The document without the texts and numbers in it, which may be about a customer. */
const withoutValues = (text: string): string =>
  print(
    visit(parse(text, { noLocation: true }), {
      StringValue: (node) => ({ ...node, value: '', block: false }),
      IntValue: (node) => ({ ...node, value: '0' }),
      FloatValue: (node) => ({ ...node, value: '0' }),
    }),
  )
