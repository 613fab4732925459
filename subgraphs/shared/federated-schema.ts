// SDL and resolvers in, executable subgraph schema out. What is ours here is `_entities`: the hub asks for many
// entities in one call, so they are resolved together, and without a promise where none is needed.

import { buildSubgraphSchema, type GraphQLResolverMap } from '@apollo/subgraph'
import {
  getNullableType,
  isInterfaceType,
  isListType,
  isObjectType,
  isUnionType,
  parse,
  type GraphQLField,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLScalarType,
  type GraphQLSchema,
} from 'graphql'
import { isPromise } from '../platform/async/promise.ts'

type Resolver = (source: never, args: never, context: never, info: GraphQLResolveInfo) => unknown
/** One entity's key (and `@requires`) fields, as the hub sends them; `__typename` included. */
type ReferenceResolver = (reference: never, context: never, info: GraphQLResolveInfo) => unknown
/** All references of one type in one call: answers in the same order, `null` where there is nothing, an `Error` where it failed. */
type ReferencesResolver = (
  references: never,
  context: never,
  info: GraphQLResolveInfo,
) => readonly unknown[] | Promise<readonly unknown[]>

/**
 * Resolvers by type, then by field. An entity may have `__resolveReferences` (all of a call at once) or
 * `__resolveReference` (one by one); without either, a reference stands for the entity itself.
 * Enums have no inner values: what a resolver returns is the name in the SDL, for the hub reads it as it is.
 */
export type Resolvers = Readonly<
  Record<
    string,
    | GraphQLScalarType
    | {
        readonly __resolveReferences?: ReferencesResolver
        readonly __resolveReference?: ReferenceResolver
        readonly __resolveType?: (value: never, context: never, info: GraphQLResolveInfo) => unknown
        readonly [field: string]:
          | Resolver
          | ReferencesResolver
          | ReferenceResolver
          | { readonly subscribe: Resolver; readonly resolve?: Resolver }
          | undefined
      }
  >
>

interface Reference {
  readonly __typename: string
}
type Loader = (
  references: readonly Reference[],
  context: unknown,
  info: GraphQLResolveInfo,
) => readonly unknown[] | Promise<readonly unknown[]>

/** Builds the schema that mercurius runs. Throws when the SDL is invalid or a resolver is for nothing in it. */
export function buildFederatedSchema(sdl: string, resolvers: Resolvers): GraphQLSchema {
  const schema = buildSubgraphSchema([{ typeDefs: parse(sdl), resolvers: resolvers as GraphQLResolverMap }])
  checkResolvers(schema, resolvers)
  for (const type of Object.values(schema.getTypeMap())) {
    if (isObjectType(type)) Object.values(type.getFields()).forEach(settleLists)
  }
  resolveEntitiesTogether(schema, resolvers)
  return schema
}

/** A misspelt resolver would otherwise be ignored, and its field silently be null. */
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

/**
 * graphql-jit misplaces items of a list of promises when one of them rejects. So lists leave our resolvers
 * settled: an item is a value or an `Error`, which every executor reports at its own index.
 */
function settleLists(field: GraphQLField<unknown, unknown>): void {
  const { resolve } = field
  if (!resolve || !isListType(getNullableType(field.type))) return
  field.resolve = (source, args, context, info) => {
    const value = resolve(source, args, context, info)
    return isPromise(value) ? value.then(settleItems) : settleItems(value)
  }
}

function settleItems(value: unknown): unknown {
  if (!Array.isArray(value) || !value.some((item) => isPromise(item) || Array.isArray(item))) return value
  const items = value.map((item: unknown) =>
    isPromise(item) ? item.then(settleItems, asError) : settleItems(item),
  )
  return items.some(isPromise) ? Promise.all(items) : items
}

function resolveEntitiesTogether(schema: GraphQLSchema, resolvers: Resolvers): void {
  const entities = schema.getQueryType()?.getFields()['_entities']
  const entityUnion = schema.getType('_Entity')
  if (!entities || !isUnionType(entityUnion)) return

  const loaders = new Map<string, Loader>()
  for (const type of Object.values(schema.getTypeMap())) {
    if (isObjectType(type) || isInterfaceType(type))
      loaders.set(type.name, loaderFor(type, resolvers[type.name]))
  }
  const loaderOf = ({ __typename }: Reference): Loader => {
    const loader = loaders.get(__typename)
    if (loader) return loader
    throw new TypeError(`${__typename} is no entity of this subgraph`)
  }

  entityUnion.resolveType = (entity: object) => typeNames.get(entity) ?? (entity as Reference).__typename
  entities.resolve = (_root, args: { representations: readonly Reference[] }, context, info) => {
    const references = args.representations
    const [first] = references
    if (!first) return []
    const alike = references.every(({ __typename }) => __typename === first.__typename)
    return alike
      ? loaderOf(first)(references, context, info)
      : loadByType(references, loaderOf, context, info)
  }
}

/** One call per type; a type that fails as a whole fails only at its own places. */
function loadByType(
  references: readonly Reference[],
  loaderOf: (reference: Reference) => Loader,
  context: unknown,
  info: GraphQLResolveInfo,
): ReturnType<Loader> {
  const entities: unknown[] = Array.from({ length: references.length })
  const waiting: Promise<void>[] = []
  for (const group of Map.groupBy(references.keys(), (place) => references[place]!.__typename).values()) {
    const put = (found: readonly unknown[]): void => group.forEach((place, n) => (entities[place] = found[n]))
    const fail = (error: unknown): void => group.forEach((place) => (entities[place] = asError(error)))
    const own = group.map((place) => references[place]!)
    try {
      const found = loaderOf(own[0]!)(own, context, info)
      if (isPromise(found)) waiting.push(found.then(put, fail))
      else put(found)
    } catch (error) {
      fail(error)
    }
  }
  return waiting.length > 0 ? Promise.all(waiting).then(() => entities) : entities
}

/**
 * Which type an entity was asked as. Kept beside the objects, because they belong to the stores: they may be frozen, or
 * shared by many requests.
 */
const typeNames = new WeakMap<object, string>()

function loaderFor(
  type: GraphQLObjectType | GraphQLInterfaceType,
  entry: Resolvers[string] | undefined,
): Loader {
  const { __resolveReferences, __resolveReference } = (entry ?? {}) as {
    __resolveReferences?: Loader
    __resolveReference?: (reference: Reference, context: unknown, info: GraphQLResolveInfo) => unknown
  }
  const asInterface = isInterfaceType(type) ? type : null
  const load = __resolveReferences ?? (__resolveReference ? oneByOne(__resolveReference) : asTheyAre)
  return (references, context, info) => {
    const mark = (entity: unknown): unknown => {
      if (typeof entity !== 'object' || entity === null || entity instanceof Error) return entity
      const name = asInterface ? typeOf(entity, asInterface, context, info) : type.name
      const known = typeNames.get(entity)
      if (known === name) return entity
      // An object that already stands for another type is given a second face rather than a new name.
      const marked = known === undefined ? entity : (Object.create(entity) as object)
      typeNames.set(marked, name)
      return marked
    }
    const finish = (found: readonly unknown[]): ReturnType<Loader> => {
      if (found.length !== references.length) {
        throw new TypeError(`${type.name} has ${found.length} answers for ${references.length} references`)
      }
      if (!found.some(isPromise)) return found.map(mark)
      return Promise.all(found.map((one) => (isPromise(one) ? one.then(mark).catch(asError) : mark(one))))
    }
    const found = load(references, context, info)
    return isPromise(found) ? found.then(finish) : finish(found)
  }
}

const asTheyAre: Loader = (references) => references

const oneByOne =
  (resolve: (reference: Reference, context: unknown, info: GraphQLResolveInfo) => unknown): Loader =>
  (references, context, info) =>
    references.map((reference) => {
      try {
        return resolve(reference, context, info)
      } catch (error) {
        return asError(error)
      }
    })

function typeOf(
  entity: object,
  type: GraphQLInterfaceType,
  context: unknown,
  info: GraphQLResolveInfo,
): string {
  const name = type.resolveType?.(entity, context, info, type) ?? (entity as Reference).__typename
  if (typeof name === 'string') return name
  throw new TypeError(`the type of a ${type.name} is not known: resolve it, or give it a __typename`)
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))
