// What the schema for clients has lost since the last release without having been deprecated there.

import {
  buildASTSchema,
  findBreakingChanges,
  getNamedType,
  isAbstractType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  parse,
  visit,
  type DocumentNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  type GraphQLType,
} from 'graphql'

/** A sentence for each change that breaks a client which uses nothing that `released` deprecates. */
export function undeprecatedChanges(released: string, current: GraphQLSchema): readonly string[] {
  const promised = buildASTSchema(withoutDeprecated(parse(released)), { assumeValidSDL: true })
  const reachable = reachableTypes(promised)
  return findBreakingChanges(promised, current)
    .filter(({ type, description }) => type !== 'TYPE_REMOVED' || reachable.has(description.split(' ')[0]!))
    .map(({ description }) => description)
}

function withoutDeprecated(document: DocumentNode): DocumentNode {
  const leave = (node: { readonly directives?: readonly { readonly name: { readonly value: string } }[] }) =>
    node.directives?.some(({ name }) => name.value === 'deprecated') ? null : undefined
  return visit(document, { FieldDefinition: leave, InputValueDefinition: leave, EnumValueDefinition: leave })
}

/** The names of the types to which the root fields lead. */
function reachableTypes(schema: GraphQLSchema): ReadonlySet<string> {
  const found = new Set<string>()
  const add = (type: GraphQLNamedType | null | undefined): void => {
    if (!type || found.has(type.name)) return
    found.add(type.name)
    if (isAbstractType(type)) schema.getPossibleTypes(type).forEach(add)
    if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return
    for (const field of Object.values(type.getFields())) {
      add(getNamedType(field.type as GraphQLType))
      if ('args' in field)
        for (const { type: argument } of field.args) add(getNamedType(argument as GraphQLType))
    }
  }
  for (const root of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()])
    add(root)
  return found
}
