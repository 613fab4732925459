// Mends what the planner does to fetches from a subgraph that knows an interface as an `@interfaceObject`: where different
// fields are wanted of several of the interface's types, it makes one fetch of all of them. That asks every type for every
// field, waits for what only some of the fields require, and forgets the types that no field was wanted of by name.

import {
  Kind,
  parse,
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
import type { BatchFetchNode, FetchNode, RequiresSelection } from './plan.ts'
import type { WantedField } from './planner-document.ts'
import type { PlanScope } from './run.ts'

export type EntityAlias = BatchFetchNode['entityBatch']['aliases'][number]
/** A fetch of entities: one `_entities` field for each alias. */
export interface EntityCall {
  readonly node: Pick<FetchNode | BatchFetchNode, 'serviceName' | 'operation' | 'variableUsages'>
  readonly aliases: readonly EntityAlias[]
}

/** The same fetch, or several in its place: each then asks some types for exactly what is wanted of them. */
export function splitInterfaceObjects(call: EntityCall, scope: PlanScope): readonly EntityCall[] {
  const { node, aliases } = call
  const interfaces = aliases.map((alias) => interfaceObjectOf(alias, node.serviceName, scope))
  if (interfaces.every((type) => type === null)) return [call]
  const operation = withoutFragments(parse(node.operation, { noLocation: true }))
  const groups = aliases.map((alias, n) =>
    groupsOf(alias, interfaces[n] ?? null, operation, node.serviceName, scope),
  )
  if (groups.every((some) => some === null)) return [call]
  return aliases.flatMap((alias, n): EntityCall[] => {
    const some = groups[n]
    if (!some) return [{ node: only(node, operation, alias, null), aliases: [alias] }]
    return some.map(({ typenames, fields, selections }) => {
      const kind = 'InlineFragment' as const
      const requires = typenames.map((typeCondition) => ({ kind, typeCondition, selections }))
      return { node: only(node, operation, alias, fields), aliases: [{ ...alias, requires }] }
    })
  })
}

/** The interface that an alias' entities are presented as to the subgraph, where it knows that as an object. */
function interfaceObjectOf(
  { inputRewrites = [] }: EntityAlias,
  subgraph: string,
  { supergraph }: PlanScope,
): string | null {
  const told = inputRewrites.flatMap((rewrite) =>
    'ValueSetter' in rewrite ? [rewrite.ValueSetter.setValueTo] : [],
  )
  return told.find((type) => supergraph.isInterfaceObject(type, subgraph)) ?? null
}

/** Types that are asked for the same fields. */
interface Group {
  readonly typenames: string[]
  readonly fields: readonly FieldNode[]
  /** What of them the subgraph is sent. */
  readonly selections: RequiresSelection[]
}

/** Null when the alias is to stay as it is. */
function groupsOf(
  alias: EntityAlias,
  type: string | null,
  operation: OperationDefinitionNode,
  subgraph: string,
  { supergraph, asked }: PlanScope,
): readonly Group[] | null {
  const fetched = type === null ? null : entityFields(operation, alias.alias)
  if (type === null || !fetched) return null
  const requirements = (names: readonly string[]): Set<string> => {
    const all = new Set(names.flatMap((name) => supergraph.requiredBy(type, name)))
    // What is required may have requirements itself; a Set may grow while it is walked.
    for (const name of all) supergraph.requiredBy(type, name).forEach((inner) => all.add(inner))
    return all
  }
  const namesOf = (fields: readonly FieldNode[]): string[] => fields.map(({ name }) => name.value)
  const fragments = alias.requires.filter((one) => one.kind === 'InlineFragment')
  const sent = fragments.flatMap(({ selections }) => selections)
  const requiredTypes = new Set(fragments.flatMap(({ typeCondition }) => supergraph.typenames(typeCondition)))
  const wanted = new Map(
    supergraph
      .typenames(type)
      .map((name) => [name, alias.paths.flatMap((path) => asked(path, name))] as const),
  )
  const wantedOfAny = [...wanted.values()].flat()

  const groups = new Map<string, Group>()
  for (const [typename, wishes] of wanted) {
    const needed = requirements(wishes.map(({ name }) => name))
    const fields = fetched.flatMap((field) => {
      if (isIn(wishes, field)) return prune(field, wishes, wantedOfAny, supergraph.isInFieldSet)
      // What nobody wants is the planner's own: a key, say.
      const isOwn = !isIn(wantedOfAny, field) && requiredTypes.has(typename)
      return isOwn || needed.has(field.name.value) ? [field] : []
    })
    const id = fields.map((field) => print(field)).join()
    const group = groups.get(id)
    if (group) group.typenames.push(typename)
    else if (fields.length > 0) {
      const notNeeded = requirements(namesOf(fetched)).difference(requirements(namesOf(fields)))
      const notSent = notNeeded.difference(supergraph.keyFields(type, subgraph))
      const selections = sent.filter((one) => one.kind !== 'Field' || !notSent.has(one.alias ?? one.name))
      groups.set(id, { typenames: [typename], fields, selections })
    }
  }
  const stays =
    groups.has(fetched.map((field) => print(field)).join()) &&
    groups.size === 1 &&
    [...groups.values()].every(
      ({ typenames }) => requiredTypes.symmetricDifference(new Set(typenames)).size === 0,
    )
  return stays ? null : [...groups.values()]
}

const isIn = (wishes: readonly WantedField[], field: FieldNode): boolean =>
  wishes.some(({ key }) => key === keyOf(field))

/**
 * The field without what is not wanted in it, but of another type; nothing when that is all there is in it. What may be
 * needed by the hub itself stays.
 */
function prune(
  field: FieldNode,
  wishes: readonly WantedField[],
  wantedOfAny: readonly WantedField[],
  mayBeNeeded: (key: string) => boolean,
): FieldNode[] {
  if (!field.selectionSet) return [field]
  const below = (some: readonly WantedField[]): WantedField[] =>
    some.flatMap(({ key, inner }) => (key === keyOf(field) ? inner() : []))
  const mine = below(wishes)
  const anyones = below(wantedOfAny)
  const pruneSet = (set: SelectionSetNode): SelectionSetNode => ({
    ...set,
    selections: set.selections.flatMap((node): SelectionNode[] => {
      if (node.kind === Kind.INLINE_FRAGMENT) {
        const inner = pruneSet(node.selectionSet)
        return inner.selections.length > 0 ? [{ ...node, selectionSet: inner }] : []
      }
      if (node.kind !== Kind.FIELD || !isIn(anyones, node)) return [node]
      if (isIn(mine, node)) return prune(node, mine, anyones, mayBeNeeded)
      return mayBeNeeded(keyOf(node)) ? [node] : []
    }),
  })
  const selectionSet = pruneSet(field.selectionSet)
  return selectionSet.selections.length > 0 ? [{ ...field, selectionSet }] : []
}

/** The fields that are asked of the entities under an alias; null when they depend on the type after all. */
function entityFields(operation: OperationDefinitionNode, alias: string): readonly FieldNode[] | null {
  const field = operation.selectionSet.selections.find(
    (node) => node.kind === Kind.FIELD && keyOf(node) === alias,
  )
  const [condition, ...others] = (field as FieldNode).selectionSet!.selections
  return condition?.kind === Kind.INLINE_FRAGMENT && others.length === 0 ? fieldsIn(condition) : null
}

function fieldsIn({ selectionSet }: InlineFragmentNode): readonly FieldNode[] | null {
  const fields: FieldNode[] = []
  for (const node of selectionSet.selections) {
    const inner =
      node.kind === Kind.FIELD ? [node] : node.kind === Kind.INLINE_FRAGMENT ? fieldsIn(node) : null
    if (!inner) return null
    fields.push(...inner)
  }
  return fields
}

const keyOf = ({ alias, name }: FieldNode): string => (alias ?? name).value

/** The fetch with only one of its aliases, and of its fields only these. */
function only(
  { serviceName, variableUsages = [] }: EntityCall['node'],
  operation: OperationDefinitionNode,
  { alias }: EntityAlias,
  fields: readonly FieldNode[] | null,
): EntityCall['node'] {
  const selections = operation.selectionSet.selections.flatMap((node): FieldNode[] => {
    if (node.kind !== Kind.FIELD || keyOf(node) !== alias) return []
    const [condition] = node.selectionSet!.selections
    if (!fields || condition?.kind !== Kind.INLINE_FRAGMENT) return [node]
    const narrowed = { ...condition, selectionSet: selectionSetOf(fields) }
    return [{ ...node, selectionSet: selectionSetOf([narrowed]) }]
  })
  const used = new Set<string>()
  const selectionSet = selectionSetOf(selections)
  visit(selectionSet, { Variable: ({ name }) => void used.add(name.value) })
  const definitions = operation.variableDefinitions ?? []
  const variableDefinitions = definitions.filter(({ variable }) => used.has(variable.name.value))
  return {
    serviceName,
    operation: print({ ...operation, variableDefinitions, selectionSet }),
    variableUsages: variableUsages.filter((name) => used.has(name)),
  }
}

const selectionSetOf = (selections: readonly SelectionNode[]): SelectionSetNode => ({
  kind: Kind.SELECTION_SET,
  selections,
})

function withoutFragments(document: DocumentNode): OperationDefinitionNode {
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
