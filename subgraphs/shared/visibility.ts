// `@visibility` in the SDL of the hub's own subgraphs: which rules are missing, what the engine enforces by
// scopes, and what each subgraph enforces object by object.

import {
  defaultFieldResolver,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  parse,
  print,
  valueFromASTUntyped,
  visit,
  type ConstDirectiveNode,
  type DocumentNode,
  type FieldDefinitionNode,
  type GraphQLSchema,
} from 'graphql'
import type { ParticipantId } from '../../schema/values/id.ts'
import { isOperator } from './access.ts'
import type { RequestContext } from './viewer.ts'

/** See `Visibility` in `schema/values/values.graphql`. */
export type Visibility = 'ALL' | 'PARTIES' | 'OWNER' | 'OPERATOR'

/** The rule of a field; null without one. */
export function visibilityOfField({ directives = [] }: FieldDefinitionNode): Visibility | null {
  const rule = directives.find(({ name }) => name.value === 'visibility')
  const value = rule?.arguments?.[0]?.value
  return value ? (valueFromASTUntyped(value) as Visibility) : null
}

/** The lists of scopes of a field, of which a caller needs all of one; none without `@requiresScopes`. */
export function scopesOf({ directives = [] }: FieldDefinitionNode): readonly (readonly string[])[] {
  const value = directives.find(({ name }) => name.value === 'requiresScopes')?.arguments?.[0]?.value
  return value ? (valueFromASTUntyped(value) as string[][]) : []
}

/** The fields of all types as "Type.field", with their definitions. */
export function fieldsOf(document: DocumentNode): readonly (readonly [string, FieldDefinitionNode])[] {
  return document.definitions.flatMap((node) =>
    node.kind === Kind.OBJECT_TYPE_DEFINITION ||
    node.kind === Kind.OBJECT_TYPE_EXTENSION ||
    node.kind === Kind.INTERFACE_TYPE_DEFINITION ||
    node.kind === Kind.INTERFACE_TYPE_EXTENSION
      ? (node.fields ?? []).map((field) => [`${node.name.value}.${field.name.value}`, field] as const)
      : [],
  )
}

/**
 * What is missing in the SDL of a subgraph, one sentence each: a field without `@visibility`, or a field of a
 * root type that needs neither a key nor a scope.
 */
export function missingRules(sdl: string): readonly string[] {
  return fieldsOf(parse(sdl)).flatMap(([name, field]) => {
    const rule = visibilityOfField(field)
    if (rule === null) return [`${name} has no @visibility`]
    const isRoot = /^(Query|Mutation|Subscription)\./.test(name)
    const needsKey = field.directives?.some(({ name: directive }) =>
      ['authenticated', 'requiresScopes'].includes(directive.value),
    )
    return isRoot && !needsKey && rule !== 'OPERATOR'
      ? [`${name} has neither @authenticated nor @requiresScopes`]
      : []
  })
}

/**
 * The SDL as it is composed: OPERATOR as the scope that the engine requires for it, and `@visibility` itself
 * left out.
 */
export function composableSdl(sdl: string): string {
  return print(
    visit(parse(sdl, { noLocation: true }), {
      FieldDefinition(node) {
        const others = node.directives?.filter(({ name }) => name.value !== 'visibility') ?? []
        const directives = visibilityOfField(node) === 'OPERATOR' ? [...others, operatorScope] : others
        return { ...node, directives }
      },
      DirectiveDefinition: ({ name }) => (name.value === 'visibility' ? null : undefined),
      EnumTypeDefinition: ({ name }) => (name.value === 'Visibility' ? null : undefined),
    }),
  )
}

const operatorScope = parse('type T { f: Int @requiresScopes(scopes: [["operator"]]) }', {
  noLocation: true,
}).definitions.flatMap((node) =>
  node.kind === Kind.OBJECT_TYPE_DEFINITION ? (node.fields?.[0]?.directives ?? []) : [],
)[0] as ConstDirectiveNode

/** The participant that an object belongs to. */
export type OwnerOf = (object: never) => ParticipantId

/**
 * Guards the OWNER fields of every type for which `ownerOf` gives a function: for other callers such a field
 * is null, or an empty list. Types without a function are reached by their owner alone. Throws for a guarded
 * field that can be neither.
 */
export function guardOwners(schema: GraphQLSchema, ownerOf: (typename: string) => OwnerOf | undefined): void {
  for (const type of Object.values(schema.getTypeMap())) {
    const owner = isObjectType(type) ? ownerOf(type.name) : undefined
    if (!owner || !isObjectType(type)) continue
    for (const field of Object.values(type.getFields())) {
      if (!field.astNode || visibilityOfField(field.astNode) !== 'OWNER') continue
      const isList = isListType(isNonNullType(field.type) ? field.type.ofType : field.type)
      if (isNonNullType(field.type) && !isList) {
        throw new TypeError(`${type.name}.${field.name} is for its owner, so it must be nullable or a list`)
      }
      const hidden = isList ? [] : null
      const { resolve = defaultFieldResolver } = field
      field.resolve = (object, args, context: RequestContext, info) =>
        isOperator(context) || owner(object as never) === context.viewer.participant
          ? resolve(object, args, context, info)
          : hidden
    }
  }
}
