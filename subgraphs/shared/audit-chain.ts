// The hash chain of the audit log. Entries have dense sequence numbers, and each holds the hash of the one
// before it, whichever hub wrote that. So a row that is changed, removed or put in later breaks the chain.

import { hash } from 'node:crypto'
import type { ClientSession, Collection, Db } from 'mongodb'
import { canonicalJson } from '../platform/canonical-json.ts'
import { isDuplicateKey } from '../platform/mongo/errors.ts'

/** The place of an entry in the chain. */
export interface Link {
  /** 1, 2, 3 … */
  readonly sequence: number
  /** The hash of the entry before; of the first one, zeros. */
  readonly previous: string
  /** SHA-256 in hexadecimal of the canonical JSON of the entry, `sequence` and `previous` included. */
  readonly hash: string
}

/** The last link, in the collection `auditHead`: one document. */
interface Head {
  readonly _id: 'head'
  readonly sequence: number
  readonly hash: string
}

export interface AuditChain {
  /**
   * Adds a link for `content`. In a MongoDB transaction, two appends at once are a write conflict, so that
   * one of them runs again.
   */
  append(content: object, session: ClientSession): Promise<Link>
}

const genesis = '0'.repeat(64)

/** Opens the chain of `db`. `onFirst` is called by the one process that begins it. */
export async function openAuditChain(
  db: Db,
  onFirst: (chain: AuditChain) => Promise<void>,
): Promise<AuditChain> {
  const heads = headsOf(db)
  const chain: AuditChain = { append: (content, session) => append(heads, content, session) }
  if (await begin(heads)) await onFirst(chain)
  return chain
}

const headsOf = (db: Db): Collection<Head> => db.collection<Head>('auditHead')

async function begin(heads: Collection<Head>): Promise<boolean> {
  if (await heads.findOne({ _id: 'head' })) return false
  try {
    await heads.insertOne({ _id: 'head', sequence: 0, hash: genesis })
    return true
  } catch (error) {
    if (!isDuplicateKey(error)) throw error
    return false
  }
}

async function append(heads: Collection<Head>, content: object, session: ClientSession): Promise<Link> {
  for (;;) {
    const head = await heads.findOne({ _id: 'head' }, { session })
    if (!head) throw new Error('the audit log has no head: it was deleted')
    const sequence = head.sequence + 1
    const link: Link = { sequence, previous: head.hash, hash: hashOf(content, sequence, head.hash) }
    const { matchedCount } = await heads.updateOne(
      { _id: 'head', hash: head.hash },
      { $set: { sequence, hash: link.hash } },
      { session },
    )
    if (matchedCount === 1) return link
  }
}

/** The hash of an entry, from everything that is stored of it. */
const hashOf = (content: object, sequence: number, previous: string): string =>
  hash('sha256', canonicalJson({ ...content, sequence, previous }), 'hex')

/** What the chain shows about the rows of the audit log. */
export interface ChainReport {
  readonly entries: number
  /** The last link, to compare with one that was noted elsewhere: "sequence:hash". */
  readonly head: string
  /** One sentence for each row that was changed, removed or put in; at most 100. */
  readonly faults: readonly string[]
}

const faultsMax = 100

/** Reads the whole chain. Entries that hubs append meanwhile are not read. */
export async function verifyChain(db: Db): Promise<ChainReport> {
  const head = await headsOf(db).findOne({ _id: 'head' }, { readConcern: { level: 'majority' } })
  const faults: string[] = []
  const fault = (text: string): void => void (faults.length < faultsMax && faults.push(text))
  const last = head?.sequence ?? 0
  const entries = db.collection<Partial<Link> & { readonly _id: string }>('audit')
  let next = 1
  let previous: string | null = genesis
  let count = 0
  const stored = entries.find(
    {
      $or: [
        { sequence: { $lte: last } },
        { sequence: { $exists: false } },
        { sequence: { $not: { $type: 'int' } } },
      ],
    },
    { sort: { sequence: 1 }, readConcern: { level: 'majority' } },
  )
  for await (const { sequence, previous: before, hash: given, ...content } of stored) {
    count++
    const name = `entry ${content._id}`
    if (typeof sequence !== 'number' || sequence < next) {
      fault(`${name} was put in: it has no place of its own in the chain`)
      continue
    }
    if (sequence > next) {
      fault(removed(next, sequence - 1))
      previous = null
    }
    if (previous !== null && before !== previous)
      fault(`${name} (${sequence}) does not follow the one before it`)
    if (given !== hashOf(content, sequence, String(before))) fault(`${name} (${sequence}) was changed`)
    previous = given ?? null
    next = sequence + 1
  }
  if (next <= last) fault(removed(next, last))
  else if (head && previous !== null && previous !== head.hash)
    fault('the last entry is not the one of the head')
  if (!head && count > 0) fault('the head of the chain was removed')
  return { entries: count, head: `${last}:${head?.hash ?? genesis}`, faults }
}

const removed = (from: number, to: number): string =>
  from === to ? `entry number ${from} was removed` : `the entries ${from}–${to} were removed`
