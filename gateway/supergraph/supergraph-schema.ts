// Reads the types of the supergraph: the schema for clients, and the schema for plans.

import {
  buildASTSchema,
  GraphQLError,
  isAbstractType,
  isCompositeType,
  isObjectType,
  isScalarType,
  Kind,
  parse,
  print,
  validateSchema,
  valueFromASTUntyped,
  visit,
  type ASTVisitor,
  type ConstDirectiveNode,
  type DocumentNode,
  type GraphQLCompositeType,
  type GraphQLScalarLiteralParser,
  type GraphQLScalarType,
  type GraphQLScalarValueParser,
  type GraphQLSchema,
} from 'graphql'
import { readAccessRules, type AccessRules, type Hidden } from './access.ts'
import { apiDocument } from './compose.ts'
import { readCacheHints, type CacheHints } from './cache-hints.ts'
import { readCostRules, type CostRules } from './cost-rules.ts'
import { readFeatures, valuesOf, withOwnNames, type Arguments, type Features } from './features.ts'
import { readIntrospectionShare, type IntrospectionShare } from './introspection-size.ts'
import { withNestedQuery } from './nested-query.ts'
import { plainRequirements, type RequiredFields } from './requires-arguments.ts'
import { cachedSchemas } from './shown-schema.ts'
import type { Sliced } from './slices.ts'

/** Checks of custom scalars, by name: functions that throw for a value that the scalar does not have. */
export type ScalarChecks = Readonly<
  Record<
    string,
    {
      readonly parseValue: GraphQLScalarValueParser<unknown>
      /** Left out, `parseValue` checks the value of the literal. */
      readonly parseLiteral?: GraphQLScalarLiteralParser<unknown>
    }
  >
>

/** The schema for clients: no federation directives, nothing `@inaccessible`. */
export interface ApiSchema {
  readonly graphql: GraphQLSchema
  readonly access: AccessRules
  readonly costs: CostRules
  readonly cacheHints: CacheHints
  readonly introspectionShare: IntrospectionShare
  /** Names of all fields of all types. */
  readonly fieldNames: ReadonlySet<string>
  /** The schema without hidden fields, and without the types that only these lead to. */
  shownWithout(hidden: Hidden): GraphQLSchema
  /** True for an interface or union that has an object type hidden from clients. */
  mayHide(type: GraphQLCompositeType): boolean
}

/** All types, including those hidden from clients, as the planner reads them. */
export interface SupergraphSchema {
  /** The SDL for the planner. */
  readonly plannerSdl: string
  readonly api: ApiSchema
  /** Names of the subgraphs. */
  readonly subgraphs: ReadonlySet<string>
  composite(name: string): GraphQLCompositeType | undefined
  /**
   * Values of `__typename` for which a type condition holds: the object types, and the name of an interface
   * itself, which a subgraph with an `@interfaceObject` returns.
   */
  typenames(condition: string): readonly string[]
  isAbstract(typename: string): boolean
  /** Whether a subgraph defines this interface as an `@interfaceObject`. */
  isInterfaceObject(type: string, subgraph: string): boolean
  /**
   * The name of an object type in a subgraph: its own, or that of its interface for an `@interfaceObject`.
   */
  nameIn(subgraph: string, typename: string): string
  /** The fields of this type that a subgraph needs to compute the field: its `@requires`. */
  requiredBy(type: string, field: string): readonly string[]
  /** The fields that the planner has in place of required fields with arguments, by name. */
  readonly requiredFields: RequiredFields
  /** Names of the `requiredFields` that this field requires. */
  requiredArguments(type: string, field: string): readonly string[]
  /** Whether a `@key` or `@requires` contains a field of this name. */
  isInFieldSet(name: string): boolean
  /** The fields of this type in the subgraph's `@key` directives. */
  keyFields(type: string, subgraph: string): ReadonlySet<string>
}

export function* readSupergraph(sdl: string, scalars: ScalarChecks): Sliced<SupergraphSchema> {
  const parsed = parse(sdl, { noLocation: true })
  yield
  const document = withOwnNames(parsed)
  const features = readFeatures(parsed)
  yield
  const read = buildSupergraph(document)
  yield
  const plain = plainRequirements(document, read)
  yield
  const planned = withNestedQuery(plain.document)
  yield
  const schema = planned === document ? read : buildSupergraph(planned)
  yield
  const names = subgraphNames(schema)
  const inFieldSets = yield* namesInFieldSets(schema)
  const joins = (type: string, subgraph: string): Arguments[] =>
    argumentsOf(schema.getType(type)?.astNode?.directives, 'join__type').filter(
      ({ graph }) => names.get(String(graph)) === subgraph,
    )
  const isInterfaceObject = (type: string, subgraph: string): boolean =>
    joins(type, subgraph).some((join) => join['isInterfaceObject'] === true)
  return {
    plannerSdl: planned === parsed && !usesCosts.test(sdl) ? sdl : yield* printedWithoutCosts(planned),
    api: yield* readApi(document, schema, scalars, features),
    subgraphs: new Set(names.values()),
    composite: (name) => {
      const type = schema.getType(name)
      return isCompositeType(type) ? type : undefined
    },
    typenames: (condition) => {
      const type = schema.getType(condition)
      if (!isAbstractType(type)) return [condition]
      return [condition, ...schema.getPossibleTypes(type).map(({ name }) => name)]
    },
    isAbstract: (typename) => !isObjectType(schema.getType(typename)),
    isInterfaceObject,
    nameIn: (subgraph, typename) => {
      const type = schema.getType(typename)
      if (!isObjectType(type) || joins(typename, subgraph).length > 0) return typename
      const interfaceType = type.getInterfaces().find(({ name }) => isInterfaceObject(name, subgraph))
      return interfaceType?.name ?? typename
    },
    requiredBy: (type, field) => {
      const owner = schema.getType(type)
      const node = owner && 'getFields' in owner ? owner.getFields()[field]?.astNode : undefined
      return argumentsOf(node?.directives, 'join__field').flatMap(({ requires }) => fieldNames(requires))
    },
    requiredFields: plain.fields,
    requiredArguments: (type, field) => {
      const owner = schema.getType(type)
      const types = isAbstractType(owner) ? schema.getPossibleTypes(owner).map(({ name }) => name) : []
      const real = plain.fields.get(field)?.name ?? field
      return [type, ...types].flatMap((name) => [...(plain.requiredBy.get(`${name}.${real}`) ?? [])])
    },
    isInFieldSet: (name) => inFieldSets.has(name),
    keyFields: (type, subgraph) => new Set(joins(type, subgraph).flatMap(({ key }) => fieldNames(key))),
  }
}

/**
 * The URL of each subgraph, by its name, as the supergraph gives it. Throws GraphQLError for a syntax
 * error.
 */
export function subgraphUrls(sdl: string): ReadonlyMap<string, string> {
  const graphs = parse(sdl).definitions.filter(
    (node) => node.kind === Kind.ENUM_TYPE_DEFINITION && node.name.value === 'join__Graph',
  )
  return new Map(
    graphs
      .flatMap((node) => ('values' in node ? (node.values ?? []) : []))
      .flatMap(({ directives }) => argumentsOf(directives, 'join__graph'))
      .map(({ name, url }) => [String(name), typeof url === 'string' ? url : '']),
  )
}

const buildSupergraph = (document: DocumentNode): GraphQLSchema =>
  buildASTSchema(document, { assumeValid: true, assumeValidSDL: true })

/** The planner aborts the process where a `@cost` has a weight that it does not expect, such as −1. */
const usesCosts = /@(?:cost|\w*listSize)\b/
const withoutCosts: ASTVisitor = {
  Directive: ({ name }) => (/^(?:cost|listSize|cost__listSize)$/.test(name.value) ? null : undefined),
}

function* printedWithoutCosts({ definitions }: DocumentNode): Sliced<string> {
  const texts: string[] = []
  for (const node of definitions) {
    texts.push(print(visit(node, withoutCosts)))
    yield
  }
  return texts.join('\n\n')
}

function* readApi(
  supergraph: DocumentNode,
  whole: GraphQLSchema,
  scalars: ScalarChecks,
  features: Features,
): Sliced<ApiSchema> {
  const document = apiDocument(supergraph)
  yield
  const graphql = buildASTSchema(document, { assumeValidSDL: true })
  yield
  // Kept by the schema: the first document would wait for it.
  validateSchema(graphql)
  yield
  const types = Object.values(graphql.getTypeMap())
  for (const type of types.filter(isScalarType)) {
    const check = Object.hasOwn(scalars, type.name) ? scalars[type.name] : undefined
    if (check) addCheck(type, check)
  }
  const access = readAccessRules(whole, features)
  yield
  const costs = readCostRules(whole)
  yield
  const cacheHints = readCacheHints(whole)
  yield
  const introspectionShare = readIntrospectionShare(graphql)
  yield
  return {
    graphql,
    access,
    costs,
    cacheHints,
    introspectionShare,
    fieldNames: new Set(types.flatMap((type) => ('getFields' in type ? Object.keys(type.getFields()) : []))),
    shownWithout: cachedSchemas(document),
    mayHide: ({ name }) => {
      const type = whole.getType(name)
      return (
        isAbstractType(type) &&
        whole.getPossibleTypes(type).some((possible) => !graphql.getType(possible.name))
      )
    },
  }
}

/**
 * Lets `check` refuse values of `type`. The others stay as the client wrote them: subgraphs parse them
 * again.
 */
function addCheck(type: GraphQLScalarType, check: ScalarChecks[string]): void {
  type.parseValue = (value) => {
    check.parseValue(value)
    return value
  }
  type.parseLiteral = (node, variables) => {
    const value = valueFromASTUntyped(node, variables)
    try {
      if (check.parseLiteral) check.parseLiteral(node, variables)
      else check.parseValue(value)
    } catch (error) {
      // The message of the check is for clients; the node adds its place in the document.
      throw error instanceof GraphQLError ? new GraphQLError(error.message, { nodes: node }) : error
    }
    return value
  }
}

/** Subgraph names by enum value, from `enum join__Graph { WALLET @join__graph(name: "wallet" …) }`. */
function subgraphNames(schema: GraphQLSchema): Map<string, string> {
  const values = schema.getType('join__Graph')?.astNode
  return new Map(
    (values && 'values' in values ? (values.values ?? []) : []).flatMap(({ name, directives }) =>
      argumentsOf(directives, 'join__graph').map((graph) => [name.value, String(graph['name'])] as const),
    ),
  )
}

/** The arguments of each directive of this name. */
function argumentsOf(directives: readonly ConstDirectiveNode[] | undefined, name: string): Arguments[] {
  const named = directives?.filter((directive) => directive.name.value === name) ?? []
  return named.map(valuesOf)
}

/** All names in a field set: fields, arguments and types. */
const namesIn = (fieldSet: unknown): readonly string[] =>
  typeof fieldSet === 'string' ? (fieldSet.match(/\w+/g) ?? []) : []

/** All names in the `@key` and `@requires` of a schema. */
function* namesInFieldSets(schema: GraphQLSchema): Sliced<ReadonlySet<string>> {
  const found = new Set<string>()
  for (const type of Object.values(schema.getTypeMap())) {
    const fields = 'getFields' in type ? Object.values(type.getFields()) : []
    const sets = [
      ...argumentsOf(type.astNode?.directives, 'join__type').map(({ key }) => key),
      ...fields.flatMap(({ astNode }) =>
        argumentsOf(astNode?.directives, 'join__field').map(({ requires }) => requires),
      ),
    ]
    for (const name of sets.flatMap(namesIn)) found.add(name)
    yield
  }
  return found
}

/** The top-level fields of a field set, such as the text of a `@key`. */
function fieldNames(fieldSet: unknown): readonly string[] {
  if (typeof fieldSet !== 'string') return []
  const [operation] = parse(`{ ${fieldSet} }`, { noLocation: true }).definitions
  const selections = operation?.kind === Kind.OPERATION_DEFINITION ? operation.selectionSet.selections : []
  return selections.flatMap((node) => (node.kind === Kind.FIELD ? [node.name.value] : []))
}
