// Participants, projects and corridors in MongoDB. Only this store changes them; reads use the registry in
// memory. Each change is one MongoDB transaction with its entry in the audit log and, if the call has one,
// its idempotency key.

import { hash } from 'node:crypto'
import type { ClientSession, Collection, Db, MongoServerError } from 'mongodb'
import type { CorridorId, ParticipantId, ProjectId } from '../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { isDuplicateKey } from '../platform/mongo/errors.ts'
import { openAuditLog, type AuditedAction, type ParticipantAuthor } from '../shared/audit-log.ts'
import type { Operation } from '../shared/idempotency-key.ts'
import { createIdempotentWriter } from '../shared/idempotent-writer.ts'
import {
  withOpenSecrets,
  withSealedSecrets,
  type Corridor,
  type Participant,
  type Project,
  type Stored,
} from '../shared/registry.ts'
import { plainSecrets, type SecretBox } from '../shared/secret-box.ts'
import { withoutSecrets } from './connection.ts'

interface Versioned {
  readonly id: string
  readonly version: number
}

/** The caller of a change, and what it sent. */
export interface ChangeRequest {
  readonly by: ParticipantAuthor
  readonly action: AuditedAction & Operation
  /** The same key and command return the first result again. */
  readonly idempotencyKey?: string | null | undefined
  /** The input as it was read. */
  readonly command: object
}

/**
 * Computes the changed row at `now`, or refuses. A rule is pure: a MongoDB transaction may run it several
 * times.
 */
export type Rule<Row> = (row: Row, now: Date) => Row | Refusal

/**
 * Participants are returned without their secrets. Each method also refuses as `IdempotentWriter.once` does.
 */
export interface ParticipantStore {
  /** Adds a participant. Refuses with ALREADY_EXISTS when its id or its institution number is taken. */
  add(create: (now: Date) => Participant, request: ChangeRequest): Promise<Participant | Refusal>
  /** Refuses with PARTICIPANT_UNKNOWN when there is no participant with this id. */
  changeParticipant(
    id: ParticipantId,
    rule: Rule<Participant>,
    request: ChangeRequest,
  ): Promise<Participant | Refusal>
  /**
   * Changes a participant by a rule that may give it `secret`. Returns `secret` as null when the rule did not
   * use it.
   */
  connect(
    id: ParticipantId,
    rule: Rule<Participant>,
    secret: string,
    request: ChangeRequest,
  ): Promise<ParticipantConnected | Refusal>
  /** Changes or adds a corridor; the rule receives null when there is none with this id. */
  changeCorridor(
    id: CorridorId,
    rule: (corridor: Corridor | null) => Corridor | Refusal,
    request: ChangeRequest,
  ): Promise<Corridor | Refusal>
  /** Changes or adds a project, likewise. */
  changeProject(
    id: ProjectId,
    rule: (project: Project | null) => Project | Refusal,
    request: ChangeRequest,
  ): Promise<Project | Refusal>
}

export interface ParticipantConnected {
  readonly participant: Participant
  /** A new signing secret; null when there is none, or when it has expired since. */
  readonly secret: string | null
}

export async function createParticipantStore(
  db: Db,
  now: () => Date,
  box: SecretBox = plainSecrets,
): Promise<ParticipantStore> {
  await createIndexes(db)
  const context: Context = {
    participants: {
      stored: db.collection<Stored<Participant>>('participants'),
      kind: 'participant',
      seal: (participant) => withSealedSecrets(participant, box),
      open: (participant) => withOpenSecrets(participant, box),
    },
    corridors: { ...plain, stored: db.collection<Stored<Corridor>>('corridors'), kind: 'corridor' },
    projects: { ...plain, stored: db.collection<Stored<Project>>('projects'), kind: 'project' },
    idempotentWriter: await createIdempotentWriter(db),
    audit: await openAuditLog(db),
    now,
  }
  return {
    add: (create, request) => addParticipant(context, create, request),
    changeParticipant: (id, rule, request) =>
      changeRow(context, context.participants, id, unlessMissing(rule), request, withoutSecrets),
    connect: (id, rule, secret, request) => connectParticipant(context, id, rule, secret, request),
    changeCorridor: (id, rule, request) =>
      changeRow(context, context.corridors, id, rule, request, (corridor) => corridor),
    changeProject: (id, rule, request) =>
      changeRow(context, context.projects, id, rule, request, (project) => project),
  }
}

/** Of rows that have no secrets. */
const plain = { seal: <Row>(row: Row): Row => row, open: <Row>(row: Row): Row => row }

interface Rows<Row extends Versioned> {
  readonly stored: Collection<Stored<Row>>
  readonly kind: 'participant' | 'corridor' | 'project'
  /** A row with its secrets encrypted, as it is stored. */
  readonly seal: (row: Row) => Row
  readonly open: (row: Row) => Row
}

interface Context {
  readonly participants: Rows<Participant>
  readonly corridors: Rows<Corridor>
  readonly projects: Rows<Project>
  readonly idempotentWriter: Awaited<ReturnType<typeof createIdempotentWriter>>
  readonly audit: Awaited<ReturnType<typeof openAuditLog>>
  readonly now: () => Date
}

async function addParticipant(
  context: Context,
  create: (now: Date) => Participant,
  request: ChangeRequest,
): Promise<Participant | Refusal> {
  const { participants, now } = context
  return once(context, request, async (session) => {
    const at = now()
    const participant = create(at)
    try {
      await participants.stored.insertOne(encode(participants.seal(participant)), { session })
    } catch (error) {
      return refuseTaken(error, participant)
    }
    await recordChange(context, participants, { before: null, after: participant }, request, at, session)
    return participant
  })
}

async function connectParticipant(
  context: Context,
  id: ParticipantId,
  rule: Rule<Participant>,
  secret: string,
  request: ChangeRequest,
): Promise<ParticipantConnected | Refusal> {
  const { participants } = context
  const toResult = (participant: Participant) => ({
    participant: withoutSecrets(participant),
    // The idempotency key stores a digest, so that the secret itself is in one place only.
    digest: participant.endpoint?.secrets.some((one) => one.secret === secret) ? digest(secret) : null,
  })
  const connected = await changeRow(context, participants, id, unlessMissing(rule), request, toResult)
  if (isRefusal(connected)) return connected
  const found = await participants.stored.findOne({ _id: id })
  const current = found && participants.open(decode(found) as Participant)
  const issued = current?.endpoint?.secrets.find((one) => digest(one.secret) === connected.digest)
  return { participant: connected.participant, secret: issued?.secret ?? null }
}

/**
 * Changes row `id` by `rule`. The caller receives `toResult` of the changed row, and the idempotency key
 * stores it.
 */
async function changeRow<Row extends Versioned, Result>(
  context: Context,
  rows: Rows<Row>,
  id: Row['id'],
  rule: (row: Row | null, now: Date) => Row | Refusal,
  request: ChangeRequest,
  toResult: (after: Row) => Result,
): Promise<Result | Refusal> {
  const collection = rows.stored as unknown as Collection<{ _id: string; version: number }>
  return once(context, request, async (session) => {
    const at = context.now()
    const found = await collection.findOne({ _id: id }, { session })
    const before = found && rows.open(decode(found) as unknown as Row)
    const after = rule(before, at)
    if (isRefusal(after)) return after
    const { _id, ...content } = encode(rows.seal(after))
    // A concurrent change of the row is a write conflict of the MongoDB transaction, which then runs again as
    // a whole.
    if (before) await collection.replaceOne({ _id }, content, { session })
    else await collection.insertOne({ _id, ...content }, { session })
    await recordChange(context, rows, { before, after }, request, at, session)
    return toResult(after)
  })
}

async function once<Result>(
  { idempotentWriter, now }: Context,
  { by, action, idempotencyKey = null, command }: ChangeRequest,
  effect: (session: ClientSession) => Promise<Result | Refusal>,
): Promise<Result | Refusal> {
  const call = { participant: by.actor, operation: action, idempotencyKey, command, at: now() }
  const outcome = await idempotentWriter.once(call, effect)
  return isRefusal(outcome) ? outcome : outcome.done
}

const recordChange = <Row extends Versioned>(
  { audit }: Context,
  { kind }: Rows<Row>,
  { before, after }: { readonly before: Row | null; readonly after: Row },
  { by, action }: ChangeRequest,
  at: Date,
  session: ClientSession,
): Promise<void> => audit.record({ ...by, at, action, target: `${kind}:${after.id}`, before, after }, session)

const unlessMissing =
  (rule: Rule<Participant>) =>
  (participant: Participant | null, now: Date): Participant | Refusal =>
    participant ? rule(participant, now) : refuse('PARTICIPANT_UNKNOWN', undefined, ['input', 'participant'])

const digest = (secret: string): string => hash('sha256', secret, 'base64url')

/** Rethrows every other error. */
function refuseTaken(error: unknown, participant: Participant): Refusal {
  if (!isDuplicateKey(error)) throw error
  const field = 'iin' in ((error as MongoServerError)['keyPattern'] as object) ? 'iin' : 'id'
  return refuse('ALREADY_EXISTS', `another participant has ${field} "${participant[field]}"`, [
    'input',
    field,
  ])
}

/**
 * Writes participants, projects and corridors over those with the same ids, and creates the indexes. For data
 * sets and first starts; repeating it changes nothing.
 */
export async function importRegistry(
  db: Db,
  rows: {
    readonly participants: readonly Participant[]
    readonly projects: readonly Project[]
    readonly corridors: readonly Corridor[]
  },
): Promise<void> {
  await createIndexes(db)
  await Promise.all([
    upsert(db.collection<Stored<Participant>>('participants'), rows.participants),
    upsert(db.collection<Stored<Project>>('projects'), rows.projects),
    upsert(db.collection<Stored<Corridor>>('corridors'), rows.corridors),
  ])
}

async function upsert<Row extends { readonly id: string }>(
  collection: Collection<Stored<Row>>,
  rows: readonly Row[],
): Promise<void> {
  if (rows.length === 0) return
  await (collection as unknown as Collection<{ _id: string }>).bulkWrite(
    rows.map((row) => {
      const { _id, ...rest } = encode(row)
      return { replaceOne: { filter: { _id }, replacement: rest, upsert: true } }
    }),
    { ordered: false },
  )
}

/**
 * Institution numbers are unique among the participants that have one. All other queries are by id or in
 * memory.
 */
const createIndexes = (db: Db): Promise<string> =>
  db
    .collection('participants')
    .createIndex({ iin: 1 }, { unique: true, partialFilterExpression: { iin: { $type: 'string' } } })

/**
 * Encrypts the secrets of all participants under the newest key of `box`; returns how many it has changed.
 */
export async function resealParticipants(db: Db, box: SecretBox): Promise<number> {
  const participants = db.collection<Stored<Participant>>('participants')
  let changed = 0
  for await (const found of participants.find({ 'endpoint.secrets': { $type: 'array' } })) {
    const { endpoint } = found
    if (!endpoint || endpoint.secrets.every(({ secret }) => box.isCurrent(secret))) continue
    const opened = withOpenSecrets(decode(found) as Participant, box)
    const sealed = withSealedSecrets(opened, box).endpoint!.secrets
    // A rotation meanwhile has sealed its secrets itself.
    const filter = { _id: found._id, 'endpoint.secrets': endpoint.secrets }
    changed += (await participants.updateOne(filter, { $set: { 'endpoint.secrets': sealed } })).modifiedCount
  }
  return changed
}

const encode = <Row extends { readonly id: string }>({ id, ...rest }: Row): Stored<Row> => ({
  _id: id,
  ...rest,
})

const decode = <Document extends { readonly _id: string }>({ _id, ...rest }: Document) => ({
  id: _id,
  ...rest,
})
