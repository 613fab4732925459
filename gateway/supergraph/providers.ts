// Finds which subgraph a field of the data was requested from, to name it in an error.

import { Kind, parse, type SelectionSetNode } from 'graphql'
import { entityField, keyOf, withoutFragments } from './entity-calls.ts'
import type { BatchFetchNode, FetchNode, FlattenNodePathSegment, PlanNode } from './plan.ts'

/** Names of subgraphs by the keys on the path of a field in the data, without list indexes. */
export type Providers = ReadonlyMap<string, string>

/** Reads the providers of a plan. Only a response with an error needs them. */
export function providersOf(plan: PlanNode): Providers {
  const providers = new Map<string, string>()
  const addSet = (subgraph: string, set: SelectionSetNode | undefined, path: readonly string[]): void => {
    for (const node of set?.selections ?? []) {
      if (node.kind === Kind.INLINE_FRAGMENT) addSet(subgraph, node.selectionSet, path)
      if (node.kind !== Kind.FIELD) continue
      const at = [...path, keyOf(node)]
      if (!providers.has(at.join('/'))) providers.set(at.join('/'), subgraph)
      addSet(subgraph, node.selectionSet, at)
    }
  }
  const addFetch = (
    { serviceName, operation }: FetchNode | BatchFetchNode,
    aliases: readonly Alias[],
  ): void => {
    const root = withoutFragments(parse(operation, { noLocation: true }))
    if (aliases.length === 0) addSet(serviceName, root.selectionSet, [])
    for (const { alias, paths } of aliases) {
      for (const path of paths) addSet(serviceName, entityField(root, alias).selectionSet, keysOf(path))
    }
  }
  const visit = (node: PlanNode): void => {
    if (node.kind === 'Sequence' || node.kind === 'Parallel') node.nodes.forEach(visit)
    else if (node.kind === 'Subscription') addFetch(node.primary, [])
    else if (node.kind === 'Fetch') addFetch(node, [])
    else if (node.kind === 'BatchFetch') addFetch(node, node.entityBatch.aliases)
    else if (node.kind === 'Flatten' && node.node.kind === 'Fetch') {
      addFetch(node.node, [{ alias: '_entities', paths: [node.path] }])
    }
  }
  visit(plan)
  return providers
}

interface Alias {
  readonly alias: string
  readonly paths: readonly (readonly FlattenNodePathSegment[])[]
}

/** The keys on a path of the plan. */
export const keysOf = (path: readonly FlattenNodePathSegment[]): string[] =>
  path.flatMap((segment) => (segment !== '@' && 'Field' in segment ? [segment.Field] : []))
