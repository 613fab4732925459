// The schema that introspection shows to a caller: without the fields that the caller may not read, and
// without the types that no other field leads to.

import {
  buildASTSchema,
  Kind,
  visit,
  type DefinitionNode,
  type DocumentNode,
  type FieldDefinitionNode,
  type GraphQLSchema,
  type TypeNode,
} from 'graphql'
import type { Hidden } from './access.ts'
import { RecentCache } from './recent-cache.ts'

/** Building one takes some milliseconds, and callers have few different sets of scopes. */
const bounds = { entriesMax: 64, sizeMax: 128 }

/** Returns the schema of `document` without hidden fields; the last ones are cached. */
export function cachedSchemas(document: DocumentNode): (hidden: Hidden) => GraphQLSchema {
  const schemas = new RecentCache<GraphQLSchema>(bounds)
  return (hidden) => {
    let schema = schemas.get(hidden.key)
    if (!schema) {
      const shown = withReachableTypes(withoutFields(document, hidden))
      schema = buildASTSchema(shown, { assumeValid: true, assumeValidSDL: true })
      schemas.set(hidden.key, schema, 1)
    }
    return schema
  }
}

/** Removes hidden fields, types that have no field then, and the fields of these types. */
function withoutFields(document: DocumentNode, { isForbidden }: Hidden): DocumentNode {
  const empty = new Set<string>()
  const isShown = (owner: string, { name, type }: FieldDefinitionNode): boolean =>
    !isForbidden(owner, name.value) && !empty.has(namedType(type))
  for (;;) {
    const before = empty.size
    const definitions = document.definitions.flatMap((node): DefinitionNode[] => {
      if (!hasFields(node)) return [node]
      const fields = node.fields?.filter((field) => isShown(node.name.value, field)) ?? []
      if (fields.length > 0) return [{ ...node, fields }]
      // A schema has a query type, also when it has nothing to read.
      if (node.name.value === 'Query') return [{ ...node, fields: [] }]
      empty.add(node.name.value)
      return []
    })
    if (empty.size === before) return { ...document, definitions: definitions.map(withoutMembers(empty)) }
  }
}

/** Types lose the interfaces that are gone, unions their members, and the schema its root types. */
const withoutMembers =
  (gone: ReadonlySet<string>) =>
  (node: DefinitionNode): DefinitionNode => {
    if (hasFields(node))
      return { ...node, interfaces: node.interfaces?.filter(({ name }) => !gone.has(name.value)) ?? [] }
    if (node.kind === Kind.UNION_TYPE_DEFINITION)
      return { ...node, types: node.types?.filter(({ name }) => !gone.has(name.value)) ?? [] }
    if (node.kind === Kind.SCHEMA_DEFINITION)
      return { ...node, operationTypes: node.operationTypes.filter(({ type }) => !gone.has(type.name.value)) }
    return node
  }

/** Keeps the types that the root types lead to. */
function withReachableTypes(document: DocumentNode): DocumentNode {
  const byName = new Map<string, DefinitionNode>()
  const implementing = new Map<string, string[]>()
  for (const node of document.definitions) {
    if (!('name' in node) || !node.name || node.kind === Kind.DIRECTIVE_DEFINITION) continue
    byName.set(node.name.value, node)
    for (const parent of hasFields(node) ? (node.interfaces ?? []) : []) {
      implementing.set(parent.name.value, [...(implementing.get(parent.name.value) ?? []), node.name.value])
    }
  }
  const reached = new Set<string>()
  const reach = (name: string): void => {
    const node = byName.get(name)
    if (!node || reached.has(name)) return
    reached.add(name)
    visit(node, { NamedType: (type) => reach(type.name.value) })
    for (const type of implementing.get(name) ?? []) reach(type)
  }
  for (const name of ['Query', 'Mutation', 'Subscription']) reach(name)
  return {
    ...document,
    definitions: document.definitions.filter(
      (node) =>
        !('name' in node) || !node.name || !byName.has(node.name.value) || reached.has(node.name.value),
    ),
  }
}

const hasFields = (node: DefinitionNode) =>
  node.kind === Kind.OBJECT_TYPE_DEFINITION || node.kind === Kind.INTERFACE_TYPE_DEFINITION

const namedType = (type: TypeNode): string =>
  type.kind === Kind.NAMED_TYPE ? type.name.value : namedType(type.type)
