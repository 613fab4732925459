// What one execution of a plan works on, and what a plan is compiled against.

import type { SubgraphConnection, Variables } from './connection.ts'
import type { Failure } from './failures.ts'
import type { Data, Lost } from './merge.ts'
import type { PlannerDocument } from './planner-document.ts'
import type { SupergraphSchema } from './supergraph-schema.ts'

/** One execution of a plan. */
export interface Run extends Lost {
  readonly variables: Variables
  readonly context: unknown
  /** Null until a subgraph has answered. */
  data: Data | null
  failures: Failure[] | null
}

export type Step = (run: Run) => void | Promise<void>

/** What a plan is compiled against. */
export interface PlanScope {
  readonly supergraph: SupergraphSchema
  readonly subgraphs: ReadonlyMap<string, SubgraphConnection>
  /** The client's name of each variable, by its name in the planned document. */
  readonly variables: ReadonlyMap<string, string>
  /** What the client wants of an object of this type at this path. */
  readonly asked: PlannerDocument['asked']
}
