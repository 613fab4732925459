// Splits fetches from a subgraph that defines an interface as an `@interfaceObject`. Where a query requests
// different fields for several types of the interface, the planner writes one fetch with all the fields for
// all the types:
//
//   the client's query         { media { ... on Book { stars } ... on Film { reviews } } }
//   the planner's fetch        ... on Media { reviews stars }   for books and films
//   the fetches of the engine  ... on Media { stars }           for books
//                              ... on Media { reviews }         for films
//
// The planner's fetch would compute fields that the response does not contain. It would wait for fields that
// only another type's fields require, and could omit a type that the query does not name.

import {
  Kind,
  parse,
  print,
  type FieldNode,
  type InlineFragmentNode,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'
import {
  entityField,
  fragmentsOf,
  keyOf,
  only,
  selectionSetOf,
  withoutFragments,
  type EntityAlias,
  type EntityCall,
} from './entity-calls.ts'
import type { RequiresSelection } from './plan.ts'
import type { WantedField } from './planner-document.ts'
import type { PlanScope } from './run.ts'

/**
 * Splits the fetch into fetches that each request the same fields for all their types; often it stays as it
 * is.
 */
export function splitInterfaceObjects(call: EntityCall, scope: PlanScope): readonly EntityCall[] {
  const { node, aliases } = call
  const interfaces = aliases.map((alias) => interfaceObjectOf(alias, node.serviceName, scope))
  if (interfaces.every((type) => type === null)) return [call]
  const operation = withoutFragments(parse(node.operation, { noLocation: true }))
  const groups = aliases.map((alias, n) => {
    const fetch = readInterfaceFetch(alias, interfaces[n] ?? null, operation, node.serviceName, scope)
    return fetch && groupsOf(fetch, scope)
  })
  if (groups.every((ofAlias) => ofAlias === null)) return [call]
  return aliases.flatMap((alias, n): EntityCall[] => {
    const ofAlias = groups[n]
    if (!ofAlias) return [{ node: only(node, operation, alias, null), aliases: [alias] }]
    return ofAlias.map(({ typenames, fields, selections }) => {
      const kind = 'InlineFragment' as const
      const requires = typenames.map((typeCondition) => ({ kind, typeCondition, selections }))
      const [condition] = entityField(operation, alias.alias).selectionSet!.selections
      const narrowed = { ...(condition as InlineFragmentNode), selectionSet: selectionSetOf(fields) }
      return {
        node: only(node, operation, alias, selectionSetOf([narrowed])),
        aliases: [{ ...alias, requires }],
      }
    })
  })
}

/**
 * The `@interfaceObject` of the subgraph by which an alias represents its entities; null for any other type.
 */
function interfaceObjectOf(
  { inputRewrites = [] }: EntityAlias,
  subgraph: string,
  { supergraph }: PlanScope,
): string | null {
  const typenames = inputRewrites.flatMap((rewrite) =>
    'ValueSetter' in rewrite ? [rewrite.ValueSetter.setValueTo] : [],
  )
  return typenames.find((type) => supergraph.isInterfaceObject(type, subgraph)) ?? null
}

/** The planner's fetch of entities that the subgraph defines as one `@interfaceObject`. */
interface InterfaceFetch {
  readonly alias: EntityAlias
  readonly interfaceName: string
  readonly subgraph: string
  /** The fields that the planner requests for all types. */
  readonly fields: readonly FieldNode[]
  /** The types of the entities that the planner sends. */
  readonly typenames: ReadonlySet<string>
}

/** Null where the fetch is not of an interface, or where its fields depend on the type. */
function readInterfaceFetch(
  alias: EntityAlias,
  interfaceName: string | null,
  operation: OperationDefinitionNode,
  subgraph: string,
  { supergraph }: PlanScope,
): InterfaceFetch | null {
  const fields = interfaceName === null ? null : entityFields(operation, alias.alias)
  if (interfaceName === null || !fields) return null
  const typenames = fragmentsOf(alias).flatMap(({ typeCondition }) => supergraph.typenames(typeCondition))
  return { alias, interfaceName, subgraph, fields, typenames: new Set(typenames) }
}

/** Types for which the same fields are requested. */
interface Group {
  readonly typenames: string[]
  readonly fields: readonly FieldNode[]
  /** The fields of a representation. */
  readonly selections: RequiresSelection[]
}

/** The groups that replace a fetch; null when the planner's fetch is already one group. */
function groupsOf(fetch: InterfaceFetch, scope: PlanScope): readonly Group[] | null {
  const wanted = wantedByType(fetch, scope)
  const fieldsByType = new Map(
    [...wanted.keys()].map((type) => [type, fieldsFor(type, wanted, fetch, scope)]),
  )
  const groups = groupByFields(fieldsByType, fetch, scope)
  return isUnchanged(groups, fetch) ? null : groups
}

type WantedByType = ReadonlyMap<string, readonly WantedField[]>

/** The client's requested fields at the paths of the fetch, for each type of the interface. */
function wantedByType(
  { alias, interfaceName }: InterfaceFetch,
  { supergraph, wantedFields }: PlanScope,
): WantedByType {
  const types = supergraph.typenames(interfaceName)
  return new Map(types.map((type) => [type, alias.paths.flatMap((path) => wantedFields(path, type))]))
}

/**
 * The fields that the hub needs of entities of this type, from those that the planner requests for all types.
 */
function fieldsFor(
  type: string,
  wanted: WantedByType,
  { fields, interfaceName, typenames }: InterfaceFetch,
  { supergraph }: PlanScope,
): FieldNode[] {
  const wantedHere = wanted.get(type)!
  const wantedOfAny = [...wanted.values()].flat()
  const names = wantedHere.map(({ name }) => name)
  const required = requirementsOf(names, interfaceName, supergraph)
  return fields.flatMap((field) => {
    if (isIn(wantedHere, field)) return prune(field, wantedHere, wantedOfAny, supergraph.isInFieldSet)
    // The planner added a field that the client requested for no type, for instance a key.
    const isPlanners = !isIn(wantedOfAny, field) && typenames.has(type)
    return isPlanners || required.has(field.name.value) ? [field] : []
  })
}

/** The fields that these fields require, directly or through their own requirements. */
function requirementsOf(
  names: readonly string[],
  interfaceName: string,
  { requiredBy }: PlanScope['supergraph'],
): ReadonlySet<string> {
  const all = new Set(names.flatMap((name) => requiredBy(interfaceName, name)))
  // A loop over a Set also visits the elements that are added during the loop.
  for (const name of all) requiredBy(interfaceName, name).forEach((inner) => all.add(inner))
  return all
}

function groupByFields(
  fieldsByType: ReadonlyMap<string, readonly FieldNode[]>,
  fetch: InterfaceFetch,
  scope: PlanScope,
): Group[] {
  const groups = new Map<string, Group>()
  for (const [type, fields] of fieldsByType) {
    if (fields.length === 0) continue
    const id = printFields(fields)
    const group = groups.get(id)
    if (group) group.typenames.push(type)
    else groups.set(id, { typenames: [type], fields, selections: selectionsFor(fields, fetch, scope) })
  }
  return [...groups.values()]
}

/** The planner's representation, without the fields that only the removed fields require. */
function selectionsFor(
  fields: readonly FieldNode[],
  { alias, interfaceName, subgraph, fields: all }: InterfaceFetch,
  { supergraph }: PlanScope,
): RequiresSelection[] {
  const requiredBy = (nodes: readonly FieldNode[]): ReadonlySet<string> =>
    requirementsOf(
      nodes.map(({ name }) => name.value),
      interfaceName,
      supergraph,
    )
  const notRequired = requiredBy(all).difference(requiredBy(fields))
  const notSent = notRequired.difference(supergraph.keyFields(interfaceName, subgraph))
  return fragmentsOf(alias)
    .flatMap(({ selections }) => selections)
    .filter((selection) => selection.kind !== 'Field' || !notSent.has(selection.alias ?? selection.name))
}

function isUnchanged(groups: readonly Group[], { fields, typenames }: InterfaceFetch): boolean {
  const [group, ...others] = groups
  if (!group || others.length > 0 || printFields(group.fields) !== printFields(fields)) return false
  return typenames.symmetricDifference(new Set(group.typenames)).size === 0
}

const printFields = (fields: readonly FieldNode[]): string => fields.map((field) => print(field)).join()

const isIn = (wanted: readonly WantedField[], field: FieldNode): boolean =>
  wanted.some(({ key }) => key === keyOf(field))

/**
 * Removes the inner fields that the client requested only for other types; the result is empty when none is
 * left. A field that may be part of a key or a `@requires` stays.
 */
function prune(
  field: FieldNode,
  wantedHere: readonly WantedField[],
  wantedOfAny: readonly WantedField[],
  mayBeNeeded: (key: string) => boolean,
): FieldNode[] {
  if (!field.selectionSet) return [field]
  const below = (wanted: readonly WantedField[]): WantedField[] =>
    wanted.flatMap(({ key, inner }) => (key === keyOf(field) ? inner() : []))
  const innerHere = below(wantedHere)
  const innerOfAny = below(wantedOfAny)
  const pruneSet = (set: SelectionSetNode): SelectionSetNode => ({
    ...set,
    selections: set.selections.flatMap((node): SelectionNode[] => {
      if (node.kind === Kind.INLINE_FRAGMENT) {
        const inner = pruneSet(node.selectionSet)
        return inner.selections.length > 0 ? [{ ...node, selectionSet: inner }] : []
      }
      if (node.kind !== Kind.FIELD || !isIn(innerOfAny, node)) return [node]
      if (isIn(innerHere, node)) return prune(node, innerHere, innerOfAny, mayBeNeeded)
      return mayBeNeeded(keyOf(node)) ? [node] : []
    }),
  })
  const selectionSet = pruneSet(field.selectionSet)
  return selectionSet.selections.length > 0 ? [{ ...field, selectionSet }] : []
}

/** The fields that the operation requests under an alias; null when they depend on the type. */
function entityFields(operation: OperationDefinitionNode, alias: string): readonly FieldNode[] | null {
  const [condition, ...others] = entityField(operation, alias).selectionSet!.selections
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
