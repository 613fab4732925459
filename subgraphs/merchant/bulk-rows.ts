// Rows of a file of merchants, read as they arrive: NDJSON, or CSV with a header row (RFC 4180). A reader
// holds one record at a time, and can begin again after any record.

import { csvCells } from '../shared/csv.ts'

export type BulkFormat = 'ndjson' | 'csv'

/** Where a reader is: after `offset` bytes and `line` lines. */
export interface BulkPosition {
  readonly offset: number
  readonly line: number
}

/** A record of the file. */
export interface BulkRecord {
  readonly text: string
  /** The number of its first line, from 1. */
  readonly line: number
  /** The position after it. */
  readonly end: BulkPosition
}

/** A record is longer than the hub reads, or is not UTF-8. */
export class BulkRecordError extends Error {
  readonly line: number
  constructor(message: string, line: number) {
    super(message)
    this.line = line
  }
}

const recordBytesMax = 64 * 1024
const newline = 0x0a
const quote = 0x22

/**
 * The records after `start`; `bytes` begins there. Throws BulkRecordError, and what `bytes` throws: then the
 * record that was cut off is not read.
 */
export async function* recordsOf(
  bytes: AsyncIterable<Uint8Array>,
  format: BulkFormat,
  start: BulkPosition,
): AsyncGenerator<BulkRecord, void> {
  let rest: Buffer = Buffer.alloc(0)
  let { offset, line } = start
  const recordOf = (content: Buffer): BulkRecord => {
    const first = line + 1
    offset += content.length
    line += lines(content)
    return { text: textOf(content, first), line: first, end: { offset, line } }
  }
  for await (const chunk of bytes) {
    const all = rest.length > 0 ? Buffer.concat([rest, chunk]) : Buffer.from(chunk)
    let from = 0
    for (let end = endOf(all, from, format); end > 0; end = endOf(all, from, format)) {
      yield recordOf(all.subarray(from, end))
      from = end
    }
    rest = Buffer.from(all.subarray(from))
    if (rest.length > recordBytesMax) {
      throw new BulkRecordError(`the record is longer than ${recordBytesMax} bytes`, line + 1)
    }
  }
  if (rest.length > 0) yield recordOf(rest)
}

/** The position after the newline that ends the record at `from`; 0 when it is not there yet. */
function endOf(all: Buffer, from: number, format: BulkFormat): number {
  let end = all.indexOf(newline, from) + 1
  if (format === 'ndjson') return end
  // A newline between quotes belongs to a cell: a record has an even number of quotes.
  let quotes = 0
  for (let at = from; end > 0; at = end, end = all.indexOf(newline, at) + 1) {
    for (
      let found = all.indexOf(quote, at);
      found >= 0 && found < end;
      found = all.indexOf(quote, found + 1)
    ) {
      quotes++
    }
    if (quotes % 2 === 0) return end
  }
  return 0
}

function lines(content: Buffer): number {
  let count = content.at(-1) === newline ? 0 : 1
  for (let at = content.indexOf(newline); at >= 0; at = content.indexOf(newline, at + 1)) count++
  return count
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function textOf(content: Buffer, line: number): string {
  if (content.length > recordBytesMax) {
    throw new BulkRecordError(`the record is longer than ${recordBytesMax} bytes`, line)
  }
  try {
    return decoder.decode(content).trimEnd()
  } catch {
    throw new BulkRecordError('the record is not UTF-8', line)
  }
}

/** The columns of a file of CSV. */
const columns = [
  'mid',
  'name',
  'localName',
  'mcc',
  'scenario',
  'country',
  'city',
  'lat',
  'lng',
  'online',
  'entryModes',
  'qrProducts',
] as const
export type Column = (typeof columns)[number]
const needed: readonly Column[] = ['mid', 'name', 'mcc', 'country', 'city']
export const merchantColumns: readonly Column[] = columns

/** The columns that a header row names, or what is wrong with it. */
export function readHeader(record: string): readonly Column[] | { readonly flaw: string } {
  const cells = csvCells(record) ?? []
  const unknown = cells.find((cell) => !columns.some((column) => column === cell))
  if (unknown !== undefined) return { flaw: `the header has a column that is none of ${columns.join(', ')}` }
  const missing = needed.find((column) => !cells.includes(column))
  if (missing) return { flaw: `the header has no column ${missing}` }
  if (new Set(cells).size < cells.length) return { flaw: 'the header has a column twice' }
  return cells as readonly Column[]
}

/** The row as the input of a merchant, before its types are checked; undefined when it cannot be read. */
export function readValue(
  record: string,
  format: BulkFormat,
  header: readonly Column[] | null,
): Record<string, unknown> | undefined {
  return format === 'csv' ? fromCsv(record, header ?? []) : fromJson(record)
}

function fromJson(record: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(record)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function fromCsv(record: string, header: readonly Column[]): Record<string, unknown> | undefined {
  const cells = csvCells(record)
  if (cells?.length !== header.length) return undefined
  const row = new Map(header.map((column, n) => [column, cells[n]!]))
  const textIn = (column: Column): string | null => row.get(column)?.trim() || null
  const listIn = (column: Column): readonly string[] | null => textIn(column)?.split(/[\s;]+/) ?? null
  const numberIn = (column: Column): unknown => {
    const text = textIn(column)
    return text === null ? null : Number.isNaN(Number(text)) ? text : Number(text)
  }
  const online = textIn('online')
  const hasPlace = textIn('lat') !== null || textIn('lng') !== null
  return {
    mid: textIn('mid') ?? '',
    name: textIn('name') ?? '',
    localName: textIn('localName'),
    mcc: textIn('mcc') ?? '',
    scenario: textIn('scenario'),
    country: textIn('country') ?? '',
    city: textIn('city') ?? '',
    location: hasPlace ? { lat: numberIn('lat'), lng: numberIn('lng') } : null,
    online: online === null ? false : online === 'true' ? true : online === 'false' ? false : online,
    entryModes: listIn('entryModes'),
    qrProducts: listIn('qrProducts'),
  }
}
