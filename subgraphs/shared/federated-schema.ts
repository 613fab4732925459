// Builds the executable schema of a subgraph from its SDL and resolvers.

import { buildSubgraphSchema, type GraphQLResolverMap } from '@apollo/subgraph'
import {
  isObjectType,
  parse,
  type GraphQLResolveInfo,
  type GraphQLScalarType,
  type GraphQLSchema,
} from 'graphql'
import {
  loadEntitiesTogether,
  type EntityResolvers,
  type ReferenceResolver,
  type ReferencesResolver,
} from './entity-loading.ts'
import { settleLists } from './settled-lists.ts'
import { guardOwners, type OwnerOf } from './visibility.ts'

type Resolver = (source: never, args: never, context: never, info: GraphQLResolveInfo) => unknown

/**
 * Resolvers by type, then by field. Enums have no inner values: a resolver returns the name in the SDL, which
 * the hub passes on as it is.
 */
export type Resolvers = Readonly<
  Record<
    string,
    | GraphQLScalarType
    | (EntityResolvers & {
        readonly __resolveType?: (value: never, context: never, info: GraphQLResolveInfo) => unknown
        /** The participant that alone, with the operator, may read the OWNER fields of the type. */
        readonly __owner?: OwnerOf
        readonly [field: string]:
          | Resolver
          | ReferencesResolver
          | ReferenceResolver
          | OwnerOf
          | { readonly subscribe: Resolver; readonly resolve?: Resolver }
          | undefined
      })
  >
>

/** Builds the schema that mercurius runs. Throws when the SDL is invalid or lacks the field of a resolver. */
export function buildFederatedSchema(sdl: string, resolvers: Resolvers): GraphQLSchema {
  const schema = buildSubgraphSchema([{ typeDefs: parse(sdl), resolvers: resolvers as GraphQLResolverMap }])
  checkResolvers(schema, resolvers)
  guardOwners(
    schema,
    (typename) => (resolvers[typename] as { readonly __owner?: OwnerOf } | undefined)?.__owner,
  )
  settleLists(schema)
  loadEntitiesTogether(schema, (typename) => resolvers[typename] as EntityResolvers | undefined)
  return schema
}

/** Throws for a misspelt resolver, which would otherwise be ignored and leave its field null. */
function checkResolvers(schema: GraphQLSchema, resolvers: Resolvers): void {
  for (const [typeName, fields] of Object.entries(resolvers)) {
    const type = schema.getType(typeName)
    if (!type) throw new TypeError(`there are resolvers for ${typeName}, which the SDL does not have`)
    if (!isObjectType(type)) continue
    for (const name of Object.keys(fields)) {
      if (name.startsWith('__') || type.getFields()[name]) continue
      throw new TypeError(`there is a resolver for ${typeName}.${name}, which the SDL does not have`)
    }
  }
}
