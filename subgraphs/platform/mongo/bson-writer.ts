// Writes documents as BSON, for imports: half of their time is that of the driver's serializer. This one
// writes the same bytes, for the types that documents of the hub have.
// Source: the BSON specification 1.1.

import { Decimal128, type Document } from 'mongodb'

const types = {
  double: 1,
  text: 2,
  document: 3,
  list: 4,
  binary: 5,
  boolean: 8,
  date: 9,
  null: 10,
  int32: 16,
  int64: 18,
  decimal: 19,
} as const

/** Where documents are written. */
interface Output {
  /** Replaced when it is full. */
  bytes: Buffer
  /** Where the next byte goes. */
  at: number
}

/** One for all calls: to fill fresh memory takes longer than to write. */
const shared: Output = { bytes: Buffer.allocUnsafeSlow(1 << 20), at: 0 }

/**
 * Returns the documents as BSON, one after the other. Members that are undefined are left out. Throws a
 * TypeError for a value that is not of `types`.
 */
export function writeBson(documents: readonly Document[]): Buffer {
  shared.at = 0
  for (const document of documents) writeDocument(shared, document)
  return Buffer.from(shared.bytes.subarray(0, shared.at))
}

function writeDocument(out: Output, document: Document): void {
  const start = begin(out)
  const names = Object.keys(document)
  for (let n = 0; n < names.length; n++) writeMember(out, names[n]!, document[names[n]!])
  end(out, start)
}

function writeList(out: Output, list: readonly unknown[]): void {
  const start = begin(out)
  // As the driver does: an element that is undefined is null.
  for (let n = 0; n < list.length; n++) writeMember(out, listNames[n] ?? String(n), list[n] ?? null)
  end(out, start)
}

/** Names of the elements of lists. */
const listNames = Array.from({ length: 256 }, (_, n) => String(n))

function begin(out: Output): number {
  const start = out.at
  out.at += 4
  return start
}

function end(out: Output, start: number): void {
  out.bytes[out.at++] = 0
  putInt32(out.bytes, start, out.at - start)
}

function writeMember(out: Output, name: string, value: unknown): void {
  if (typeof value === 'string') {
    writeName(out, types.text, name)
    writeText(out, value)
  } else if (typeof value === 'number') {
    writeNumber(out, name, value)
  } else if (typeof value === 'bigint') {
    writeName(out, types.int64, name)
    writeInt64(out, value)
  } else if (typeof value === 'boolean') {
    writeName(out, types.boolean, name)
    out.bytes[out.at++] = value ? 1 : 0
  } else if (value === null) {
    writeName(out, types.null, name)
  } else if (typeof value === 'object') {
    writeObject(out, name, value)
  } else if (value !== undefined) {
    throw new TypeError(`${name} is a ${typeof value}, which cannot be stored`)
  }
}

function writeObject(out: Output, name: string, value: object): void {
  if (Array.isArray(value)) {
    writeName(out, types.list, name)
    writeList(out, value)
  } else if (value instanceof Date) {
    writeName(out, types.date, name)
    const ms = value.getTime()
    putInt32(out.bytes, out.at, ms % twoTo32)
    putInt32(out.bytes, out.at + 4, Math.floor(ms / twoTo32))
    out.at += 8
  } else if (value instanceof Uint8Array) {
    writeName(out, types.binary, name)
    reserve(out, value.length)
    putInt32(out.bytes, out.at, value.length)
    out.bytes[out.at + 4] = 0
    out.at += 5
    copy(out, value)
  } else if (value instanceof Decimal128) {
    writeName(out, types.decimal, name)
    copy(out, value.bytes)
  } else if (value instanceof Map) {
    writeName(out, types.document, name)
    const start = begin(out)
    for (const [key, each] of value) writeMember(out, String(key), each)
    end(out, start)
  } else if ('_bsontype' in value) {
    throw new TypeError(`${name} is a ${String(value._bsontype)}, which is not written here`)
  } else {
    writeName(out, types.document, name)
    writeDocument(out, value)
  }
}

const twoTo32 = 2 ** 32

function writeNumber(out: Output, name: string, value: number): void {
  if (value === (value | 0) && !Object.is(value, -0)) {
    writeName(out, types.int32, name)
    putInt32(out.bytes, out.at, value)
    out.at += 4
  } else {
    writeName(out, types.double, name)
    double[0] = value
    copyEight(out, doubleBytes)
  }
}

const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)

function writeInt64(out: Output, value: bigint): void {
  int64[0] = value
  copyEight(out, int64Bytes)
}

const int64 = new BigInt64Array(1)
const int64Bytes = new Uint8Array(int64.buffer)

/** Writes the type and the name of a member, and makes room for a value of fixed length. */
function writeName(out: Output, type: number, name: string): void {
  reserve(out, 3 * name.length)
  out.bytes[out.at++] = type
  writeCString(out, name)
}

function writeText(out: Output, text: string): void {
  reserve(out, 3 * text.length)
  const start = begin(out)
  writeCString(out, text)
  putInt32(out.bytes, start, out.at - start - 4)
}

/** Writes UTF-8, of at most three bytes for each code unit of `text`, and a zero. */
function writeCString(out: Output, text: string): void {
  const { bytes } = out
  let at = out.at
  for (let n = 0; n < text.length; n++) {
    const code = text.charCodeAt(n)
    if (code < 0x80) {
      bytes[at++] = code
    } else if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6)
      bytes[at++] = 0x80 | (code & 0x3f)
    } else if (code < 0xd800 || code > 0xdfff) {
      bytes[at++] = 0xe0 | (code >> 12)
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f)
      bytes[at++] = 0x80 | (code & 0x3f)
    } else {
      // Half of a pair, which Node.js writes.
      at = out.at + bytes.write(text, out.at)
      break
    }
  }
  bytes[at++] = 0
  out.at = at
}

function putInt32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >> 8
  bytes[at + 2] = value >> 16
  bytes[at + 3] = value >> 24
}

function copyEight(out: Output, from: Uint8Array): void {
  for (let n = 0; n < 8; n++) out.bytes[out.at++] = from[n]!
}

function copy(out: Output, from: Uint8Array): void {
  out.bytes.set(from, out.at)
  out.at += from.length
}

/** Makes room for `count` bytes, and for the fixed parts of members. */
function reserve(out: Output, count: number): void {
  if (out.at + count + spare <= out.bytes.length) return
  const larger = Buffer.allocUnsafeSlow(2 * (out.at + count + spare))
  out.bytes.copy(larger, 0, 0, out.at)
  out.bytes = larger
}

/** The end of every document that is open, and the type and the value of a member. */
const spare = 1_024
