// Cursors into the log, or another stream, as clients receive them: opaque, versioned, authentic.

import { createCipheriv, createDecipheriv, hash } from 'node:crypto'
import { refuse, type Refusal } from '../../schema/values/problems.ts'

export interface Cursors {
  /** The cursor of the log's entry at `position`; 0 is before the first. */
  encode(position: bigint): string
  /** The position of `cursor`. Refuses with CURSOR_INVALID a cursor that this hub did not issue. */
  decode(cursor: string): bigint | Refusal
}

/** 2: encrypted. A cursor of version 1 was signed, and its position could be read from it. */
const version = 2n
const blockLength = 16
const positionAt = 8

/**
 * Cursors of one AES-256 block, in base64url: the version in 8 bytes, then the position in 8. A position
 * counts the events of all participants, so no client may read it. One block under one key is a
 * permutation: equal positions have equal cursors, and a forged cursor decrypts to the version with a
 * chance of 2⁻⁶⁴. All hubs over one database share `secret`, so that a client can resume at any of them.
 * A cursor of another stream is refused.
 */
export function createCursors(secret: string, stream: 'log' | 'alerts' = 'log'): Cursors {
  const key = hash('sha256', `${stream} cursor ${secret}`, 'buffer')
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
  const decipher = createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false)

  return {
    encode(position) {
      const block = Buffer.alloc(blockLength)
      block.writeBigUInt64BE(version, 0)
      block.writeBigUInt64BE(position, positionAt)
      return cipher.update(block).toString('base64url')
    },
    decode(cursor) {
      const invalid = refuse('CURSOR_INVALID', `\`after\` is not a cursor of the ${stream}`, ['after'])
      const bytes = Buffer.from(cursor, 'base64url')
      if (bytes.length !== blockLength || bytes.toString('base64url') !== cursor) return invalid
      const block = decipher.update(bytes)
      return block.readBigUInt64BE(0) === version ? block.readBigUInt64BE(positionAt) : invalid
    },
  }
}
