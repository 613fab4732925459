// The subgraphs that the operator has joined, mirrored in memory: each hub of a database takes them on. Only
// the participant subgraph writes them.

import type { Db } from 'mongodb'
import type { ParticipantId } from '../../schema/values/id.ts'
import type { Refusal } from '../../schema/values/problems.ts'
import type { Logger } from '../platform/logger.ts'
import { openMirror } from '../platform/mongo/mirror.ts'

export const subgraphNameForm = /^[a-z][a-z0-9-]{0,39}$/

/** A subgraph as it was joined. */
export interface StoredSubgraph {
  readonly id: string
  readonly url: string
  /** As the operator gave it, or as the subgraph gave it when it was joined. */
  readonly sdl: string
  readonly joinedAt: Date
  readonly by: ParticipantId
  /** How often it was joined. */
  readonly version: number
}

/** What the mutations of the operator need of the process that runs them. */
export interface JoiningPort {
  /** The SDL that a subgraph gives; else why not, at `path` of the input. */
  fetchSdl(
    endpoint: { readonly name: string; readonly url: string },
    path: readonly string[],
  ): Promise<string | Refusal>
  /** The mistakes that the subgraph would make in the graph; none when it can be joined. */
  check(subgraph: {
    readonly name: string
    readonly url: string
    readonly sdl: string
  }): Promise<readonly CompositionMistake[]>
  /** Resolves when the process has taken on what is stored: a hub serves it then. */
  refresh(): Promise<void>
}

/** See `CompositionMistake` in the schema. */
export interface CompositionMistake {
  readonly code: string
  readonly message: string
  readonly subgraph: string | null
  readonly coordinate: string | null
  readonly line: number | null
  readonly column: number | null
}

export interface JoinedSubgraphs {
  /** In order of name. */
  readonly all: readonly StoredSubgraph[]
  /** Reads them again now, and resolves when `onChange` has taken them on. */
  refresh(): Promise<void>
  close(): Promise<void>
}

/** Calls `onChange` with all of them at the start and after each change, one call after the other. */
export async function openJoinedSubgraphs(
  db: Db,
  logger: Logger,
  onChange: (all: readonly StoredSubgraph[]) => Promise<unknown>,
): Promise<JoinedSubgraphs> {
  let all: readonly StoredSubgraph[] = []
  const mirror = await openMirror({
    db,
    logger,
    content: 'joined subgraphs',
    collections: ['subgraphs'],
    async read(_, session) {
      const stored = await db
        .collection<Omit<StoredSubgraph, 'id'> & { readonly _id: string }>('subgraphs')
        .find({}, { session, readConcern: 'majority' })
        .sort({ _id: 1 })
        .toArray()
      all = stored.map(({ _id, ...rest }) => ({ id: _id, ...rest }))
      await onChange(all)
    },
  })
  return {
    get all() {
      return all
    },
    ...mirror,
  }
}
