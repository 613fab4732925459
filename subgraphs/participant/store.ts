// Participants, projects and corridors in MongoDB: the only place that writes them. Reads go to the in-memory reference.

import { MongoServerError, type Collection, type Db } from 'mongodb'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { Corridor, Participant, Project, Stored } from '../reference.ts'

interface Versioned {
  readonly id: string
  readonly version: number
}

export interface ParticipantStore {
  /** Adds a participant; refused with ALREADY_EXISTS when its id or institution number is taken. */
  add(participant: Participant): Promise<Participant | Refusal>
  /**
   * Reads a participant, lets `rule` decide, and writes only if nobody wrote between; otherwise it decides again, so `rule`
   * must be pure. Refused with PARTICIPANT_UNKNOWN when there is none.
   */
  decideParticipant(
    id: string,
    rule: (now: Participant) => Participant | Refusal,
  ): Promise<Participant | Refusal>
  /** The same for a corridor; refused with NOT_FOUND. */
  decideCorridor(id: string, rule: (now: Corridor) => Corridor | Refusal): Promise<Corridor | Refusal>
}

export async function participantStore(db: Db): Promise<ParticipantStore> {
  await createIndexes(db)
  const participants = db.collection<Stored<Participant>>('participants')
  const corridors = db.collection<Stored<Corridor>>('corridors')
  return {
    async add(participant) {
      try {
        await participants.insertOne(encode(participant))
        return participant
      } catch (error) {
        if (!(error instanceof MongoServerError) || error.code !== 11000) throw error
        const taken = 'iin' in (error['keyPattern'] as object) ? 'iin' : 'id'
        return refuse('ALREADY_EXISTS', `another participant has ${taken} "${participant[taken]}"`, [
          'input',
          taken,
        ])
      }
    },
    decideParticipant: (id, rule) =>
      decide(participants, id, rule, refuse('PARTICIPANT_UNKNOWN', undefined, ['input', 'participant'])),
    decideCorridor: (id, rule) =>
      decide(corridors, id, rule, refuse('NOT_FOUND', undefined, ['input', 'id'])),
  }
}

/**
 * Writes reference data as it is given, over what has the same ids, and makes the indexes. For data sets and first starts:
 * running it again changes nothing.
 */
export async function importReference(
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

async function decide<Row extends Versioned>(
  stored: Collection<Stored<Row>>,
  id: string,
  rule: (now: Row) => Row | Refusal,
  unknown: Refusal,
): Promise<Row | Refusal> {
  const collection = stored as unknown as Collection<{ _id: string; version: number }>
  for (;;) {
    const before = await collection.findOne({ _id: id })
    if (!before) return unknown
    const next = rule(decode(before) as unknown as Row)
    if (isRefusal(next)) return next
    const { _id, ...content } = encode(next)
    const { matchedCount } = await collection.replaceOne({ _id, version: before.version }, content)
    if (matchedCount === 1) return next
  }
}
