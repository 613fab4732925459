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
} from 'graphql'
import type { BatchFetchNode, FetchNode, RequiresSelection } from './plan.ts'
import type { PlanScope } from './run.ts'

export type EntityAlias = BatchFetchNode['entityBatch']['aliases'][number]
/** A fetch of entities: one `_entities` field for each alias. */
export interface EntityCall {
  readonly node: Pick<FetchNode | BatchFetchNode, 'serviceName' | 'operation' | 'variableUsages'>
  readonly aliases: readonly EntityAlias[]
}

/** The same fetch, or several in its place: each then asks some types for exactly what is wanted of them. */
export function splitInterfaceObjects(call: EntityCall, scope: PlanScope): readonly EntityCall[] {
  const { serviceName } = call.node
  if (!call.aliases.some((alias) => interfaceObjectOf(alias, serviceName, scope) !== null)) return [call]
  const operation = withoutFragments(parse(call.node.operation, { noLocation: true }))
  return call.aliases.flatMap((alias): EntityCall[] => {
    const groups = groupsOf(alias, serviceName, operation, scope)
    if (!groups) return [{ node: only(call.node, operation, alias, null), aliases: [alias] }]
    return groups.map(({ typenames, fields, selections }) => {
      const requires = typenames.map(
        (typeCondition) => ({ kind: 'InlineFragment', typeCondition, selections }) as const,
      )
      return { node: only(call.node, operation, alias, fields), aliases: [{ ...alias, requires }] }
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

/** Null when the alias is not about an interface object, or depends on the type in another way. */
function groupsOf(
  alias: EntityAlias,
  subgraph: string,
  operation: OperationDefinitionNode,
  scope: PlanScope,
): readonly Group[] | null {
  const type = interfaceObjectOf(alias, subgraph, scope)
  const fetched = type === null ? null : entityFields(operation, alias.alias)
  if (type === null || !fetched) return null
  const { supergraph, asked } = scope
  const fragments = alias.requires.filter((one) => one.kind === 'InlineFragment')
  const required = new Set(fragments.flatMap(({ typeCondition }) => supergraph.typenames(typeCondition)))
  const typenames = supergraph.typenames(type)
  const wanted = new Map(
    typenames.map((name) => [name, alias.paths.flatMap((path) => asked(path, name))] as const),
  )
  const wantedOfAny = new Set([...wanted.values()].flatMap((fields) => fields.map(({ key }) => key)))
  const requirements = (names: readonly string[]): Set<string> => {
    const all = new Set(names.flatMap((name) => supergraph.requiredBy(type, name)))
    // What is required may have requirements itself; a Set may grow while it is walked.
    for (const name of all) supergraph.requiredBy(type, name).forEach((inner) => all.add(inner))
    return all
  }

  const groups = new Map<string, Group>()
  for (const [name, wishes] of wanted) {
    const keys = new Set(wishes.map(({ key }) => key))
    const needed = requirements(wishes.map((wish) => wish.name))
    const fields = fetched.filter((field) => {
      if (keys.has(keyOf(field)) || needed.has(field.name.value)) return true
      // What nobody wants is the planner's own: a key, say.
      return !wantedOfAny.has(keyOf(field)) && required.has(name)
    })
    if (fields.length === 0) continue
    const id = fields.map(keyOf).join()
    const group = groups.get(id)
    if (group) {
      group.typenames.push(name)
      continue
    }
    const namesOf = (some: readonly FieldNode[]) => requirements(some.map((field) => field.name.value))
    const notSent = namesOf(fetched)
      .difference(namesOf(fields))
      .difference(supergraph.keyFields(type, subgraph))
    const selections = fragments
      .flatMap((fragment) => fragment.selections)
      .filter((one) => one.kind !== 'Field' || !notSent.has(one.alias ?? one.name))
    groups.set(id, { typenames: [name], fields, selections })
  }
  return [...groups.values()]
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
  const selections = operation.selectionSet.selections.filter(
    (node) => node.kind === Kind.FIELD && keyOf(node) === alias,
  )
  const selectionSet = visit({ kind: Kind.SELECTION_SET, selections } as const, {
    Field: (node) => (fields && node !== selections[0] ? (fields.includes(node) ? false : null) : undefined),
  })
  const used = new Set<string>()
  visit(selectionSet, { Variable: ({ name }) => void used.add(name.value) })
  const variableDefinitions = operation.variableDefinitions?.filter(({ variable }) =>
    used.has(variable.name.value),
  )
  return {
    serviceName,
    operation: print({ ...operation, ...(variableDefinitions && { variableDefinitions }), selectionSet }),
    variableUsages: variableUsages.filter((name) => used.has(name)),
  }
}

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
