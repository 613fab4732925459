// The subgraphs that the operator has joined, in MongoDB. Each change is one MongoDB transaction with its
// entry in the audit log and, if the call has one, its idempotency key.

import { hash } from 'node:crypto'
import type { ClientSession, Db } from 'mongodb'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { makeCollection } from '../platform/mongo/client.ts'
import { openAuditLog, type ParticipantAuthor } from '../shared/audit-log.ts'
import { createIdempotentWriter } from '../shared/idempotent-writer.ts'
import type { StoredSubgraph } from '../shared/joined-subgraphs.ts'

export interface SubgraphChange {
  readonly name: string
  readonly by: ParticipantAuthor
  readonly idempotencyKey?: string | null | undefined
  /** The input as it was read. */
  readonly command: object
}

/** Each method also refuses as `IdempotentWriter.once` does. */
export interface SubgraphStore {
  /** In order of name. */
  all(): Promise<readonly StoredSubgraph[]>
  /** Stores the subgraph over one of the same name. `read` gives its SDL, and may run several times. */
  join(
    url: string,
    read: () => Promise<string | Refusal>,
    change: SubgraphChange,
  ): Promise<StoredSubgraph | Refusal>
  /** Refuses with SUBGRAPH_UNKNOWN when there is none of this name. */
  leave(change: SubgraphChange): Promise<{ readonly name: string } | Refusal>
}

interface StoredDocument extends Omit<StoredSubgraph, 'id'> {
  readonly _id: string
}

export async function createSubgraphStore(db: Db, now: () => Date): Promise<SubgraphStore> {
  await makeCollection(db, 'subgraphs')
  const stored = db.collection<StoredDocument>('subgraphs')
  const writer = await createIdempotentWriter(db)
  const audit = await openAuditLog(db)

  async function once<Result>(
    action: 'joinSubgraph' | 'leaveSubgraph',
    { by, idempotencyKey = null, command }: SubgraphChange,
    effect: (session: ClientSession) => Promise<Result | Refusal>,
  ): Promise<Result | Refusal> {
    const call = { participant: by.actor, operation: action, idempotencyKey, command, at: now() }
    const outcome = await writer.once(call, effect)
    return isRefusal(outcome) ? outcome : outcome.done
  }

  const record = (
    action: 'joinSubgraph' | 'leaveSubgraph',
    { name, by }: SubgraphChange,
    before: StoredDocument | null,
    after: StoredDocument | null,
    session: ClientSession,
  ): Promise<void> =>
    audit.record(
      {
        ...by,
        at: now(),
        action,
        target: `subgraph:${name}`,
        before: before && audited(before),
        after: after && audited(after),
      },
      session,
    )

  return {
    async all() {
      return (await stored.find().sort({ _id: 1 }).toArray()).map(subgraphOf)
    },
    join: (url, read, change) =>
      once('joinSubgraph', change, async (session) => {
        const sdl = await read()
        if (isRefusal(sdl)) return sdl
        const before = await stored.findOne({ _id: change.name }, { session })
        const version = (before?.version ?? 0) + 1
        const after: StoredDocument = {
          _id: change.name,
          url,
          sdl,
          joinedAt: now(),
          by: change.by.actor,
          version,
        }
        const { _id, ...content } = after
        await stored.replaceOne({ _id }, content, { upsert: true, session })
        await record('joinSubgraph', change, before, after, session)
        return subgraphOf(after)
      }),
    leave: (change) =>
      once('leaveSubgraph', change, async (session) => {
        const before = await stored.findOneAndDelete({ _id: change.name }, { session })
        if (!before)
          return refuse('SUBGRAPH_UNKNOWN', `no subgraph "${change.name}" was joined`, ['input', 'name'])
        await record('leaveSubgraph', change, before, null, session)
        return { name: change.name }
      }),
  }
}

const subgraphOf = ({ _id, ...rest }: StoredDocument): StoredSubgraph => ({ id: _id, ...rest })

/** The audit log keeps the hash of the SDL, which may be long. */
const audited = ({ _id, sdl, ...rest }: StoredDocument): object => ({
  id: _id,
  ...rest,
  sdlSha256: hash('sha256', sdl),
})
