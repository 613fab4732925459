// Reads a client's document: parses and validates its text, and selects the operation to run.

import {
  getNamedType,
  GraphQLError,
  GraphQLFloat,
  isInputObjectType,
  isNonNullType,
  Kind,
  OverlappingFieldsCanBeMergedRule,
  parse,
  print,
  SingleFieldSubscriptionsRule,
  specifiedRules,
  validate,
  visit,
  type ASTVisitor,
  type DocumentNode,
  type FloatValueNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type IntValueNode,
  type OperationDefinitionNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql'
import { engineCodes, reject, type Rejected } from './errors.ts'
import { errorsMax } from './input.ts'
import { checkText, type TextRules } from './document-text.ts'
import { withoutNames, withoutSuggestion } from './hidden-names.ts'
import { oversize } from './limits.ts'
import { readOperation, type Operation } from './operation.ts'
import type { ApiSchema } from './supergraph-schema.ts'

/** A valid document. */
export interface Document {
  readonly operations: readonly OperationDefinitionNode[]
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>
}

/** What a document may be, and what its errors may reveal. */
export interface DocumentPolicy extends TextRules {
  /** Whether `__schema` and `__type` are answered. */
  readonly introspection: boolean
  /** Whether errors suggest names of the schema: “Did you mean”. */
  readonly suggestions: boolean
}

/** Parses and validates a document. */
export function readDocument(
  schema: GraphQLSchema,
  text: string,
  policy: DocumentPolicy,
): Document | Rejected {
  const { limits } = policy
  if (text.length > limits.charactersMax) {
    const limit = `the limit is ${limits.charactersMax}`
    return reject('OPERATION_TOO_LARGE', `The document has ${text.length} characters; ${limit}.`)
  }
  try {
    const refused = checkText(text, policy)
    if (refused) return refused
    const document = parse(text, { maxTokens: limits.tokensMax })
    const invalid = (errors: readonly GraphQLError[]): Rejected =>
      reject('GRAPHQL_VALIDATION_FAILED', ...errors.map((error) => shown(error, policy)))
    const errors = checked(schema, document, validationRules)
    if (errors.length > 0) return invalid(errors)
    const { definitions } = document
    const operations = definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION)
    const fragmentNodes = definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION)
    const fragments = new Map(fragmentNodes.map((node) => [node.name.value, node]))
    for (const operation of operations) {
      const tooLarge = oversize(operation, fragments, limits)
      if (tooLarge !== null) return reject('OPERATION_TOO_LARGE', tooLarge)
    }
    const conflicts = checked(schema, withoutVariableSwitches(document), mergingRules)
    return conflicts.length > 0 ? invalid(conflicts) : { operations, fragments }
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error
    const isTooLong = error.message.endsWith('tokens. Parsing aborted.')
    return reject(isTooLong ? 'OPERATION_TOO_LARGE' : 'GRAPHQL_PARSE_FAILED', error)
  }
}

/** The mistakes of a document. Their stacks are never read, and would take half of the time. */
function checked(
  schema: GraphQLSchema,
  document: DocumentNode,
  rules: readonly ValidationRule[],
): readonly GraphQLError[] {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return validate(schema, document, rules, { maxErrors: errorsMax })
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** The error with the names of the schema that the policy gives. */
function shown(error: GraphQLError, { suggestions, introspection }: DocumentPolicy): GraphQLError {
  if (suggestions) return error
  const message = introspection ? withoutSuggestion(error.message) : withoutNames(error.message)
  return new GraphQLError(message, { nodes: error.nodes ?? [] })
}

/**
 * Rules for fields that are merged. The first compares all pairs of them, so it runs on documents of bounded
 * size only. The second cannot read a switch of a variable, so both values of the switch must leave one
 * field.
 */
const mergingRules = [OverlappingFieldsCanBeMergedRule, SingleFieldSubscriptionsRule]

const validationRules = [
  ...specifiedRules.filter((rule) => !mergingRules.includes(rule)),
  FiniteNumbersRule,
  OneOfVariablesRule,
]

/** Refuses a number that JavaScript reads as infinite, which a subgraph cannot receive as JSON. */
function FiniteNumbersRule(context: ValidationContext): ASTVisitor {
  const check = (node: IntValueNode | FloatValueNode): void => {
    const isFloat = node.kind === Kind.FLOAT || getNamedType(context.getInputType()) === GraphQLFloat
    if (!isFloat || Number.isFinite(Number(node.value))) return
    const text = node.value.length > 60 ? `${node.value.slice(0, 60)}…` : node.value
    context.reportError(new GraphQLError(`${text} is too large for a number.`, { nodes: node }))
  }
  return { IntValue: check, FloatValue: check }
}

/**
 * Refuses a nullable variable as the one field of a non-null `@oneOf` input, as graphql-js does for a
 * nullable one. A subgraph would refuse the document.
 */
function OneOfVariablesRule(context: ValidationContext): ASTVisitor {
  const check = (operation: OperationDefinitionNode): void => {
    for (const { node, parentType } of context.getRecursiveVariableUsages(operation)) {
      const input = isNonNullType(parentType) ? parentType.ofType : null
      if (!isInputObjectType(input) || !input.isOneOf) continue
      const { name } = node
      const definition = operation.variableDefinitions?.find(
        ({ variable }) => variable.name.value === name.value,
      )
      if (!definition || definition.type.kind === Kind.NON_NULL_TYPE) continue
      const start = `Variable "$${name.value}" is of type "${print(definition.type)}"`
      const message = `${start} but must be non-nullable to be used for OneOf Input Object "${input.name}".`
      context.reportError(new GraphQLError(message, { nodes: [definition, node] }))
    }
  }
  return { OperationDefinition: { leave: check } }
}

const withoutVariableSwitches = (document: DocumentNode): DocumentNode =>
  visit(document, {
    Directive: ({ name, arguments: args }) =>
      (name.value === 'skip' || name.value === 'include') && args?.[0]?.value.kind === Kind.VARIABLE
        ? null
        : undefined,
  })

/** The operation of this name in a document, or its only one when `name` is ''. */
export function findOperation(
  schema: ApiSchema,
  { operations, fragments }: Document,
  name: string,
  policy: DocumentPolicy,
): Operation | Rejected {
  if (!name && operations.length > 1) {
    return reject('OPERATION_RESOLUTION_FAILURE', 'The document has several operations: send operationName.')
  }
  const definition = name ? operations.find((node) => node.name?.value === name) : operations[0]
  if (!definition) {
    const what = name ? `operation named ${JSON.stringify(name)}` : 'operation'
    return reject('OPERATION_RESOLUTION_FAILURE', `The document has no ${what}.`)
  }
  const share = schema.introspectionShare(definition.selectionSet, fragments)
  if (share > 0 && !policy.introspection) return reject('INTROSPECTION_OFF', engineCodes.INTROSPECTION_OFF)
  if (share > 1) {
    const times = `${share.toFixed(1)} times as much of the schema as one operation may`
    return reject('OPERATION_TOO_LARGE', `The operation selects ${times}.`)
  }
  return readOperation(schema, definition, fragments)
}
