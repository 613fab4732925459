// The fetch of entities from one subgraph, and the parts of it that a fetch is split into.

import {
  Kind,
  print,
  visit,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type InlineFragmentNode,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'
import type { BatchFetchNode, FetchNode } from './plan.ts'

export type EntityAlias = BatchFetchNode['entityBatch']['aliases'][number]
/** A fetch of entities: one `_entities` field for each alias. */
export interface EntityCall {
  readonly node: Pick<FetchNode | BatchFetchNode, 'serviceName' | 'operation' | 'variableUsages'>
  readonly aliases: readonly EntityAlias[]
}

/** What the planner requires of the entities, by type. */
export const fragmentsOf = ({ requires }: EntityAlias) =>
  requires.filter((selection) => selection.kind === 'InlineFragment')

/** The key of the field in the result of the subgraph. */
export const keyOf = ({ alias, name }: FieldNode): string => (alias ?? name).value

/** The `_entities` field of an alias. */
export const entityField = (operation: OperationDefinitionNode, alias: string): FieldNode =>
  operation.selectionSet.selections.find(
    (node): node is FieldNode => node.kind === Kind.FIELD && keyOf(node) === alias,
  )!

/** The fetch with one of its aliases; `selectionSet` replaces its selection, null keeps it. */
export function only(
  { serviceName, variableUsages = [] }: EntityCall['node'],
  operation: OperationDefinitionNode,
  { alias }: EntityAlias,
  replacement: SelectionSetNode | null,
): EntityCall['node'] {
  const field = entityField(operation, alias)
  const selectionSet = selectionSetOf([{ ...field, selectionSet: replacement ?? field.selectionSet! }])
  const used = new Set<string>()
  visit(selectionSet, { Variable: ({ name }) => void used.add(name.value) })
  const definitions = operation.variableDefinitions ?? []
  const variableDefinitions = definitions.filter(({ variable }) => used.has(variable.name.value))
  return {
    serviceName,
    operation: print({ ...operation, variableDefinitions, selectionSet }),
    variableUsages: variableUsages.filter((name) => used.has(name)),
  }
}

export const selectionSetOf = (selections: readonly SelectionNode[]): SelectionSetNode => ({
  kind: Kind.SELECTION_SET,
  selections,
})

/** The operation, with inline fragments in place of its named ones. */
export function withoutFragments(document: DocumentNode): OperationDefinitionNode {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node)
  }
  const operation = document.definitions.find((node) => node.kind === Kind.OPERATION_DEFINITION)!
  return visit(operation, {
    FragmentSpread({ name }): InlineFragmentNode {
      const { typeCondition, selectionSet } = fragments.get(name.value)!
      return { kind: Kind.INLINE_FRAGMENT, typeCondition, selectionSet }
    },
  })
}
