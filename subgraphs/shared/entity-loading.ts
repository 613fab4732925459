// Resolves `_entities`: the hub requests many entities in one call, and they are loaded together, without a
// promise where none is needed.

import {
  isInterfaceType,
  isObjectType,
  isUnionType,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
} from 'graphql'
import { asError, isPromise } from '../platform/async/promise.ts'
import { typenameOf, withTypename } from './typename.ts'

/** How the entities of one type are loaded. Without either function, a reference is the entity itself. */
export interface EntityResolvers {
  /** Resolves all references of a call at once. */
  readonly __resolveReferences?: ReferencesResolver
  /** Resolves one reference. */
  readonly __resolveReference?: ReferenceResolver
}

/** Receives the key (and `@requires`) fields of one entity as the hub sends them, `__typename` included. */
export type ReferenceResolver = (reference: never, context: never, info: GraphQLResolveInfo) => unknown

/** Returns one entity per reference, in order: null where there is none, an `Error` where it failed. */
export type ReferencesResolver = (
  references: never,
  context: never,
  info: GraphQLResolveInfo,
) => readonly unknown[] | Promise<readonly unknown[]>

interface Reference {
  readonly __typename: string
}

type Loader = (
  references: readonly Reference[],
  context: unknown,
  info: GraphQLResolveInfo,
) => readonly unknown[] | Promise<readonly unknown[]>

/** Replaces the resolver of `_entities` in `schema`. `resolversOf` returns the resolvers of a type. */
export function loadEntitiesTogether(
  schema: GraphQLSchema,
  resolversOf: (typename: string) => EntityResolvers | undefined,
): void {
  const entities = schema.getQueryType()?.getFields()['_entities']
  const entityUnion = schema.getType('_Entity')
  if (!entities || !isUnionType(entityUnion)) return

  const loaders = new Map<string, Loader>()
  for (const type of Object.values(schema.getTypeMap())) {
    if (isObjectType(type) || isInterfaceType(type)) {
      loaders.set(type.name, createLoader(type, resolversOf(type.name)))
    }
  }
  const loaderOf = ({ __typename }: Reference): Loader => {
    const loader = loaders.get(__typename)
    if (loader) return loader
    throw new TypeError(`${__typename} is no entity of this subgraph`)
  }

  entityUnion.resolveType = (entity: object) => typenameOf(entity)
  entities.resolve = (_root, args: { representations: readonly Reference[] }, context, info) => {
    const references = args.representations
    const [first] = references
    if (!first) return []
    const isOneType = references.every(({ __typename }) => __typename === first.__typename)
    return isOneType
      ? loaderOf(first)(references, context, info)
      : loadByType(references, loaderOf, context, info)
  }
}

/** Makes one call per type. The failure of a call affects only the entities of its type. */
function loadByType(
  references: readonly Reference[],
  loaderOf: (reference: Reference) => Loader,
  context: unknown,
  info: GraphQLResolveInfo,
): ReturnType<Loader> {
  const entities: unknown[] = Array.from({ length: references.length })
  const pending: Promise<void>[] = []
  for (const indexes of Map.groupBy(references.keys(), (index) => references[index]!.__typename).values()) {
    const put = (loaded: readonly unknown[]): void =>
      indexes.forEach((index, n) => (entities[index] = loaded[n]))
    const fail = (error: unknown): void => indexes.forEach((index) => (entities[index] = asError(error)))
    const ofType = indexes.map((index) => references[index]!)
    try {
      const loaded = loaderOf(ofType[0]!)(ofType, context, info)
      if (isPromise(loaded)) pending.push(loaded.then(put, fail))
      else put(loaded)
    } catch (error) {
      fail(error)
    }
  }
  return pending.length > 0 ? Promise.all(pending).then(() => entities) : entities
}

/** Loads the entities of one type, or of one interface, and gives each its type. */
function createLoader(
  type: GraphQLObjectType | GraphQLInterfaceType,
  resolvers: EntityResolvers | undefined,
): Loader {
  const load = loadFunction(resolvers)
  const nameOf = isInterfaceType(type) ? resolveTypename(type) : () => type.name

  return (references, context, info) => {
    const withName = (entity: unknown): unknown =>
      isEntity(entity) ? withTypename(entity, nameOf(entity, context, info)) : entity
    const finish = (entities: readonly unknown[]): ReturnType<Loader> => {
      if (entities.length === references.length) return mapItems(entities, withName)
      throw new TypeError(`${type.name} has ${entities.length} answers for ${references.length} references`)
    }
    const entities = load(references, context, info)
    return isPromise(entities) ? entities.then(finish) : finish(entities)
  }
}

const isEntity = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !(value instanceof Error)

/** Maps items that may be promises; the result is a promise only when one of them is. */
function mapItems(items: readonly unknown[], map: (item: unknown) => unknown): ReturnType<Loader> {
  if (!items.some(isPromise)) return items.map(map)
  return Promise.all(items.map((item) => (isPromise(item) ? item.then(map).catch(asError) : map(item))))
}

function loadFunction({ __resolveReferences, __resolveReference }: EntityResolvers = {}): Loader {
  if (__resolveReferences) return __resolveReferences as Loader
  if (!__resolveReference) return (references) => references
  const resolve = __resolveReference as (
    reference: Reference,
    context: unknown,
    info: GraphQLResolveInfo,
  ) => unknown
  return (references, context, info) =>
    references.map((reference) => {
      try {
        return resolve(reference, context, info)
      } catch (error) {
        return asError(error)
      }
    })
}

/** Resolves the type of an object that implements `type`. */
const resolveTypename =
  (type: GraphQLInterfaceType) =>
  (entity: object, context: unknown, info: GraphQLResolveInfo): string => {
    const name = type.resolveType?.(entity, context, info, type) ?? (entity as Partial<Reference>).__typename
    if (typeof name === 'string') return name
    throw new TypeError(`cannot resolve the type of a ${type.name}: it needs a __resolveType or a __typename`)
  }
