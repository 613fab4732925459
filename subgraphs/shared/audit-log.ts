// The audit log: one entry for every change that an operator or a participant makes to anything but payments.
// An entry is written in the MongoDB transaction of its change, so neither exists without the other. Refusals
// are entries too.

import type { ClientSession, Collection, Db } from 'mongodb'
import { v7 as newUuid } from 'uuid'
import type { ParticipantId } from '../../schema/values/id.ts'
import { formatAmount, type Money } from '../../schema/values/money.ts'
import { canonicalJson } from '../platform/canonical-json.ts'
import { openAuditChain, type AuditChain, type Link } from './audit-chain.ts'
import type { Operation } from './idempotency-key.ts'
import type { RequestContext } from './viewer.ts'

/** All audited actions, each named after its mutation; `eraseCustomer` is a command. */
export const auditedActions = {
  applyParticipant: true,
  recordCertification: true,
  changeParticipantStatus: true,
  connectParticipant: true,
  setCorridor: true,
  setProject: true,
  setQrProduct: true,
  setMerchantStatus: true,
  setRates: true,
  closeSettlement: true,
  createWebhook: true,
  updateWebhook: true,
  rotateWebhookSecret: true,
  deleteWebhook: true,
  redeliverWebhook: true,
  eraseCustomer: true,
  joinSubgraph: true,
  leaveSubgraph: true,
  createKey: true,
  rotateKey: true,
  revokeKey: true,
  acknowledgeAlert: true,
  registerMerchants: true,
  importMerchants: true,
  forbiddenField: true,
  refusedRequest: true,
} as const satisfies Partial<Record<Operation | UnkeyedAction, true>>

/**
 * Actions without an idempotency key. `forbiddenField` is a field that the caller may not read or call, and
 * `refusedRequest` a request that was refused for its content, its key or its amount.
 */
type UnkeyedAction =
  | 'updateWebhook'
  | 'deleteWebhook'
  | 'revokeKey'
  | 'registerMerchants'
  | 'importMerchants'
  | 'forbiddenField'
  | 'refusedRequest'

export type AuditedAction = keyof typeof auditedActions

/** The kinds of audited objects. The text of a target begins with its kind: "corridor:TH-CN". */
export const auditedKinds = {
  participant: true,
  corridor: true,
  project: true,
  qrProduct: true,
  merchant: true,
  rates: true,
  settlement: true,
  webhook: true,
  delivery: true,
  subgraph: true,
  key: true,
  alert: true,
  import: true,
  field: true,
  input: true,
  address: true,
  request: true,
} as const

export type AuditedKind = keyof typeof auditedKinds

/** The caller of a change, and its request. */
export interface Author {
  /** Id of the caller's participant; null for the hub itself, at its start. */
  readonly actor: ParticipantId | null
  /** The name of the caller's key or token; null for the hub itself. */
  readonly key: string | null
  readonly requestId: string
}

/** The author of a change that a participant makes. */
export interface ParticipantAuthor extends Author {
  readonly actor: ParticipantId
}

export const authorOf = ({ viewer, requestId }: RequestContext): ParticipantAuthor => ({
  actor: viewer.participant,
  key: viewer.key,
  requestId,
})

export interface Change extends Author {
  readonly at: Date
  readonly action: AuditedAction
  readonly target: `${AuditedKind}:${string}`
  /** The object before the change; null when it is new. */
  readonly before: object | null
  /** The object after the change; null when it is deleted. */
  readonly after: object | null
  /** The code of the refusal, when the change was refused. */
  readonly refusal?: string | null
}

/** A document of the collection `audit`. */
export interface AuditEntry extends Link, Author {
  /** UUID version 7 of `at`, so ids are in order of time. */
  readonly _id: string
  readonly at: Date
  readonly action: AuditedAction
  readonly target: string
  /** Canonical JSON. */
  readonly before: string | null
  /** Canonical JSON. */
  readonly after: string | null
  /** The code of the refusal; null when the change was made. */
  readonly refusal: string | null
}

export interface AuditLog {
  /** Appends an entry in the MongoDB transaction of its change. */
  record(change: Change, session: ClientSession): Promise<void>
  readonly entries: Collection<AuditEntry>
}

/** Opens the audit log of `db` and creates its indexes. */
export async function openAuditLog(db: Db): Promise<AuditLog> {
  const entries = db.collection<AuditEntry>('audit')
  // Each field of a filter has an index in the order of the answer. Times need none, because ids contain
  // them.
  await entries.createIndexes([
    { name: 'actor', key: { actor: 1, _id: -1 } },
    { name: 'action', key: { action: 1, _id: -1 } },
    { name: 'target', key: { target: 1, _id: -1 } },
    { name: 'sequence', key: { sequence: 1 } },
  ])
  const chain = await openAuditChain(db, (first) => chainEarlier(entries, first))
  return {
    entries,
    async record({ at, before, after, refusal = null, ...rest }, session) {
      const content = {
        _id: newUuid({ msecs: at.getTime(), seq: (sequence = (sequence + 1) % 2 ** 31) }),
        at,
        before: before && auditText(before),
        after: after && auditText(after),
        ...rest,
        refusal,
      }
      await entries.insertOne({ ...content, ...(await chain.append(content, session)) }, { session })
    },
  }
}

/** Links the entries that a version without a chain has written. */
async function chainEarlier(entries: Collection<AuditEntry>, chain: AuditChain): Promise<void> {
  await entries.db.client.withSession(async (session) => {
    const earlier = entries.find({ sequence: { $exists: false } }, { sort: { _id: 1 } })
    for await (const content of earlier) {
      await session.withTransaction(async () => {
        const link = await chain.append(content, session)
        await entries.updateOne({ _id: content._id }, { $set: { ...link } }, { session })
      })
    }
  })
}

/** Orders the entries that one process writes in the same millisecond. */
let sequence = 0

/** Members that are always redacted. */
const secretMembers: ReadonlySet<string> = new Set(['secret'])

/**
 * Canonical JSON: an amount of money as the API writes it, any other bigint as decimal text, an instant as
 * RFC 3339. A secret is replaced by "(secret)".
 */
export const auditText = (value: object): string => canonicalJson(plain(value))

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (Array.isArray(value)) return value.map(plain)
  if (isMoney(value)) return { amount: formatAmount(value), currency: value.currency }
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      secretMembers.has(name) ? '(secret)' : plain(member),
    ]),
  )
}

const isMoney = (value: object): value is Money =>
  'minor' in value && typeof value.minor === 'bigint' && 'currency' in value
