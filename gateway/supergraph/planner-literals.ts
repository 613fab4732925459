// Replaces the literals that the planner cannot carry by variables. The planner refuses some literals, such
// as integers beyond 64 bits and 3.0e0, and changes others, such as "\b" and -0.

import {
  isInputObjectType,
  isListType,
  isNonNullType,
  isSpecifiedScalarType,
  Kind,
  print,
  valueFromAST,
  type GraphQLInputType,
  type ValueNode,
} from 'graphql'

/** Makes a variable of this type with a constant value, and returns its name. */
export type LiftLiteral = (type: string, literal: string, value: unknown) => string

/** Returns `node` with variables for the literals that the planner cannot carry. */
export function plannableValue(type: GraphQLInputType, node: ValueNode, lift: LiftLiteral): ValueNode {
  const inner = isNonNullType(type) ? type.ofType : type
  if (node.kind === Kind.LIST && isListType(inner)) {
    return { ...node, values: node.values.map((item) => plannableValue(inner.ofType, item, lift)) }
  }
  if (node.kind === Kind.OBJECT && !isListType(inner) && isInputObjectType(inner)) {
    const types = inner.getFields()
    const fields = node.fields.map((field) => ({
      ...field,
      value: plannableValue(types[field.name.value]!.type, field.value, lift),
    }))
    return { ...node, fields }
  }
  if (node.kind === Kind.OBJECT && isListType(inner)) return plannableValue(inner.ofType, node, lift)
  if (isPlain(node) || !isExactAsVariable(type, node)) return node
  const name = lift(String(type), print(node), valueFromAST(node, type))
  return { kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: name } }
}

/** Whether the planner writes the literal into its fetches with the same value. */
function isPlain(node: ValueNode): boolean {
  switch (node.kind) {
    case Kind.INT:
      return /^(?:0|-?[1-9]\d{0,17})$/.test(node.value)
    case Kind.FLOAT:
      return /^-?[1-9]\d{0,6}\.\d{0,6}[1-9]$/.test(node.value)
    case Kind.STRING:
      return node.block !== true && !/\p{Cc}/u.test(node.value)
    case Kind.LIST:
      return node.values.length === 0
    case Kind.OBJECT:
      return node.fields.length === 0
    case Kind.VARIABLE:
    case Kind.BOOLEAN:
    case Kind.NULL:
    case Kind.ENUM:
      return true
  }
}

/**
 * Whether a variable can have the same value as the literal. An integer of a custom scalar may have more
 * digits than a JSON number, and a variable cannot contain another one.
 */
function isExactAsVariable(type: GraphQLInputType, node: ValueNode): boolean {
  if (isLeafOfBuiltIn(type)) return true
  switch (node.kind) {
    case Kind.INT:
      return Number.isSafeInteger(Number(node.value))
    case Kind.LIST:
      return node.values.every((item) => isExactAsVariable(type, item))
    case Kind.OBJECT:
      return node.fields.every(({ value }) => isExactAsVariable(type, value))
    case Kind.VARIABLE:
      return false
    default:
      return true
  }
}

function isLeafOfBuiltIn(type: GraphQLInputType): boolean {
  if (isNonNullType(type) || isListType(type)) return isLeafOfBuiltIn(type.ofType)
  return !isInputObjectType(type) && isSpecifiedScalarType(type)
}
