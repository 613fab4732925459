// Calls the planner. Its types as we use them: what it may say but never does for our documents is an error here.

import { QueryPlanner, type PlanNode } from '@graphql-hive/router-query-planner'

export type {
  BatchFetchNode,
  FetchNode,
  FetchNodePathSegment,
  FetchRewrite,
  FlattenNodePathSegment,
  PlanNode,
  RequiresSelection,
} from '@graphql-hive/router-query-planner'

export type Planner = (document: string) => PlanNode | undefined

/** A planner over a supergraph: reads its SDL once, then plans one operation at a time (about 0.2 ms each). */
export function createPlanner(supergraphSdl: string): Planner {
  const planner = new QueryPlanner(supergraphSdl)
  const labels = new Set<string>()
  return (document) => planner.plan(document, null, labels, 0).node
}
