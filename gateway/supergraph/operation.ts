// One operation of a client's document, and the key under which each of its fields is kept while it is worked on.

import {
  isLeafType,
  isListType,
  isNonNullType,
  Kind,
  print,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type ArgumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLOutputType,
  type OperationDefinitionNode,
  type SelectionNode,
  type ValueNode,
} from 'graphql'
import type { ApiSchema } from './supergraph-schema.ts'

export interface Operation {
  readonly schema: ApiSchema
  readonly definition: OperationDefinitionNode
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>
  /** Variables that decide a `@skip` or `@include`, in a fixed order. */
  readonly switches: readonly string[]
  /** For each field of the document its place among all of them, and its key in the data. */
  readonly fields: ReadonlyMap<FieldNode, { readonly index: number; readonly key: string }>
}

/** Values of `Operation.switches` for one run. */
export type Switches = ReadonlyMap<string, boolean>

/**
 * Data is kept under keys of our own, not under the client's aliases: a plain field under its name, any other under
 * `name__N`. So an alias never hides a key field that the planner needs (`{ id: name }`), and two objects that meet in
 * the data never disagree on a key. Only the renderer and the error paths know the client's aliases.
 */
export function readOperation(
  schema: ApiSchema,
  definition: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): Operation {
  const fields = new Map<FieldNode, { index: number; key: string }>()
  const switches = new Set<string>()
  const keyOf = dataKeys(schema)
  const types = new TypeInfo(schema.graphql)
  const visitor = visitWithTypeInfo(types, {
    Field(node) {
      const field = types.getFieldDef()
      if (field) fields.set(node, { index: fields.size, key: keyOf(node, field) })
    },
    Directive({ name, arguments: args }) {
      const value = args?.[0]?.value
      if ((name.value === 'skip' || name.value === 'include') && value?.kind === Kind.VARIABLE) {
        switches.add(value.name.value)
      }
    },
  })
  visit(definition, visitor)
  for (const fragment of fragments.values()) visit(fragment, visitor)
  return { schema, definition, fragments, switches: [...switches], fields }
}

function dataKeys({
  fieldNames,
}: ApiSchema): (node: FieldNode, field: GraphQLField<unknown, unknown>) => string {
  const taken = new Set<string>()
  const keys = new Map<string, string>()
  return (node, { name, args, type }) => {
    // The shape is part of it, because a String and an Int may not meet under one key. So is the alias: a null that
    // moves up in an object under one alias must not empty the same object under another.
    const alias = (node.alias ?? node.name).value
    const signature = `${alias}: ${name}${printArguments(node)}: ${shapeOf(type)}`
    let key = keys.get(signature)
    if (key === undefined) {
      key = name
      // A field that takes arguments leaves its name free even when it is given none: the planner may need the field
      // with arguments of its own, and goes wrong where it has to invent an alias.
      if (args.length > 0 || alias !== name || taken.has(name)) {
        for (let n = 1; taken.has(key) || fieldNames.has(key); n++) key = `${name}__${n}`
      }
      taken.add(key)
      keys.set(signature, key)
    }
    return key
  }
}

/** `[String!]` and `[Int!]` differ, `[Payment!]` and `[Refund!]` do not: what is inside them is compared by itself. */
export function shapeOf(type: GraphQLOutputType): string {
  if (isNonNullType(type)) return `${shapeOf(type.ofType)}!`
  if (isListType(type)) return `[${shapeOf(type.ofType)}]`
  return isLeafType(type) ? type.name : '{}'
}

/** The same for arguments that mean the same, whatever their order. */
export function printArguments({ arguments: args = [] }: { arguments?: readonly ArgumentNode[] }): string {
  if (args.length === 0) return ''
  const sorted = args.toSorted((a, b) => (a.name.value < b.name.value ? -1 : 1))
  return `(${sorted.map(({ name, value }) => `${name.value}: ${printValue(value)}`).join(', ')})`
}

function printValue(value: ValueNode): string {
  if (value.kind === Kind.LIST) return `[${value.values.map(printValue).join(', ')}]`
  if (value.kind !== Kind.OBJECT) return print(value)
  const fields = value.fields.toSorted((a, b) => (a.name.value < b.name.value ? -1 : 1))
  return `{${fields.map(({ name, value: inner }) => `${name.value}: ${printValue(inner)}`).join(', ')}}`
}

/** Whether `@skip` and `@include` leave a selection in. */
export function isIncluded({ directives = [] }: SelectionNode, switches: Switches): boolean {
  return directives.every(({ name, arguments: args }) => {
    if (name.value !== 'skip' && name.value !== 'include') return true
    const value = args?.[0]?.value
    const on =
      value?.kind === Kind.VARIABLE
        ? switches.get(value.name.value)
        : value?.kind === Kind.BOOLEAN && value.value
    return on === (name.value === 'include')
  })
}
