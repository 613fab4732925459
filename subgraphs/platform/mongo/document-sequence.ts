// Documents that are BSON already, as a part of a command. The driver sends such sequences in its own bulk
// writes and does not export them, so the class is read from inside its package.
// Source: MongoDB's wire protocol, OP_MSG, sections of kind 1.

import { createRequire } from 'node:module'

interface DocumentSequence {
  /** Adds documents as BSON. The first argument is for the monitors of commands alone. */
  push(document: unknown, bytes: Uint8Array): number
}

const { DocumentSequence } = createRequire(import.meta.url)('mongodb/lib/cmap/commands.js') as {
  readonly DocumentSequence: new (field: string) => DocumentSequence
}

/** The value of the member `field` of a command: documents as BSON, one after the other. */
export function documentSequence(field: string, bytes: Uint8Array): unknown {
  const sequence = new DocumentSequence(field)
  sequence.push(null, bytes)
  return sequence
}
