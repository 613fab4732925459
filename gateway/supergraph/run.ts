// The state of one execution of a plan, and the scope that a plan is compiled in.

import type { SubgraphConnection, Variables } from './connection.ts'
import type { Failure } from './failures.ts'
import type { Data, Lost } from './merge.ts'
import type { PlannerDocument } from './planner-document.ts'
import type { SupergraphSchema } from './supergraph-schema.ts'
import type { Deadline, LoopTime } from './waiting.ts'

/** One execution of a plan. */
export interface Run extends Lost {
  readonly variables: Variables
  readonly context: unknown
  /** The `deadline` of the context; null when it has none. */
  readonly deadline: Deadline | null
  /** The `loopTime` of the context; null when it has none. */
  readonly loopTime: LoopTime | null
  /** Null until the first subgraph returns data. */
  data: Data | null
  failures: Failure[] | null
  /** Entities that a subgraph has not found or not returned: their missing fields have no other reason. */
  unknown: Set<unknown> | null
  /** Root fields of the data that a subgraph has not returned, and has given an error for. */
  unknownRoots: Set<string> | null
}

export type Step = (run: Run) => void | Promise<void>

/** The scope that a plan is compiled in. */
export interface PlanScope {
  readonly supergraph: SupergraphSchema
  readonly subgraphs: ReadonlyMap<string, SubgraphConnection>
  /** The client's name of the operation, which its fetches have with the name of their subgraph. */
  readonly operationName: string | null
  /** The client's name of each variable, by its name in the planned document. */
  readonly variables: ReadonlyMap<string, string>
  readonly constants: PlannerDocument['constants']
  readonly wantedFields: PlannerDocument['wantedFields']
}
