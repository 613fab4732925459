// Reads `@cacheControl` from a supergraph: a directive that subgraphs pass on by `@composeDirective`.

import { isCompositeType, type ConstDirectiveNode, type GraphQLSchema } from 'graphql'
import { valuesOf, type Arguments } from './features.ts'

/** The arguments of `@cacheControl` by the coordinate of a field or the name of a type. */
export type CacheHints = ReadonlyMap<string, Arguments>

interface Directed {
  readonly astNode?: { readonly directives?: readonly ConstDirectiveNode[] | undefined } | null | undefined
}

export function readCacheHints(schema: GraphQLSchema): CacheHints {
  const hints = new Map<string, Arguments>()
  const read = (coordinate: string, { astNode }: Directed): void => {
    const directive = astNode?.directives?.find(({ name }) => name.value === 'cacheControl')
    if (directive) hints.set(coordinate, valuesOf(directive))
  }
  for (const type of Object.values(schema.getTypeMap())) {
    read(type.name, type)
    if (!isCompositeType(type) || !('getFields' in type)) continue
    for (const field of Object.values(type.getFields())) read(`${type.name}.${field.name}`, field)
  }
  return hints
}
