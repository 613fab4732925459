// Bounds introspection: a selection of the schema may be as large as twice the usual introspection query.
//
// Nothing is fetched for it, but its lists are nested: `types`, their `fields`, and the `args` of these. A
// document with few aliases can select the whole schema many times.

import {
  getIntrospectionQuery,
  Kind,
  parse,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type SelectionSetNode,
} from 'graphql'

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>

/** Returns the share of the largest permitted introspection that a selection is; 0 without introspection. */
export type IntrospectionShare = (selection: SelectionSetNode, fragments: Fragments) => number

/** The largest introspection, in units of the usual one. */
const largest = 2

export function readIntrospectionShare(schema: GraphQLSchema): IntrospectionShare {
  let lengths: ReadonlyMap<string, number> | undefined
  let usual: number | undefined
  return (selection, fragments) => {
    if (!mayIntrospect(selection, fragments, new Set())) return 0
    lengths ??= lengthsOf(schema)
    usual ??= usualSize(lengths)
    return sizeOf(selection, fragments, lengths) / (largest * usual)
  }
}

/** Whether a root field is `__schema` or `__type`. */
function mayIntrospect(set: SelectionSetNode, fragments: Fragments, seen: Set<string>): boolean {
  return set.selections.some((node) => {
    if (node.kind === Kind.FIELD) return node.name.value === '__schema' || node.name.value === '__type'
    if (node.kind === Kind.INLINE_FRAGMENT) return mayIntrospect(node.selectionSet, fragments, seen)
    if (seen.has(node.name.value)) return false
    seen.add(node.name.value)
    return mayIntrospect(fragments.get(node.name.value)!.selectionSet, fragments, seen)
  })
}

/** The mean lengths of the lists of the introspection types, by field; any other field has one value. */
function lengthsOf(schema: GraphQLSchema): ReadonlyMap<string, number> {
  const types = Object.values(schema.getTypeMap())
  const fields = types.flatMap((type) => ('getFields' in type ? Object.values(type.getFields()) : []))
  const args = fields.reduce((sum, field) => sum + ('args' in field ? field.args.length : 0), 0)
  const values = types.reduce((sum, type) => sum + ('getValues' in type ? type.getValues().length : 0), 0)
  const perType = (count: number): number => Math.max(1, count / types.length)
  return new Map([
    ['types', types.length],
    ['directives', schema.getDirectives().length],
    ['fields', perType(fields.length)],
    ['inputFields', perType(fields.length)],
    ['args', Math.max(1, args / Math.max(1, fields.length))],
    ['enumValues', perType(values)],
    ['possibleTypes', 2],
  ])
}

function usualSize(lengths: ReadonlyMap<string, number>): number {
  const text = getIntrospectionQuery({
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    oneOf: true,
  })
  const { definitions } = parse(text, { noLocation: true })
  const fragments = definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION)
  const [operation] = definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION)
  return sizeOf(operation!.selectionSet, new Map(fragments.map((node) => [node.name.value, node])), lengths)
}

/** The number of values that a selection returns, about. Takes time linear in the document. */
function sizeOf(set: SelectionSetNode, fragments: Fragments, lengths: ReadonlyMap<string, number>): number {
  const sizes = new Map<string, number>()
  const measure = ({ selections }: SelectionSetNode): number =>
    selections.reduce((sum, node) => {
      if (node.kind === Kind.INLINE_FRAGMENT) return sum + measure(node.selectionSet)
      if (node.kind === Kind.FRAGMENT_SPREAD) return sum + spread(node.name.value)
      const inner = node.selectionSet ? measure(node.selectionSet) : 0
      return sum + (lengths.get(node.name.value) ?? 1) * (1 + inner)
    }, 0)
  const spread = (name: string): number => {
    let size = sizes.get(name)
    if (size === undefined) sizes.set(name, (size = measure(fragments.get(name)!.selectionSet)))
    return size
  }
  return measure(set)
}
