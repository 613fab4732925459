// Reads what is counted from the bytes of documents. The whole cube has millions of counts: as objects they
// take the driver seconds, and a large spot or search would hold up the process for too long. Of merchants
// near a point, some are read only for their distance.
// Source: the BSON specification 1.1.

import type { MerchantId } from '../../schema/values/id.ts'
import { placesMax, type ProfileKey, type SpotHead, type SpotId } from './count-key.ts'
import type { Point } from './point.ts'

/** A spot whose counts have the numbers of profiles: see `Spot.counts`. */
export interface PackedSpot extends SpotHead {
  readonly version: number
  readonly at: Date
  readonly counts: Uint32Array
}

const types = {
  double: 1,
  text: 2,
  document: 3,
  array: 4,
  boolean: 8,
  date: 9,
  null: 10,
  int32: 16,
  int64: 18,
} as const

/**
 * Reads a spot. Returns null, and passes the keys to `onMissing`, when `numberOf` lacks profiles. Throws a
 * TypeError for a document of another form.
 */
export function readSpot(
  bytes: Buffer,
  numberOf: (profile: ProfileKey) => number | undefined,
  onMissing: (profile: ProfileKey) => void,
): PackedSpot | null {
  let counts: Uint32Array | null = new Uint32Array()
  const fields = readFields(bytes, (at) => (counts = readCounts(bytes, at, numberOf, onMissing)))
  const { _id, country, city, region, version, at } = fields
  if (counts === null) return null
  return {
    id: _id as SpotId,
    country: country as string,
    city: city as string,
    region: region as string | null,
    version: version as number,
    at: at as Date,
    counts,
  }
}

/** The count key of a merchant that a search has found, without more of its spot than the id. */
export interface FoundKey {
  readonly spot: SpotId
  readonly place: number
  readonly profile: ProfileKey
}

/** Throws as `readSpot`. */
export const readFoundKey = (bytes: Buffer): FoundKey => readFields(bytes) as unknown as FoundKey

/** The id and the location of a merchant that has one. Throws as `readSpot`. */
export function readLocated(bytes: Buffer): Point & { readonly id: MerchantId } {
  let lngLat: Record<string, unknown> = {}
  const readLocation = (at: number, name: string): void => {
    if (name !== 'location') return
    readFields(bytes, (coordinatesAt) => (lngLat = readFields(bytes, undefined, coordinatesAt)), at)
  }
  const { _id } = readFields(bytes, readLocation)
  return { id: _id as MerchantId, lng: lngLat['0'] as number, lat: lngLat['1'] as number }
}

/** The fields of the document at `start`; `onNested` reads one that is a document or an array. */
function readFields(
  bytes: Buffer,
  onNested: (at: number, name: string) => void = () => {},
  start = 0,
): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  for (let at = start + 4; bytes[at] !== 0;) {
    const type = bytes[at]!
    const nameEnd = bytes.indexOf(0, at + 1)
    const name = bytes.toString('latin1', at + 1, nameEnd)
    at = nameEnd + 1
    if (type === types.document || type === types.array) onNested(at, name)
    else fields[name] = readValue(bytes, type, at)
    at += lengthOf(bytes, type, at)
  }
  return fields
}

/** Each element is a type, two digits of the place, the key of the profile, a zero, and the number. */
function readCounts(
  bytes: Buffer,
  start: number,
  numberOf: (profile: ProfileKey) => number | undefined,
  onMissing: (profile: ProfileKey) => void,
): Uint32Array | null {
  const counts = new Uint32Array(Math.ceil((2 * bytes.readInt32LE(start)) / 20))
  let length = 0
  let isComplete = true
  for (let at = start + 4; bytes[at] !== 0;) {
    const type = bytes[at]!
    const nameEnd = at + 1 + placeDigits + profileKeyLength
    const place = (bytes[at + 1]! - zero) * 10 + (bytes[at + 2]! - zero)
    const profile = bytes.toString('latin1', at + 1 + placeDigits, nameEnd) as ProfileKey
    const merchants = readValue(bytes, type, nameEnd + 1) as number
    at = nameEnd + 1 + lengthOf(bytes, type, nameEnd + 1)
    if (merchants === 0) continue
    const number = numberOf(profile)
    if (number === undefined) {
      onMissing(profile)
      isComplete = false
      continue
    }
    counts[length++] = number * placesMax + place
    counts[length++] = merchants
  }
  return isComplete ? counts.slice(0, length) : null
}

const zero = 0x30
const placeDigits = 2
const profileKeyLength = 12

function readValue(bytes: Buffer, type: number, at: number): unknown {
  switch (type) {
    case types.text:
      return bytes.toString('utf8', at + 4, at + 4 + bytes.readInt32LE(at) - 1)
    case types.int32:
      return bytes.readInt32LE(at)
    case types.int64:
      return Number(bytes.readBigInt64LE(at))
    case types.double:
      return bytes.readDoubleLE(at)
    case types.date:
      return new Date(Number(bytes.readBigInt64LE(at)))
    case types.null:
      return null
    case types.boolean:
      return bytes[at] === 1
    default:
      throw new TypeError(`a document has a field of BSON type ${type}`)
  }
}

function lengthOf(bytes: Buffer, type: number, at: number): number {
  if (type === types.text) return 4 + bytes.readInt32LE(at)
  if (type === types.document || type === types.array) return bytes.readInt32LE(at)
  if (type === types.null) return 0
  if (type === types.boolean) return 1
  return type === types.int32 ? 4 : 8
}
