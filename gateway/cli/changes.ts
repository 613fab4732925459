// What a change of the schema for clients would break, and which of the clients’ operations use what breaks.

import {
  findBreakingChanges,
  findDangerousChanges,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInputObjectType,
  parse,
  TypeInfo,
  validate,
  visit,
  visitWithTypeInfo,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql'
import type { ClientOperation } from './read-operations.ts'

export interface Change {
  readonly description: string
  /** Names of the operations that use what changes. */
  readonly usedBy: readonly string[]
}

export interface Changes {
  readonly breaking: readonly Change[]
  readonly dangerous: readonly Change[]
  /** Operations that are valid now and would not be. */
  readonly invalid: readonly { readonly operation: ClientOperation; readonly reasons: readonly string[] }[]
  /** Operations that are not valid now either. */
  readonly stale: readonly ClientOperation[]
}

export function changesBetween(
  current: GraphQLSchema,
  changed: GraphQLSchema,
  operations: readonly ClientOperation[],
): Changes {
  const mistakes = (schema: GraphQLSchema, { text }: ClientOperation): readonly string[] =>
    validate(schema, parse(text)).map(({ message }) => message)
  const stale = operations.filter((operation) => mistakes(current, operation).length > 0)
  const valid = operations.filter((operation) => !stale.includes(operation))
  const uses = valid.map((operation) => ({ operation, used: usedBy(current, operation) }))
  const withUses = ({ description }: { readonly description: string }): Change => {
    const subject = subjectOf(description)
    const names = uses.filter(({ used }) => used.has(subject)).map(({ operation }) => operation.name)
    return { description, usedBy: [...new Set(names)] }
  }
  return {
    breaking: findBreakingChanges(current, changed).map(withUses),
    dangerous: findDangerousChanges(current, changed).map(withUses),
    invalid: valid.flatMap((operation) => {
      const reasons = mistakes(changed, operation)
      return reasons.length > 0 ? [{ operation, reasons }] : []
    }),
    stale,
  }
}

/** The field, such as `Query.books`, or type that a description of graphql-js is about. */
function subjectOf(description: string): string {
  const field = /\b([A-Za-z_]\w*\.[A-Za-z_]\w*)/.exec(description)?.[1]
  if (field !== undefined) return field
  const inType = /\b(?:enum type|union type|input type|type|interface) (\w+)/.exec(description)?.[1]
  const isOfMember = / (?:from|to|on) (?:enum|union|input) type /.test(description)
  return isOfMember ? inType! : (/^(\w+)/.exec(description)?.[1] ?? '')
}

/** The fields and types that an operation uses; of an abstract type, also the fields of its object types. */
function usedBy(schema: GraphQLSchema, { text }: ClientOperation): ReadonlySet<string> {
  const used = new Set<string>()
  const add = (type: GraphQLNamedType | undefined): void => {
    if (!type || used.has(type.name)) return
    used.add(type.name)
    if (!isInputObjectType(type)) return
    for (const field of Object.values(type.getFields())) {
      used.add(`${type.name}.${field.name}`)
      add(getNamedType(field.type))
    }
  }
  const types = new TypeInfo(schema)
  visit(
    parse(text),
    visitWithTypeInfo(types, {
      Field() {
        const parent = types.getParentType()
        const field = types.getFieldDef()
        if (!parent || !field) return
        add(parent)
        add(getNamedType(field.type))
        const owners = isAbstractType(parent) ? [parent, ...schema.getPossibleTypes(parent)] : [parent]
        for (const { name } of owners) used.add(`${name}.${field.name}`)
        for (const { type } of field.args) add(getNamedType(type))
      },
      InlineFragment() {
        const type = types.getType()
        if (isCompositeType(type)) add(type)
      },
    }),
  )
  return used
}
