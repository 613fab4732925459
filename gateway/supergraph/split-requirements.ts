// Splits fetches of fields that require one field with different arguments, because a representation has it
// only once.

import { Kind, parse, type OperationDefinitionNode, type SelectionNode, type SelectionSetNode } from 'graphql'
import {
  entityField,
  keyOf,
  only,
  selectionSetOf,
  withoutFragments,
  type EntityAlias,
  type EntityCall,
} from './entity-calls.ts'
import type { RequiresSelection } from './plan.ts'
import type { RequiredFields } from './requires-arguments.ts'
import type { PlanScope } from './run.ts'

/**
 * Splits a fetch of entities whose representation would contain one field with different arguments. Each part
 * has the fields that agree about it.
 */
export function splitRequirements(call: EntityCall, scope: PlanScope): readonly EntityCall[] {
  const { node, aliases } = call
  const { requiredFields } = scope.supergraph
  if (
    requiredFields.size === 0 ||
    !aliases.some(({ requires }) => clash(namesIn(requires), requiredFields))
  ) {
    return [call]
  }
  const operation = withoutFragments(parse(node.operation, { noLocation: true }))
  return aliases.flatMap((alias): EntityCall[] => {
    if (!clash(namesIn(alias.requires), requiredFields)) {
      return [{ node: only(node, operation, alias, null), aliases: [alias] }]
    }
    return partsOf(alias, operation, scope).map(({ keys, required }) => {
      const requires = alias.requires.map((selection) => without(selection, required, requiredFields))
      const selectionSet = withKeys(entityField(operation, alias.alias).selectionSet!, keys)
      return { node: only(node, operation, alias, selectionSet), aliases: [{ ...alias, requires }] }
    })
  })
}

/** Fields that one representation serves. */
interface Part {
  readonly keys: Set<string>
  readonly required: Set<string>
}

function partsOf(alias: EntityAlias, operation: OperationDefinitionNode, { supergraph }: PlanScope): Part[] {
  const parts: Part[] = []
  const add = (key: string, required: ReadonlySet<string>): void => {
    const part = parts.find((one) => !clash([...one.required, ...required], supergraph.requiredFields))
    if (!part) parts.push({ keys: new Set([key]), required: new Set(required) })
    else {
      part.keys.add(key)
      for (const name of required) part.required.add(name)
    }
  }
  const needs = new Map<string, Set<string>>()
  const visitSet = (type: string, set: SelectionSetNode): void => {
    for (const node of set.selections) {
      if (node.kind === Kind.INLINE_FRAGMENT)
        visitSet(node.typeCondition?.name.value ?? type, node.selectionSet)
      if (node.kind !== Kind.FIELD) continue
      const needed = needs.get(keyOf(node)) ?? new Set()
      needs.set(keyOf(node), needed)
      for (const name of supergraph.requiredArguments(type, node.name.value)) needed.add(name)
    }
  }
  visitSet('', entityField(operation, alias.alias).selectionSet!)
  for (const [key, required] of needs) add(key, required)
  return parts
}

/** The selection with only the fields that have one of the keys. */
function withKeys(set: SelectionSetNode, keys: ReadonlySet<string>): SelectionSetNode {
  return selectionSetOf(
    set.selections.flatMap((node): SelectionNode[] => {
      if (node.kind !== Kind.INLINE_FRAGMENT) {
        return node.kind === Kind.FIELD && keys.has(keyOf(node)) ? [node] : []
      }
      const selectionSet = withKeys(node.selectionSet, keys)
      return selectionSet.selections.length > 0 ? [{ ...node, selectionSet }] : []
    }),
  )
}

/** Whether two of the names are one field with different arguments. */
function clash(names: readonly string[], fields: RequiredFields): boolean {
  const seen = new Map<string, string>()
  return names.some((name) => {
    const field = fields.get(name)
    if (!field) return false
    const real = `${field.type}.${field.name}`
    const other = seen.get(real) ?? name
    seen.set(real, name)
    return other !== name
  })
}

function namesIn(selections: readonly RequiresSelection[]): string[] {
  return selections.flatMap((selection) => {
    if (selection.kind === 'FragmentSpread') return []
    const own = selection.kind === 'Field' ? [selection.alias ?? selection.name] : []
    return [...own, ...namesIn(selection.selections ?? [])]
  })
}

/** The selection without the fields with arguments that are not in `kept`. */
function without<Selection extends RequiresSelection>(
  selection: Selection,
  kept: ReadonlySet<string>,
  fields: RequiredFields,
): Selection {
  if (selection.kind === 'FragmentSpread' || !selection.selections) return selection
  const selections = selection.selections.flatMap((inner) => {
    const name = inner.kind === 'Field' ? (inner.alias ?? inner.name) : ''
    return fields.has(name) && !kept.has(name) ? [] : [without(inner, kept, fields)]
  })
  return { ...selection, selections }
}
