// Keys by mutation: the caller's own participant's, or for the operator those of any. A key of another
// participant is not found.

import type { ClientSession } from 'mongodb'
import type { ParticipantId } from '../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { scopes as allScopes, type Scope } from '../../schema/values/scopes.ts'
import { demandScope, isOperator, requireScope } from '../shared/access.ts'
import type { ApiKeys, ApiKeyView, Grant } from '../shared/api-keys.ts'
import { authorOf, type AuditedAction, type AuditLog } from '../shared/audit-log.ts'
import type { IdempotentWriter } from '../shared/idempotent-writer.ts'
import type { Registry } from '../shared/registry.ts'
import type { RequestContext } from '../shared/viewer.ts'

export interface KeyDependencies {
  readonly apiKeys: ApiKeys
  readonly registry: Pick<Registry, 'participants'>
  readonly audit: AuditLog
  readonly idempotentWriter: IdempotentWriter
  readonly now: () => Date
}

export interface CreateKeyInput {
  readonly participant?: ParticipantId | null
  readonly label: string
  readonly scopes: readonly string[]
  readonly expiresAt?: Date | null
  readonly certificate?: string | null
  readonly idempotencyKey: string
}

export interface RotateKeyInput {
  readonly key: string
  readonly overlapHours?: number | null
  readonly idempotencyKey: string
}

export interface KeyIssued {
  /** The text of the key; null in a replay, because it is stored nowhere. */
  readonly secret: string | null
  readonly key: ApiKeyView
}

export type KeyService = ReturnType<typeof createKeyService>

export const createKeyService = (dependencies: KeyDependencies) => ({
  list: (context: RequestContext, participant: ParticipantId | null) =>
    listKeys(dependencies, context, participant),
  lastUse: async ({ id }: ApiKeyView) => (await dependencies.apiKeys.lastUses([id])).get(id) ?? null,
  create: (context: RequestContext, input: CreateKeyInput) => createKey(dependencies, context, input),
  rotate: (context: RequestContext, input: RotateKeyInput) => rotateKey(dependencies, context, input),
  revoke: (context: RequestContext, id: string) => revokeKey(dependencies, context, id),
})

type Dependencies = KeyDependencies

async function listKeys(
  { apiKeys }: Dependencies,
  context: RequestContext,
  participant: ParticipantId | null,
): Promise<readonly ApiKeyView[]> {
  demandScope(context, 'keys:manage')
  const own = context.viewer.participant
  if (isOperator(context)) return apiKeys.list(participant)
  return participant === null || participant === own ? apiKeys.list(own) : []
}

async function createKey(
  dependencies: Dependencies,
  context: RequestContext,
  input: CreateKeyInput,
): Promise<KeyIssued | Refusal> {
  const grant = requireScope(context, 'keys:manage') ?? readGrant(dependencies, context, input)
  if (isRefusal(grant)) return grant
  return issue(dependencies, context, 'createKey', input.idempotencyKey, grant, async () => grant)
}

async function rotateKey(
  dependencies: Dependencies,
  context: RequestContext,
  { key: id, overlapHours, idempotencyKey }: RotateKeyInput,
): Promise<KeyIssued | Refusal> {
  const { apiKeys, now } = dependencies
  const hours = overlapHours ?? 24
  const refusal = requireScope(context, 'keys:manage')
  if (refusal) return refusal
  if (hours < 0 || hours > overlapHoursMax) {
    return refuse('BAD_VALUE', `overlapHours is 0–${overlapHoursMax}, not ${hours}`, [
      'input',
      'overlapHours',
    ])
  }
  return issue(dependencies, context, 'rotateKey', idempotencyKey, { id, hours }, async (session) => {
    const old = await findOwn(dependencies, context, id, session)
    const at = now()
    if (!old) return unknownKey
    if (old.revokedAt || (old.expiresAt && old.expiresAt <= at)) {
      return refuse('STATUS_NOT_ALLOWED', 'the key is no longer valid: create a new one', ['input', 'key'])
    }
    const unheld = unheldScope(context, old.scopes)
    if (unheld) return unheld
    await apiKeys.expire(id, new Date(at.getTime() + hours * 3_600_000), session)
    const after = (await apiKeys.byId(id, session))!
    await record(dependencies, context, 'rotateKey', { before: old, after }, session)
    const { participant, label, scopes, certificate } = old
    return { participant, label, scopes, expiresAt: null, certificate }
  })
}

const overlapHoursMax = 168

/** Stores a new key once per idempotency key, together with its audit entry. */
async function issue(
  dependencies: Dependencies,
  context: RequestContext,
  operation: 'createKey' | 'rotateKey',
  idempotencyKey: string,
  command: object,
  grantOf: (session: ClientSession) => Promise<Grant | Refusal>,
): Promise<KeyIssued | Refusal> {
  const { apiKeys, idempotentWriter, now } = dependencies
  const { text, id } = apiKeys.draft()
  const call = { participant: context.viewer.participant, operation, idempotencyKey, command, at: now() }
  const outcome = await idempotentWriter.once(call, async (session) => {
    const grant = await grantOf(session)
    if (isRefusal(grant)) return grant
    const after = await apiKeys.add(text, grant, now(), session)
    await record(dependencies, context, operation, { before: null, after }, session)
    return { id }
  })
  if (isRefusal(outcome)) return outcome
  const key = await apiKeys.byId(outcome.done.id)
  return key ? { secret: outcome.replayed ? null : text, key } : unknownKey
}

async function revokeKey(
  dependencies: Dependencies,
  context: RequestContext,
  id: string,
): Promise<ApiKeyView | Refusal> {
  const { apiKeys, audit, now } = dependencies
  const refusal = requireScope(context, 'keys:manage')
  if (refusal) return refusal
  return audit.entries.db.client.withSession((session) =>
    session.withTransaction(async () => {
      const before = await findOwn(dependencies, context, id, session)
      if (!before) return unknownKey
      if (before.revokedAt) return before
      await apiKeys.revokeById(id, now(), session)
      const after = (await apiKeys.byId(id, session))!
      await record(dependencies, context, 'revokeKey', { before, after }, session)
      return after
    }),
  )
}

const unknownKey = refuse('NOT_FOUND', 'the caller has no such key', ['input', 'key'])

async function findOwn(
  { apiKeys }: Dependencies,
  context: RequestContext,
  id: string,
  session: ClientSession,
): Promise<ApiKeyView | null> {
  const key = await apiKeys.byId(id, session)
  return key && (isOperator(context) || key.participant === context.viewer.participant) ? key : null
}

function readGrant(
  { registry, now }: Dependencies,
  context: RequestContext,
  { participant: wanted, label, scopes: names, expiresAt = null, certificate = null }: CreateKeyInput,
): Grant | Refusal {
  const participant = wanted ?? context.viewer.participant
  const isOwn = participant === context.viewer.participant
  if (!registry.participants.has(participant) || !(isOwn || isOperator(context))) {
    return refuse('PARTICIPANT_UNKNOWN', undefined, ['input', 'participant'])
  }
  if (!/^[^\p{Cc}]{1,60}$/u.test(label)) {
    return refuse('BAD_VALUE', 'label has 1–60 characters and no control character', ['input', 'label'])
  }
  const unknown = names.findIndex((name) => !Object.hasOwn(allScopes, name))
  if (names.length === 0 || unknown >= 0) {
    const known = Object.keys(allScopes).join(', ')
    const path = ['input', 'scopes', ...(unknown >= 0 ? [String(unknown)] : [])]
    return refuse('BAD_VALUE', `scopes are at least one of ${known}`, path)
  }
  if (expiresAt && expiresAt <= now()) {
    return refuse('BAD_VALUE', 'expiresAt must be in the future', ['input', 'expiresAt'])
  }
  if (certificate !== null && !/^[\w-]{43}$/.test(certificate)) {
    return refuse('BAD_VALUE', 'certificate is a SHA-256 in base64url, of 43 characters', [
      'input',
      'certificate',
    ])
  }
  const scopes = [...new Set(names as Scope[])]
  return unheldScope(context, scopes) ?? { participant, scopes, label, expiresAt, certificate }
}

/** A key grants at most what its maker's key grants. */
function unheldScope(context: RequestContext, scopes: readonly Scope[]): Refusal | null {
  const unheld = isOperator(context) ? undefined : scopes.find((scope) => !context.viewer.scopes.has(scope))
  if (unheld === undefined) return null
  return refuse('FORBIDDEN', `the caller's key does not have the scope "${unheld}"`, ['input', 'scopes'])
}

const record = (
  { audit, now }: Dependencies,
  context: RequestContext,
  action: AuditedAction,
  change: { readonly before: ApiKeyView | null; readonly after: ApiKeyView },
  session: ClientSession,
): Promise<void> =>
  audit.record(
    { ...authorOf(context), at: now(), action, target: `key:${change.after.id}`, ...change },
    session,
  )
