// The counters of analytics, compared with a recount of the log: hour by hour, and merchant by merchant.

import { ActivitySums, type CountedBlock } from './activity-sums.ts'
import { Check } from './check.ts'
import type { Entry } from './documents.ts'
import { Sum } from './fingerprint.ts'
import type { Published } from './projections.ts'
import type { Snapshot } from './snapshot.ts'

/** A document of `activityHours` or `activityMerchants`; `_id` ends in "#" and the number of the part. */
interface Block extends CountedBlock {
  readonly start: Date
  readonly names: readonly string[]
}

const minuteMs = 60_000
/** In a tally, kinds from here on are reasons, and the others buckets of latencies. */
const reasonKind = 100_000

export class Activity {
  readonly check = new Check('activity', 'the counters of analytics equal a recount of the log')
  readonly #published: Published
  readonly #hours = new Map<string, Sum>()
  readonly #merchants = new Map<string, Sum>()
  /** Last position counted in a span, where that is beyond the checkpoint. */
  readonly #ahead = new Map<string, bigint>()

  constructor(published: Published) {
    this.#published = published
  }

  /** Before the log is read: a block may be counted further than the checkpoint. */
  async begin(snapshot: Snapshot): Promise<void> {
    const filter = { upTo: { $gt: this.#published.position } }
    for (const name of collections) {
      const found = snapshot.find<Block>(this.#published.collection(name), filter, {
        projection: { upTo: 1 },
      })
      for await (const { _id, upTo } of found) {
        const span = spanOf(_id)
        if (upTo > (this.#ahead.get(span) ?? 0n)) this.#ahead.set(span, upTo)
      }
    }
  }

  addEntry(entry: Entry): void {
    const delta = deltaOf(entry)
    if (!delta) return
    const { createdAt, merchant } = entry.payment
    const hour = createdAt.toISOString().slice(0, 13)
    const month = createdAt.toISOString().slice(0, 7)
    const monthMs = Date.parse(`${month}-01T00:00:00Z`)
    this.#count(this.#hours, hour, Date.parse(`${hour}:00:00Z`), entry, delta)
    this.#count(this.#merchants, `${merchant}#${month}`, monthMs, entry, delta)
  }

  async finish(snapshot: Snapshot): Promise<void> {
    const sums = new ActivitySums(this.check)
    for (const [name, expected] of [
      ['activityHours', this.#hours],
      ['activityMerchants', this.#merchants],
    ] as const) {
      const blocks = snapshot.find<Block>(this.#published.collection(name), {}, { promoteBuffers: true })
      const stored = new Map<string, Sum>()
      for await (const block of blocks) {
        addBlock(sumIn(stored, spanOf(block._id)), block)
        if (name === 'activityHours') sums.addHour(block)
      }
      for (const span of new Set([...expected.keys(), ...stored.keys()])) {
        const [found, recounted] = [stored.get(span) ?? new Sum(), expected.get(span) ?? new Sum()]
        this.check.expect(
          found.equals(recounted),
          span,
          () => `${name} has other counters than the log (${found.count} and ${recounted.count} in all)`,
        )
      }
    }
    const parts = snapshot.find<CountedBlock>(
      this.#published.collection('activitySums'),
      {},
      { promoteBuffers: true, projection: { upTo: 1, cells: 1, words: 1 } },
    )
    for await (const part of parts) sums.addSum(part)
    sums.finish()
  }

  #count(sums: Map<string, Sum>, span: string, startMs: number, { _id, payment }: Entry, delta: Delta): void {
    if (_id > this.#published.position && _id > (this.#ahead.get(span) ?? 0n)) return
    const { createdAt, corridor, direction, merchantCountry, project, wallet, acquirer, mcc, entryMode } =
      payment
    const minute = Math.floor((createdAt.getTime() - startMs) / minuteMs)
    const lane = `${corridor} ${direction} ${merchantCountry} ${project ?? ''}`
    const cell = [minute, lane, wallet, acquirer, mcc, entryMode].join('|')
    addCell(sumIn(sums, span), cell, delta)
    if (delta.bucket !== null) sumIn(sums, span).add(`${cell}|${delta.bucket}`)
    if (delta.reason !== null) sumIn(sums, span).add(`${cell}|${delta.reason}`)
  }
}

const collections = ['activityHours', 'activityMerchants'] as const

const spanOf = (id: string): string => id.slice(0, id.lastIndexOf('#'))

function sumIn(sums: Map<string, Sum>, span: string): Sum {
  let sum = sums.get(span)
  if (!sum) sums.set(span, (sum = new Sum()))
  return sum
}

interface Counters {
  readonly payments: number
  readonly approved: number
  readonly declined: number
  /** In fen. */
  readonly value: bigint
}

interface Delta extends Counters {
  readonly reason: string | null
  readonly bucket: number | null
}

const declinedStatuses: ReadonlySet<string> = new Set([
  'DECLINED',
  'FAILED',
  'EXPIRED',
  'REVERSED',
  'CANCELLED',
])

/** What an entry changes in the counters; null when nothing. */
function deltaOf({ kind, from, to, reason, refundOf, payment }: Entry): Delta | null {
  if (refundOf !== undefined) return null
  const difference = (holds: (status: string) => boolean) =>
    Number(holds(to)) - Number(from !== null && holds(from))
  const approved = difference((status) => status === 'COMPLETED')
  const declined = difference((status) => declinedStatuses.has(status))
  const payments = Number(kind === 'SUBMITTED')
  const { authorizeMs, reportingMinor } = payment
  if (payments === 0 && approved === 0 && declined === 0 && authorizeMs === null) return null
  return {
    payments,
    approved,
    declined,
    value: BigInt(approved) * reportingMinor,
    reason: declined > 0 ? (reason ?? 'UNSPECIFIED') : null,
    bucket: authorizeMs === null ? null : bucketOf(authorizeMs),
  }
}

/** Milliseconds below 50 have a bucket each; above, each bucket is 8 % wider than the previous one. */
const bucketOf = (ms: number): number =>
  ms < 50 ? Math.max(0, Math.trunc(ms)) : 50 + Math.floor(Math.log(ms / 50) / Math.log(1.08))

function addCell(sum: Sum, cell: string, { payments, approved, declined, value }: Counters): void {
  if (payments !== 0) sum.add(`${cell}|payments`, payments)
  if (approved !== 0) sum.add(`${cell}|approved`, approved)
  if (declined !== 0) sum.add(`${cell}|declined`, declined)
  // Sums are modulo 2³², and so is this part of them; the count of a sum stays a count of payments.
  if (value !== 0n) sum.add(`${cell}|value`, Number(BigInt.asIntN(32, value)))
}

/** Adds all counters of a stored block: cells of 8 words, then tallies of 3, all little-endian. */
function addBlock(sum: Sum, { names, cells, words }: Block): void {
  const word = (n: number): number => words.readInt32LE(4 * n)
  const lowName = (n: number): string => names[word(n) & 0xffff]!
  const highName = (n: number): string => names[word(n) >>> 16]!
  const cellAt: string[] = []
  for (let cell = 0; cell < cells; cell++) {
    const at = 8 * cell
    const minute = word(at) & 0xffff
    const facets = [highName(at), lowName(at + 1), highName(at + 1), lowName(at + 2), highName(at + 2)]
    cellAt.push([minute, ...facets].join('|'))
    const [payments, approved, declined] = [word(at + 3), word(at + 4), word(at + 5)]
    const value = (BigInt(word(at + 7)) << 32n) + BigInt(word(at + 6) >>> 0)
    addCell(sum, cellAt[cell]!, { payments, approved, declined, value })
  }
  for (let at = 8 * cells; 4 * at < words.length; at += 3) {
    const kind = word(at + 1)
    sum.add(`${cellAt[word(at)]}|${kind >= reasonKind ? names[kind - reasonKind] : kind}`, word(at + 2))
  }
}
