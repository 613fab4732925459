// Reads, writes and draws payment QR codes. This folder imports nothing from the rest of the repository.

export { QrError, qrErrors } from './error.ts'
export type { QrErrorCode, QrFault } from './error.ts'
export type { QrField } from './field.ts'
export type {
  AdditionalData,
  FieldInput,
  LocalText,
  MpmCode,
  MpmInput,
  PointOfInitiation,
  QrProfile,
  Template,
  Tip,
  UnionPayAccount,
} from './mpm.ts'
export { decodeMpm } from './mpm-decode.ts'
export { encodeFields, encodeMpm } from './mpm-encode.ts'
export { decodeCpm } from './cpm-decode.ts'
export { encodeCpm } from './cpm-encode.ts'
export type { CpmApplication, CpmChip, CpmCode, CpmData, CpmDataInput, CpmInput } from './cpm.ts'
export { decodeUrl } from './url.ts'
export type { UrlCode } from './url.ts'
export { bare } from './payload.ts'
export { readCode } from './read.ts'
export type { QrCode } from './read.ts'
export { toSvg } from './svg.ts'
export type { SvgOptions } from './svg.ts'
