// Participants, projects and corridors in MongoDB: the only place that writes them. Reads go to the in-memory reference. Each
// change is one MongoDB transaction with its entry in the audit log and, where one was given, its idempotency key.

import { hash } from 'node:crypto'
import type { Collection, Db } from 'mongodb'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { openAuditLog, type AuditedAction } from '../shared/audit-log.ts'
import { createIdempotentWriter } from '../shared/idempotent-writer.ts'
import { duplicateKey, isServerError } from '../platform/mongo/client.ts'
import type { Corridor, Participant, Project, Stored } from '../shared/registry.ts'
import { withoutSecrets } from './connection.ts'
import type { ParticipantId } from '../../schema/values/id.ts'

interface Versioned {
  readonly id: string
  readonly version: number
}

/** Who asks for a change, and under which key. */
export interface ChangeRequest {
  /** Id of the participant. */
  readonly by: ParticipantId
  readonly requestId: string
  readonly action: AuditedAction
  /** The same key and input again give the first answer again. */
  readonly input: { readonly idempotencyKey?: string | null }
}

/** What becomes of a row at `now`, or why nothing does. It may be asked several times, so it must be pure. */
export type Rule<Row> = (row: Row, now: Date) => Row | Refusal

/** Participants come back without their secrets. Every call may refuse with what `KeyedWriter.once` refuses with. */
export interface ParticipantStore {
  /** Adds a participant; refused with ALREADY_EXISTS when its id or institution number is taken. */
  add(make: (now: Date) => Participant, request: ChangeRequest): Promise<Participant | Refusal>
  /** Refused with PARTICIPANT_UNKNOWN when there is none. */
  changeParticipant(
    id: string,
    rule: Rule<Participant>,
    request: ChangeRequest,
  ): Promise<Participant | Refusal>
  /** The same, for a rule that may give the participant `secret`; null when it did not, or when it no longer signs. */
  connect(
    id: string,
    rule: Rule<Participant>,
    secret: string,
    request: ChangeRequest,
  ): Promise<{ readonly participant: Participant; readonly secret: string | null } | Refusal>
  /** `rule` is asked with null when there is none: what it gives then is added. */
  changeCorridor(
    id: string,
    rule: (corridor: Corridor | null) => Corridor | Refusal,
    request: ChangeRequest,
  ): Promise<Corridor | Refusal>
}

export async function createParticipantStore(db: Db, now: () => Date): Promise<ParticipantStore> {
  await createIndexes(db)
  const idempotentWriter = await createIdempotentWriter(db)
  const audit = await openAuditLog(db)
  const participants = db.collection<Stored<Participant>>('participants')
  const corridors = db.collection<Stored<Corridor>>('corridors')
  const callOf = ({ by, action, input }: ChangeRequest) => ({
    participant: by,
    operation: action,
    idempotencyKey: input.idempotencyKey,
    input,
    at: now(),
  })

  /** Lets `rule` decide about row `id` and writes what it says; `keep` is what the caller gets, and the key keeps. */
  const change = async <Row extends Versioned, Kept>(
    { stored, kind }: Kind<Row>,
    id: string,
    rule: (row: Row | null, now: Date) => Row | Refusal,
    request: ChangeRequest,
    keep: (after: Row) => Kept,
  ): Promise<Kept | Refusal> => {
    const collection = stored as unknown as Collection<{ _id: string; version: number }>
    const outcome = await idempotentWriter.once(callOf(request), async (session) => {
      const at = now()
      const found = await collection.findOne({ _id: id }, { session })
      const before = found && (decode(found) as unknown as Row)
      const after = rule(before, at)
      if (isRefusal(after)) return after
      const { _id, ...content } = encode(after)
      // In a MongoDB transaction a row that changes meanwhile is a write conflict: then all of this runs again.
      if (before) await collection.replaceOne({ _id }, content, { session })
      else await collection.insertOne({ _id, ...content }, { session })
      const { by: actor, action, requestId } = request
      await audit.record({ at, actor, action, target: `${kind}:${id}`, before, after, requestId }, session)
      return keep(after)
    })
    return isRefusal(outcome) ? outcome : outcome.done
  }

  const ofParticipants: Kind<Participant> = {
    stored: participants,
    kind: 'participant',
  }
  const ofCorridors: Kind<Corridor> = { stored: corridors, kind: 'corridor' }

  return {
    async add(make, request) {
      const outcome = await idempotentWriter.once(callOf(request), async (session) => {
        const at = now()
        const participant = make(at)
        try {
          await participants.insertOne(encode(participant), { session })
        } catch (error) {
          return whatIsTaken(error, participant)
        }
        const { by: actor, action, requestId } = request
        const target = `participant:${participant.id}` as const
        await audit.record(
          { at, actor, action, target, before: null, after: participant, requestId },
          session,
        )
        return participant
      })
      return isRefusal(outcome) ? outcome : outcome.done
    },
    changeParticipant: (id, rule, request) =>
      change(ofParticipants, id, orUnknown(rule), request, withoutSecrets),
    async connect(id, rule, secret, request) {
      const connected = await change(ofParticipants, id, orUnknown(rule), request, (participant) => ({
        participant: withoutSecrets(participant),
        // The key keeps what the secret is known by; the secret itself is in one place only.
        digest: participant.endpoint?.secrets.some((one) => one.secret === secret) ? digest(secret) : null,
      }))
      if (isRefusal(connected)) return connected
      const present = await participants.findOne({ _id: id })
      const made = present?.endpoint?.secrets.find((one) => digest(one.secret) === connected.digest)
      return { participant: connected.participant, secret: made?.secret ?? null }
    },
    changeCorridor: (id, rule, request) => change(ofCorridors, id, rule, request, (corridor) => corridor),
  }
}

interface Kind<Row extends Versioned> {
  readonly stored: Collection<Stored<Row>>
  readonly kind: 'participant' | 'corridor'
}

const orUnknown =
  (rule: Rule<Participant>) =>
  (participant: Participant | null, now: Date): Participant | Refusal =>
    participant ? rule(participant, now) : refuse('PARTICIPANT_UNKNOWN', undefined, ['input', 'participant'])

const digest = (secret: string): string => hash('sha256', secret, 'base64url')

/** Throws `error` when it says anything else. */
function whatIsTaken(error: unknown, participant: Participant): Refusal {
  if (!isServerError(error, duplicateKey)) throw error
  const taken = 'iin' in (error['keyPattern'] as object) ? 'iin' : 'id'
  return refuse('ALREADY_EXISTS', `another participant has ${taken} "${participant[taken]}"`, [
    'input',
    taken,
  ])
}

/**
 * Writes reference data as it is given, over what has the same ids, and makes the indexes. For data sets and first starts:
 * running it again changes nothing.
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

/** Institution numbers are unique where there is one. The other reads are by id or in memory. */
const createIndexes = (db: Db): Promise<string> =>
  db
    .collection('participants')
    .createIndex({ iin: 1 }, { unique: true, partialFilterExpression: { iin: { $type: 'string' } } })

const encode = <Row extends { readonly id: string }>({ id, ...rest }: Row): Stored<Row> => ({
  _id: id,
  ...rest,
})

const decode = <Document extends { readonly _id: string }>({ _id, ...rest }: Document) => ({
  id: _id,
  ...rest,
})
