// Computes the checksum of merchant-presented codes.

const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

const utf8 = new TextEncoder()

/**
 * Computes CRC-16/CCITT-FALSE over the UTF-8 bytes of `text`: polynomial 0x1021, initial value 0xFFFF,
 * nothing reflected. "123456789" gives 0x29B1.
 */
export function crc16(text: string): number {
  let crc = 0xffff
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit > 0x7f) return continued(crc, utf8.encode(text.slice(at)))
    crc = next(crc, unit)
  }
  return crc
}

function continued(crc: number, bytes: Uint8Array): number {
  for (const byte of bytes) crc = next(crc, byte)
  return crc
}

const next = (crc: number, byte: number) => ((crc << 8) & 0xffff) ^ table[(crc >> 8) ^ byte]!

/** The checksum as written in a code: four hexadecimal digits in capitals. */
export const crcText = (text: string): string => crc16(text).toString(16).toUpperCase().padStart(4, '0')
