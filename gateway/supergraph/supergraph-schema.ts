// The supergraph's types, as the clients see them and as the plan does.

import {
  buildASTSchema,
  buildSchema,
  isAbstractType,
  isCompositeType,
  isObjectType,
  Kind,
  parse,
  valueFromASTUntyped,
  type ConstDirectiveNode,
  type GraphQLCompositeType,
  type GraphQLSchema,
} from 'graphql'
import { apiSdl } from './compose.ts'

/** What clients see: no federation, nothing `@inaccessible`. */
export interface ApiSchema {
  readonly graphql: GraphQLSchema
  /** Names of all fields of all types. */
  readonly fieldNames: ReadonlySet<string>
  /** Whether an object of this interface or union may turn out to be of a type that clients must not see. */
  mayHide(type: GraphQLCompositeType): boolean
}

/** All types, also those hidden from clients. */
export interface SupergraphSchema {
  readonly api: ApiSchema
  /** Names of the subgraphs. */
  readonly subgraphs: ReadonlySet<string>
  composite(name: string): GraphQLCompositeType | undefined
  /**
   * Values that `__typename` has where a type condition holds: the object types, and for an interface its own name too,
   * which is what a subgraph says that knows it as an `@interfaceObject`.
   */
  typenames(condition: string): readonly string[]
  isAbstract(typename: string): boolean
  /** Whether a subgraph knows this interface as an `@interfaceObject`. */
  isInterfaceObject(type: string, subgraph: string): boolean
  /** The name under which a subgraph knows an object type: its own, or that of its interface. */
  nameIn(subgraph: string, typename: string): string
  /** The fields of this type that a subgraph must be sent before it can give this one. */
  requiredBy(type: string, field: string): readonly string[]
  /** Whether some `@key` or `@requires` names a field so. */
  isInFieldSet(name: string): boolean
  /** The fields that a subgraph may know an object of this type by. */
  keyFields(type: string, subgraph: string): ReadonlySet<string>
}

export function readSupergraph(sdl: string): SupergraphSchema {
  const schema = buildASTSchema(parse(sdl), { assumeValid: true, assumeValidSDL: true })
  const names = subgraphNames(schema)
  const inFieldSets = new Set(
    Object.values(schema.getTypeMap()).flatMap((type) => [
      ...argumentsOf(type.astNode?.directives, 'join__type').flatMap(({ key }) => namesIn(key)),
      ...('getFields' in type ? Object.values(type.getFields()) : []).flatMap(({ astNode }) =>
        argumentsOf(astNode?.directives, 'join__field').flatMap(({ requires }) => namesIn(requires)),
      ),
    ]),
  )
  const joins = (type: string, subgraph: string): Arguments[] =>
    argumentsOf(schema.getType(type)?.astNode?.directives, 'join__type').filter(
      ({ graph }) => names.get(String(graph)) === subgraph,
    )
  const isInterfaceObject = (type: string, subgraph: string): boolean =>
    joins(type, subgraph).some((join) => join['isInterfaceObject'] === true)
  return {
    api: readApi(sdl, schema),
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
      const known = type.getInterfaces().find(({ name }) => isInterfaceObject(name, subgraph))
      return known?.name ?? typename
    },
    requiredBy: (type, field) => {
      const owner = schema.getType(type)
      const node = owner && 'getFields' in owner ? owner.getFields()[field]?.astNode : undefined
      return argumentsOf(node?.directives, 'join__field').flatMap(({ requires }) => fieldNames(requires))
    },
    isInFieldSet: (name) => inFieldSets.has(name),
    keyFields: (type, subgraph) => new Set(joins(type, subgraph).flatMap(({ key }) => fieldNames(key))),
  }
}

function readApi(sdl: string, whole: GraphQLSchema): ApiSchema {
  const graphql = buildSchema(apiSdl(sdl))
  const types = Object.values(graphql.getTypeMap())
  return {
    graphql,
    fieldNames: new Set(types.flatMap((type) => ('getFields' in type ? Object.keys(type.getFields()) : []))),
    mayHide: ({ name }) => {
      const type = whole.getType(name)
      return (
        isAbstractType(type) &&
        whole.getPossibleTypes(type).some((possible) => !graphql.getType(possible.name))
      )
    },
  }
}

/** From `enum join__Graph { WALLET @join__graph(name: "wallet" …) }`. */
function subgraphNames(schema: GraphQLSchema): Map<string, string> {
  const values = schema.getType('join__Graph')?.astNode
  return new Map(
    (values && 'values' in values ? (values.values ?? []) : []).flatMap(({ name, directives }) =>
      argumentsOf(directives, 'join__graph').map((graph) => [name.value, String(graph['name'])] as const),
    ),
  )
}

type Arguments = Readonly<Record<string, unknown>>

/** Of each such directive, its arguments. */
function argumentsOf(directives: readonly ConstDirectiveNode[] | undefined, name: string): Arguments[] {
  const named = directives?.filter((directive) => directive.name.value === name) ?? []
  return named.map(({ arguments: args = [] }) =>
    Object.fromEntries(args.map((argument) => [argument.name.value, valueFromASTUntyped(argument.value)])),
  )
}

/** All names in a field set, whatever they are. */
const namesIn = (fieldSet: unknown): readonly string[] =>
  typeof fieldSet === 'string' ? (fieldSet.match(/\w+/g) ?? []) : []

/** The outermost fields of a field set, such as the text of a `@key`. */
function fieldNames(fieldSet: unknown): readonly string[] {
  if (typeof fieldSet !== 'string') return []
  const [operation] = parse(`{ ${fieldSet} }`, { noLocation: true }).definitions
  const selections = operation?.kind === Kind.OPERATION_DEFINITION ? operation.selectionSet.selections : []
  return selections.flatMap((node) => (node.kind === Kind.FIELD ? [node.name.value] : []))
}
