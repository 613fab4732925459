// Cursors into the log, as clients receive them: opaque, versioned, signed.

import { createHmac, timingSafeEqual } from 'node:crypto'
import { refuse, type Refusal } from '../../../schema/values/problems.ts'

export interface Cursors {
  /** The cursor of the log's entry at `position`; 0 is before the first. */
  encode(position: bigint): string
  /** The position of `cursor`. Refuses with CURSOR_INVALID a cursor that this hub did not issue. */
  decode(cursor: string): bigint | Refusal
}

const version = 1
const signedLength = 9
const signatureLength = 16

/**
 * Cursors of one version byte, the position in 8 bytes, and the first 16 bytes of their HMAC-SHA256 under
 * `secret`, in base64url. All hubs over one database share the secret, so that a client can resume at any of
 * them.
 */
export function createCursors(secret: string): Cursors {
  const sign = (signed: Buffer): Buffer =>
    createHmac('sha256', secret).update(signed).digest().subarray(0, signatureLength)

  return {
    encode(position) {
      const signed = Buffer.alloc(signedLength)
      signed.writeUInt8(version, 0)
      signed.writeBigUInt64BE(position, 1)
      return Buffer.concat([signed, sign(signed)]).toString('base64url')
    },
    decode(cursor) {
      const bytes = Buffer.from(cursor, 'base64url')
      const signed = bytes.subarray(0, signedLength)
      const isGenuine =
        bytes.length === signedLength + signatureLength &&
        bytes.toString('base64url') === cursor &&
        signed.readUInt8(0) === version &&
        timingSafeEqual(bytes.subarray(signedLength), sign(signed))
      if (!isGenuine) return refuse('CURSOR_INVALID', '`after` is not a cursor of the log', ['after'])
      return signed.readBigUInt64BE(1)
    },
  }
}
