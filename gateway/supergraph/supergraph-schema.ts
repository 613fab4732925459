// The supergraph's types, as the clients see them and as the plan does.

import {
  buildASTSchema,
  buildSchema,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isObjectType,
  Kind,
  parse,
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
}

export function readSupergraph(sdl: string): SupergraphSchema {
  const schema = buildASTSchema(parse(sdl), { assumeValid: true, assumeValidSDL: true })
  const typenames = (condition: string): readonly string[] => {
    const type = schema.getType(condition)
    return isAbstractType(type)
      ? [condition, ...schema.getPossibleTypes(type).map(({ name }) => name)]
      : [condition]
  }
  return {
    api: readApi(sdl, schema),
    subgraphs: subgraphNames(schema),
    typenames,
    composite: (name) => {
      const type = schema.getType(name)
      return isCompositeType(type) ? type : undefined
    },
    isAbstract: (typename) => !isObjectType(schema.getType(typename)),
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
function subgraphNames(schema: GraphQLSchema): Set<string> {
  const graphs = schema.getType('join__Graph')
  const values = isEnumType(graphs) ? graphs.getValues() : []
  return new Set(
    values.flatMap(({ astNode }) => {
      const name = astNode?.directives?.[0]?.arguments?.find((argument) => argument.name.value === 'name')
      return name?.value.kind === Kind.STRING ? [name.value.value] : []
    }),
  )
}
