// One operation of a client's document, and the key of each of its fields in the data.

import {
  isAbstractType,
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
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLObjectType,
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
  /** Variables of `@skip` and `@include`, in order of first use. */
  readonly switches: readonly string[]
  /** The requirements of the fields, as indexes of `AccessRules.requirements`. */
  readonly requirements: readonly number[]
  /** By field of the document: its index among all fields, and its key in the data. */
  readonly fields: ReadonlyMap<FieldNode, { readonly index: number; readonly key: string }>
}

/** Values of `Operation.switches` in one request. */
export type Switches = ReadonlyMap<string, boolean>

/**
 * Reads the definition and chooses the keys of its fields in the data.
 *
 * These keys are independent of the client's aliases: a plain field has its name as key, any other field
 * `name__N`. So an alias cannot hide a key field that the planner needs (`{ id: name }`), and two objects
 * that are merged never use one key for different fields. Only the renderer and the error paths use the
 * client's aliases.
 */
export function readOperation(
  schema: ApiSchema,
  definition: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): Operation {
  const fields = new Map<FieldNode, { index: number; key: string }>()
  const switches = new Set<string>()
  const keyOf = dataKeys(schema)
  const requirements = new Set<number>()
  const types = new TypeInfo(schema.graphql)
  const visitor = visitWithTypeInfo(types, {
    Field(node) {
      const field = types.getFieldDef()
      if (!field) return
      // What introspection shows depends on everything that the caller may read.
      if (isIntrospectionField(field.name)) schema.access.requirements.forEach((_, n) => requirements.add(n))
      fields.set(node, { index: fields.size, key: keyOf(node, field) })
      for (const type of objectTypesOf(schema, types.getParentType()!)) {
        for (const index of schema.access.of(type.name, field.name)) requirements.add(index)
      }
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
  return { schema, definition, fragments, switches: [...switches], requirements: [...requirements], fields }
}

export const isIntrospectionField = (name: string): boolean => name === '__schema' || name === '__type'

/** The object types of an abstract type, or the type itself. */
export const objectTypesOf = (
  { graphql }: ApiSchema,
  type: GraphQLCompositeType,
): readonly GraphQLObjectType[] =>
  isAbstractType(type) ? graphql.getPossibleTypes(type) : [type as GraphQLObjectType]

function dataKeys({
  fieldNames,
}: ApiSchema): (node: FieldNode, field: GraphQLField<unknown, unknown>) => string {
  const taken = new Set<string>()
  const keys = new Map<string, string>()
  return (node, { name, args, type }) => {
    // The signature contains the shape, because a String and an Int cannot share a key. It contains the
    // alias, because a null that propagates in an object under one alias must not empty the same object under
    // another.
    const alias = (node.alias ?? node.name).value
    const signature = `${alias}: ${name}${printArguments(node)}: ${shapeOf(type)}`
    let key = keys.get(signature)
    if (key === undefined) {
      key = name
      // A field that takes arguments never gets its plain name as key, even without arguments. The planner
      // may need the field with other arguments, and plans wrongly when it must invent an alias.
      if (args.length > 0 || alias !== name || taken.has(name)) {
        for (let n = 1; taken.has(key) || fieldNames.has(key); n++) key = `${name}__${n}`
      }
      taken.add(key)
      keys.set(signature, key)
    }
    return key
  }
}

/**
 * Lists, nulls and leaf types; every object type is `{}`. `[String!]` and `[Int!]` differ, `[Payment!]` and
 * `[Refund!]` do not.
 */
export function shapeOf(type: GraphQLOutputType): string {
  if (isNonNullType(type)) return `${shapeOf(type.ofType)}!`
  if (isListType(type)) return `[${shapeOf(type.ofType)}]`
  return isLeafType(type) ? type.name : '{}'
}

/** Prints the arguments sorted by name, so that equal arguments give equal text. */
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

/** Whether `@skip` and `@include` include a selection. */
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
