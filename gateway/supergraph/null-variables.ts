// Finds variables that are null where a null is not allowed. A nullable variable may stand at a non-null
// position when the variable or the position has a default, and only its value decides.

import {
  isInputObjectType,
  isListType,
  isNonNullType,
  Kind,
  print,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type ArgumentNode,
  type ASTNode,
  type GraphQLArgument,
  type GraphQLInputType,
  type SelectionNode,
  type ValueNode,
} from 'graphql'
import type { Variables } from './connection.ts'
import { isIncluded, type Operation, type Switches } from './operation.ts'

/** A variable of an argument that must not be null. */
interface StrictUse {
  readonly variable: string
  /** The message of graphql-js for a null. */
  readonly message: string
  /** The field, and the selections around it. */
  readonly selections: readonly SelectionNode[]
}

/** Compiles a check that returns the message for the first null that is not allowed, or null without one. */
export function compileNullCheck(
  operation: Operation,
): (variables: Variables, switches: Switches) => string | null {
  const nullable = (operation.definition.variableDefinitions ?? [])
    .filter(({ type }) => type.kind !== Kind.NON_NULL_TYPE)
    .map(({ variable }) => variable.name.value)
  const uses = nullable.length === 0 ? [] : strictUsesOf(operation, new Set(nullable))
  if (uses.length === 0) return () => null
  return (variables, switches) => {
    const use = uses.find(
      ({ variable, selections }) =>
        variables[variable] === null && selections.every((node) => isIncluded(node, switches)),
    )
    return use?.message ?? null
  }
}

function strictUsesOf(
  { schema, definition, fragments }: Operation,
  nullable: ReadonlySet<string>,
): readonly StrictUse[] {
  const uses: StrictUse[] = []
  const visitIn = (root: ASTNode, around: readonly SelectionNode[]): void => {
    const selections = [...around]
    const types = new TypeInfo(schema.graphql)
    visit(
      root,
      visitWithTypeInfo(types, {
        enter(node) {
          if (isSelection(node)) selections.push(node)
          if (node.kind === Kind.FRAGMENT_SPREAD) visitIn(fragments.get(node.name.value)!, selections)
          if (node.kind !== Kind.ARGUMENT || types.getDirective()) return
          for (const { variable, message } of strictVariables(node, types.getArgument()!)) {
            if (nullable.has(variable)) uses.push({ variable, message, selections: [...selections] })
          }
        },
        leave(node) {
          if (isSelection(node)) selections.pop()
        },
      }),
    )
  }
  visitIn(definition, [])
  return uses
}

function strictVariables(
  { value }: ArgumentNode,
  { name, type }: GraphQLArgument,
): readonly Pick<StrictUse, 'variable' | 'message'>[] {
  if (value.kind === Kind.VARIABLE) {
    const message = `Argument "${name}" of non-null type "${String(type)}" must not be null.`
    return isNonNullType(type) ? [{ variable: value.name.value, message }] : []
  }
  const message = `Argument "${name}" has invalid value ${print(value)}.`
  return variablesAtNonNull(type, value).map((variable) => ({ variable, message }))
}

/** The variables in `value` at positions of a non-null type. */
export function variablesAtNonNull(type: GraphQLInputType, value: ValueNode): readonly string[] {
  if (value.kind === Kind.VARIABLE) return isNonNullType(type) ? [value.name.value] : []
  const inner = isNonNullType(type) ? type.ofType : type
  if (value.kind === Kind.LIST && isListType(inner)) {
    return value.values.flatMap((item) => variablesAtNonNull(inner.ofType, item))
  }
  if (isListType(inner)) return variablesAtNonNull(inner.ofType, value)
  if (value.kind !== Kind.OBJECT || !isInputObjectType(inner)) return []
  const fields = inner.getFields()
  return value.fields.flatMap(({ name, value: given }) => variablesAtNonNull(fields[name.value]!.type, given))
}

const isSelection = (node: ASTNode): node is SelectionNode =>
  node.kind === Kind.FIELD || node.kind === Kind.INLINE_FRAGMENT || node.kind === Kind.FRAGMENT_SPREAD
