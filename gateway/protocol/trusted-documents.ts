// The manifest of trusted documents: which documents clients send, by their ids. The format is that of
// `@apollo/generate-persisted-query-manifest`, version 1.

import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'

/** Documents by id. */
export type TrustedDocuments = ReadonlyMap<string, string>

const manifestForm = z.object({
  format: z.literal('apollo-persisted-query-manifest'),
  version: z.literal(1),
  operations: z.array(
    z.object({ id: z.string().min(1), name: z.string(), type: z.string(), body: z.string().min(1) }),
  ),
})

export type Manifest = z.output<typeof manifestForm>

/** The id of a document without an id of its own: its SHA-256, in hexadecimal. */
export const documentId = (text: string): string => hash('sha256', text, 'hex')

/** The file cannot be used; the message gives its first mistake. */
class ManifestError extends Error {
  readonly code = 'TRUSTED_DOCUMENTS_INVALID'
  constructor(file: string, reason: string, cause?: unknown) {
    super(`${file} is no manifest of trusted documents: ${reason}`, { cause })
    this.name = 'ManifestError'
  }
}

/** Throws ManifestError. */
export async function readManifest(file: string): Promise<Manifest> {
  let content: unknown
  try {
    content = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new ManifestError(file, (cause as Error).message, cause)
  }
  const read = manifestForm.safeParse(content)
  if (read.success) return read.data
  const [{ path, message } = { path: [], message: '' }] = read.error.issues
  throw new ManifestError(file, `${path.join('.') || 'the file'}: ${message}`)
}

/** By the ids of the manifest, and by the SHA-256 of each document. */
export const trustedDocuments = ({ operations }: Manifest): TrustedDocuments =>
  new Map(operations.flatMap(({ id, body }) => [[id, body] as const, [documentId(body), body] as const]))
