// Plans fields that return `Query`, such as `type Payload { query: Query }`. Any subgraph can continue from
// there at its root, but the planner only moves between subgraphs by keys. So the planner plans over a
// supergraph in which `Query` below a field is an entity of every subgraph:
//
//   the supergraph         type Payload { query: Query }
//   for the planner        type Payload { query: Query__nested }
//                          type Query__nested @join__type(graph: A, key: "query__key") { … query__key: ID! }
//   the planner's fetches  { payload { query { query__key x } } }
//                          _entities(representations: …) { ... on Query__nested { y } }
//   the engine's fetches   { payload { query { query__key: __typename x } } }
//                          { y }

import {
  Kind,
  parse,
  print,
  visit,
  type ConstDirectiveNode,
  type DefinitionNode,
  type DocumentNode,
  type FieldDefinitionNode,
  type InlineFragmentNode,
  type ObjectTypeDefinitionNode,
  type TypeNode,
} from 'graphql'
import type { SubgraphResult } from './connection.ts'
import {
  entityField,
  only,
  selectionSetOf,
  withoutFragments,
  type EntityAlias,
  type EntityCall,
} from './entity-calls.ts'

/** The type of `Query` below a field, in the planner's supergraph. */
export const nestedQuery = 'Query__nested'
const keyField = 'query__key'

/** The supergraph for the planner; the same document when no field returns `Query`. */
export function withNestedQuery(document: DocumentNode): DocumentNode {
  const changed = renameBelow(document, queryTypeOf(document), nestedQuery)
  if (changed === document) return document
  const query = changed.definitions.find(
    (node): node is ObjectTypeDefinitionNode =>
      node.kind === Kind.OBJECT_TYPE_DEFINITION && node.name.value === queryTypeOf(document),
  )!
  const name = { kind: Kind.NAME, value: nestedQuery } as const
  const directives = query.directives?.map((directive) =>
    directive.name.value === 'join__type' ? withKey(directive) : directive,
  )
  const nested = { ...query, name, directives, fields: [...(query.fields ?? []), keyDefinition] }
  return { ...changed, definitions: [...changed.definitions, nested] }
}

/** Renames the type `from` where a field returns it. */
export function renameBelow(document: DocumentNode, from: string, to: string): DocumentNode {
  const word = new RegExp(String.raw`\b${from}\b`)
  const rename = (field: FieldDefinitionNode): FieldDefinitionNode =>
    nameOf(field.type) !== from
      ? field
      : visit(field, {
          NamedType: (type) =>
            type.name.value === from ? { ...type, name: { ...type.name, value: to } } : undefined,
          // @join__field(type: "[Query!]")
          Argument: ({ name, value }) =>
            name.value === 'type' && value.kind === Kind.STRING ? undefined : false,
          StringValue: (node) => ({ ...node, value: node.value.replace(word, to) }),
          InputValueDefinition: () => false,
        })
  let isChanged = false
  const definitions = document.definitions.map((node): DefinitionNode => {
    if (!hasOutputFields(node) || !node.fields?.some(({ type }) => nameOf(type) === from)) return node
    isChanged = true
    return { ...node, fields: node.fields.map(rename) }
  })
  return isChanged ? { ...document, definitions } : document
}

const nameOf = (type: TypeNode): string =>
  type.kind === Kind.NAMED_TYPE ? type.name.value : nameOf(type.type)

const hasOutputFields = (node: DefinitionNode) =>
  node.kind === Kind.OBJECT_TYPE_DEFINITION ||
  node.kind === Kind.OBJECT_TYPE_EXTENSION ||
  node.kind === Kind.INTERFACE_TYPE_DEFINITION ||
  node.kind === Kind.INTERFACE_TYPE_EXTENSION

/** The name of the root type of queries. */
export function queryTypeOf(document: DocumentNode): string {
  for (const node of document.definitions) {
    if (node.kind !== Kind.SCHEMA_DEFINITION && node.kind !== Kind.SCHEMA_EXTENSION) continue
    const query = node.operationTypes?.find(({ operation }) => operation === 'query')
    if (query) return query.type.name.value
  }
  return 'Query'
}

const withKey = (directive: ConstDirectiveNode): ConstDirectiveNode => ({
  ...directive,
  arguments: [
    ...(directive.arguments ?? []),
    {
      kind: Kind.ARGUMENT,
      name: { kind: Kind.NAME, value: 'key' },
      value: { kind: Kind.STRING, value: keyField },
    },
  ],
})

const keyDefinition = {
  kind: Kind.FIELD_DEFINITION,
  name: { kind: Kind.NAME, value: keyField },
  type: { kind: Kind.NON_NULL_TYPE, type: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: 'ID' } } },
} as const

/** The document of a fetch, without the type and the key that subgraphs do not have. */
export function withoutNestedQuery(document: DocumentNode): DocumentNode {
  const hasFragment = document.definitions.some(
    (node) => node.kind === Kind.FRAGMENT_DEFINITION && node.typeCondition.name.value === nestedQuery,
  )
  const plain: DocumentNode = hasFragment
    ? { kind: Kind.DOCUMENT, definitions: [withoutFragments(document)] }
    : document
  return visit(plain, {
    Field: (node) =>
      node.name.value === keyField
        ? { ...node, alias: node.alias ?? node.name, name: { kind: Kind.NAME, value: '__typename' } }
        : undefined,
    InlineFragment: ({ typeCondition, ...node }) =>
      typeCondition?.name.value === nestedQuery ? node : undefined,
  })
}

/** Whether the entities of a fetch are `Query`, so that the subgraph is called at its root. */
export const isOfQuery = ({ requires }: EntityAlias): boolean =>
  requires.some((selection) => selection.kind === 'InlineFragment' && selection.typeCondition === nestedQuery)

/** Splits a fetch with several `_entities` fields where one of them is of `Query`. */
export function splitQueries(call: EntityCall): readonly EntityCall[] {
  const { node, aliases } = call
  if (aliases.length === 1 || !aliases.some(isOfQuery)) return [call]
  const operation = withoutFragments(parse(node.operation, { noLocation: true }))
  return aliases.map((alias) => ({ node: only(node, operation, alias, null), aliases: [alias] }))
}

/** Writes the fetch of an `_entities` field of `Query` as a query of the subgraph's root. */
export function rootDocument(
  document: DocumentNode,
  { alias, representationsVariableName }: EntityAlias,
): string {
  const operation = withoutFragments(document)
  const { selectionSet } = entityField(operation, alias)
  const selections = selectionSet!.selections.flatMap(
    (node) => (node as InlineFragmentNode).selectionSet.selections,
  )
  const variableDefinitions = operation.variableDefinitions?.filter(
    ({ variable }) => variable.name.value !== representationsVariableName,
  )
  return print({ ...operation, variableDefinitions, selectionSet: selectionSetOf(selections) })
}

/** The result of a root query as that of an `_entities` field. */
export const asEntities = ({ data, errors }: SubgraphResult, alias: string): SubgraphResult => ({
  data: data && { [alias]: [data] },
  ...(errors && {
    errors: errors.map((error) => (error.path ? { ...error, path: [alias, 0, ...error.path] } : error)),
  }),
})
