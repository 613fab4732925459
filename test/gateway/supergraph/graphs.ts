// The same made-up world twice: as the subgraphs of a supergraph behind the hub, and as one schema run by graphql-js.

import {
  buildSchema,
  isAbstractType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
  parse,
  print,
  printSchema,
  visit,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type ResponsePath,
} from 'graphql'
import {
  composeSupergraph,
  createSupergraph,
  createInProcessConnection,
  type SubgraphConnection,
  type Supergraph,
} from '../../../gateway/supergraph/index.ts'
import { buildFederatedSchema, type Resolvers } from '../../../subgraphs/shared/federated-schema.ts'
import {
  answerOf,
  canonical,
  entityThing,
  hash,
  pick,
  poolSize,
  randomFrom,
  rootThing,
  select,
  valueOf,
  type Thing,
  type World,
} from '../../fixtures/supergraph-world.ts'
import { readFacts, type Facts, type SubgraphSdl } from './facts.ts'

/** What every resolver is given. */
export interface WorldContext {
  readonly world: World
  /** Collects the nulls where none may be; only for `exhaustive`. */
  readonly nulls?: PossibleError[]
}
export interface PossibleError {
  readonly path: readonly (string | number)[]
  readonly message: string
}

export interface Graphs {
  readonly name: string
  readonly hub: Supergraph
  /** All of it in one schema. */
  readonly monolith: GraphQLSchema
  /** The monolith with no field non-null: nothing hides anything else, so it tells all the errors there can be. */
  readonly exhaustive: GraphQLSchema
}

/** Builds both from nothing but the subgraphs' SDLs. `connect` is how the hub reaches a subgraph. */
export function buildGraphs(
  name: string,
  subgraphs: readonly SubgraphSdl[],
  connect: (subgraph: string, schema: GraphQLSchema) => SubgraphConnection = (subgraph, schema) =>
    createInProcessConnection(subgraph, { graphql: { schema } }),
): Graphs {
  const supergraphSdl = composeSupergraph(subgraphs)
  const facts = readFacts(supergraphSdl, subgraphs)
  const connections = subgraphs.map(({ name: subgraph, sdl }) => {
    const schema = buildFederatedSchema(sdl, subgraphResolvers(subgraph, facts))
    return [subgraph, connect(subgraph, schema)] as const
  })
  const hub = createSupergraph({ supergraphSdl, subgraphs: new Map(connections), documentsMax: 20 })
  const api = printSchema(hub.schema)
  return {
    name,
    hub,
    monolith: withResolvers(buildSchema(api), facts),
    exhaustive: reportingNulls(withResolvers(buildSchema(withoutNonNull(api)), facts), buildSchema(api)),
  }
}

type Resolve = (source: Thing, args: Record<string, unknown>, context: WorldContext) => unknown

function withResolvers(schema: GraphQLSchema, facts: Facts): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (isAbstractType(type)) type.resolveType = (thing: Thing) => thing.type
    if (!isObjectType(type) || type.name.startsWith('__')) continue
    for (const field of Object.values(type.getFields())) {
      const resolve: Resolve = (source, args, { world }) => {
        const thing = isRoot(schema, type) ? rootThing(type.name) : source
        return answerOf(facts, world, thing, field.name, args)
      }
      field.resolve = resolve as typeof field.resolve
    }
  }
  return schema
}

const isRoot = (schema: GraphQLSchema, type: GraphQLObjectType): boolean =>
  type === schema.getQueryType() || type === schema.getMutationType() || type === schema.getSubscriptionType()

const withoutNonNull = (sdl: string): string =>
  print(
    visit(parse(sdl), {
      // Arguments keep theirs.
      InputValueDefinition: () => false,
      NonNullType: { leave: ({ type }) => type },
    }),
  )

function reportingNulls(schema: GraphQLSchema, original: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    const declared = original.getType(type.name)
    if (!isObjectType(type) || !isObjectType(declared) || type.name.startsWith('__')) continue
    for (const field of Object.values(type.getFields())) {
      const resolve = field.resolve as Resolve
      const { type: declaredType } = declared.getFields()[field.name]!
      field.resolve = (source, args, context: WorldContext, info) => {
        const value = resolve(source as Thing, args, context)
        const message = `Cannot return null for non-nullable field ${type.name}.${field.name}.`
        findNulls(declaredType, value, pathOf(info.path), (path) => context.nulls?.push({ path, message }))
        return value
      }
    }
  }
  return schema
}

function findNulls(
  type: GraphQLOutputType,
  value: unknown,
  path: readonly (string | number)[],
  report: (path: readonly (string | number)[]) => void,
): void {
  const inner = isNonNullType(type) ? type.ofType : type
  if (value === null && isNonNullType(type)) report(path)
  if (isListType(inner) && Array.isArray(value)) {
    value.forEach((item, n) => findNulls(inner.ofType, item, [...path, n], report))
  }
}

const pathOf = (path: ResponsePath | undefined): (string | number)[] =>
  path ? [...pathOf(path.prev), path.key] : []

/**
 * A subgraph answers for its own fields only. What it is not to be asked (an `@external` field that it does not provide,
 * one that another has taken over) it refuses, and what a field `@requires` it takes from what was sent.
 */
function subgraphResolvers(subgraph: string, facts: Facts): Resolvers {
  const schema = facts.schemaOf(subgraph)
  const resolvers: Record<string, Record<string, unknown>> = {}
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('_')) continue
    if (isUnionType(type)) resolvers[type.name] = { __resolveType: (thing: Thing) => thing.type }
    if (isAbstractType(type) && !isUnionType(type)) {
      resolvers[type.name] = {
        __resolveType: (thing: Thing) => thing.type,
        ...references(subgraph, type.name, facts),
      }
    }
    if (!isObjectType(type)) continue
    const fields = Object.values(type.getFields()).filter(({ name }) => !name.startsWith('_'))
    const entries = fields.map((field) => [field.name, subgraphField(subgraph, type, field, schema, facts)])
    resolvers[type.name] = { ...Object.fromEntries(entries), ...references(subgraph, type.name, facts) }
  }
  return resolvers as Resolvers
}

function subgraphField(
  subgraph: string,
  type: GraphQLObjectType,
  { name }: GraphQLField<unknown, unknown>,
  schema: GraphQLSchema,
  facts: Facts,
): Resolve {
  const { external, provided, requires, overridden } = facts.role(subgraph, type.name, name)
  const value: Resolve = (source, args, { world }) => {
    const thing = isRoot(schema, type) ? rootThing(type.name) : source
    if (overridden || (external && !provided))
      throw new Error(`${subgraph} was asked for ${type.name}.${name}`)
    const required = requires ? canonical(pick(thing.given ?? {}, requires)) : ''
    return valueOf(facts, world, thing, name, args, required)
  }
  return (source, args, context) => {
    const { seed, promises } = context.world
    if (promises === 0 || randomFrom(`${seed} ${subgraph} ${source?.id} ${name}`)() >= promises) {
      return value(source, args, context)
    }
    return Promise.resolve().then(() => value(source, args, context))
  }
}

type Reference = Readonly<Record<string, unknown>> & { readonly __typename: string }

/** Some types find their entities one by one, some all at once. */
function references(subgraph: string, type: string, facts: Facts): Record<string, unknown> {
  const keys = facts.keys(subgraph, type)
  if (keys.length === 0) return {}
  const world: World = { seed: 0, nulls: 0, violations: 0, errors: 0, promises: 0 }
  const entities = facts
    .objectTypes(type)
    .flatMap((name) => Array.from({ length: poolSize }, (_, index) => entityThing(name, index)))
  const index = new Map<string, Thing>()
  keys.forEach((key, n) => {
    for (const entity of entities) {
      const text = `${n} ${canonical(select(facts, world, entity, key))}`
      if (index.has(text)) throw new Error(`two entities have the key ${text}`)
      index.set(text, entity)
    }
  })
  const find = (given: Reference): Thing => {
    for (const [n, key] of keys.entries()) {
      try {
        const entity = index.get(`${n} ${canonical(pick(given, key))}`)
        if (entity) return { ...entity, given }
      } catch {
        // Another key, then.
      }
    }
    throw new Error(`${subgraph} knows no ${type} ${canonical(given)}`)
  }
  return hash(`${subgraph} ${type}`) % 2 === 0
    ? { __resolveReference: find }
    : { __resolveReferences: (given: readonly Reference[]) => Promise.resolve(given.map(find)) }
}
