// Documents that together select every field of the API schema, or have each argument of a name, and the
// positions that take an id.

import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql'

export type Kind = 'query' | 'mutation' | 'subscription'

export interface FieldDocument {
  readonly kind: Kind
  /** The field of the root type. */
  readonly root: GraphQLField<unknown, unknown>
  readonly text: string
  /** The fields that it selects, as "Type.field". */
  readonly fields: readonly string[]
}

/** The literal of an argument; undefined leaves the argument out. */
export type ArgumentOf = (argument: GraphQLArgument, field: string) => string | undefined

/** All fields of the object types and interfaces that the root types lead to, as "Type.field". */
export function allFields(schema: GraphQLSchema): readonly string[] {
  const reached = new Set<GraphQLNamedType>()
  const reach = (type: GraphQLNamedType | null | undefined): void => {
    if (!type || reached.has(type)) return
    reached.add(type)
    if (isAbstractType(type)) schema.getPossibleTypes(type).forEach(reach)
    if (!isObjectType(type) && !isInterfaceType(type)) return
    type.getInterfaces().forEach(reach)
    for (const field of Object.values(type.getFields())) reach(getNamedType(field.type))
  }
  for (const kind of ['query', 'mutation', 'subscription']) reach(schema.getRootType(kind as never))
  return [...reached].flatMap((type) =>
    isObjectType(type) || isInterfaceType(type)
      ? Object.keys(type.getFields()).map((name) => `${type.name}.${name}`)
      : [],
  )
}

/**
 * For each root field, one document for each type that it leads to and that no earlier document has: with all
 * fields of the type, where a leaf of each object stands for it.
 */
export function documentsOf(schema: GraphQLSchema, argumentOf: ArgumentOf): readonly FieldDocument[] {
  const documents: FieldDocument[] = []
  const seen = new Set<string>()
  let waiting = rootWays(schema)
  while (waiting.length > 0) {
    const next: Way[] = []
    for (const way of waiting) {
      const [, last] = way.chain.at(-1)!
      const type = getNamedType(last.type)
      const isRoot = way.chain.length === 1
      if (!isRoot && seen.has(type.name)) continue
      seen.add(type.name)
      documents.push(documentOf(schema, way, type, argumentOf))
      for (const owner of typesOf(schema, type)) {
        for (const field of Object.values(owner.getFields())) {
          if (isCompositeType(getNamedType(field.type)))
            next.push({ ...way, chain: [...way.chain, [owner, field]] })
        }
      }
    }
    waiting = next
  }
  return documents
}

/**
 * One document for each field of the schema that has the argument `name`, with the fields that lead to it,
 * and the leaves of its result, two objects deep.
 */
export function documentsWith(
  schema: GraphQLSchema,
  name: string,
  argumentOf: ArgumentOf,
): readonly FieldDocument[] {
  const seen = new Set<string>()
  const ways = rootWays(schema)
  for (const way of ways) {
    const type = getNamedType(way.chain.at(-1)![1].type)
    if (seen.has(type.name)) continue
    seen.add(type.name)
    for (const owner of typesOf(schema, type)) {
      for (const field of Object.values(owner.getFields()))
        ways.push({ ...way, chain: [...way.chain, [owner, field]] })
    }
  }
  const documents = new Map<string, FieldDocument>()
  for (const { kind, root, chain } of ways) {
    const [owner, last] = chain.at(-1)!
    const field = `${owner.name}.${last.name}`
    if (documents.has(field) || !last.args.some((argument) => argument.name === name)) continue
    const inner = leavesOf(schema, getNamedType(last.type), 2)
    const text = `${kind} ${along(chain, argumentOf, inner)}`
    documents.set(field, { kind, root, text, fields: [field] })
  }
  return [...documents.values()]
}

/** The fields of all object types that have the argument `name`, as "Type.field". */
export const fieldsWith = (schema: GraphQLSchema, name: string): readonly string[] =>
  Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .flatMap((type) =>
      Object.values(type.getFields())
        .filter(({ args }) => args.some((argument) => argument.name === name))
        .map((field) => `${type.name}.${field.name}`),
    )

/** The leaves of a type that take no argument, and those of its objects. */
function leavesOf(schema: GraphQLSchema, type: GraphQLNamedType, levels: number): string {
  if (isLeafType(type)) return ''
  const selected = ['__typename']
  if (isAbstractType(type)) {
    for (const one of schema.getPossibleTypes(type))
      if (one.getFields()['id']) selected.push(`... on ${one.name} { id }`)
  } else if (isObjectType(type)) {
    for (const field of Object.values(type.getFields()).filter(({ args }) => args.length === 0)) {
      const inner = getNamedType(field.type)
      if (isLeafType(inner)) selected.push(field.name)
      else if (levels > 0) selected.push(`${field.name} ${leavesOf(schema, inner, levels - 1)}`)
    }
  }
  return `{ ${selected.join(' ')} }`
}

const rootWays = (schema: GraphQLSchema): Way[] =>
  (['query', 'subscription', 'mutation'] as const).flatMap((kind) => {
    const type = schema.getRootType(kind as never)
    return Object.values(type?.getFields() ?? {}).map((root): Way => ({ kind, root, chain: [[type!, root]] }))
  })

interface Way {
  readonly kind: Kind
  readonly root: GraphQLField<unknown, unknown>
  /** Fields with the types that they are selected on, from the root. */
  readonly chain: readonly (readonly [GraphQLObjectType, GraphQLField<unknown, unknown>])[]
}

/** The object types of a type, and the interface itself. */
function typesOf(schema: GraphQLSchema, type: GraphQLNamedType): readonly GraphQLObjectType[] {
  if (isAbstractType(type)) return schema.getPossibleTypes(type)
  return isObjectType(type) ? [type] : []
}

function documentOf(
  schema: GraphQLSchema,
  way: Way,
  type: GraphQLNamedType,
  argumentOf: ArgumentOf,
): FieldDocument {
  const fields: string[] = way.chain.map(([owner, { name }]) => `${owner.name}.${name}`)
  const select = (owner: GraphQLObjectType, prefix: string): string =>
    Object.values(owner.getFields())
      .map((field, n) => {
        fields.push(`${owner.name}.${field.name}`)
        return `${prefix}${n}_${field.name}: ${callOf(field, argumentOf)}${leafOf(field)}`
      })
      .join(' ')
  let inner = '__typename'
  if (isInterfaceType(type)) {
    // The fields of an interface, without a fragment of an object type.
    inner += ` ${select(type as unknown as GraphQLObjectType, 'i')}`
  }
  if (isAbstractType(type)) {
    const interfaces = new Set(schema.getPossibleTypes(type).flatMap((one) => one.getInterfaces()))
    for (const [n, one] of [...interfaces].filter((shared) => shared !== type).entries())
      inner += ` ... on ${one.name} { ${select(one as unknown as GraphQLObjectType, `p${n}_`)} }`
    for (const [n, one] of schema.getPossibleTypes(type).entries())
      inner += ` ... on ${one.name} { ${select(one, `t${n}_`)} }`
  } else if (isObjectType(type)) inner += ` ${select(type, 'f')}`
  const text = along(way.chain, argumentOf, isLeafType(type) ? '' : `{ ${inner} }`)
  return { kind: way.kind, root: way.root, text: `${way.kind} ${text}`, fields }
}

/** The selections along a chain of fields, with `inner` for the last one. */
function along(chain: Way['chain'], argumentOf: ArgumentOf, inner: string): string {
  const [[, root], ...rest] = chain as [Way['chain'][number], ...Way['chain']]
  let text = inner
  for (const [owner, field] of rest.toReversed())
    text = `{ ... on ${owner.name} { ${callOf(field, argumentOf)} ${text} } }`
  return `{ ${callOf(root, argumentOf)} ${text} }`
}

function callOf({ name, args }: GraphQLField<unknown, unknown>, argumentOf: ArgumentOf): string {
  const given = args.flatMap((argument) => {
    const literal = argumentOf(argument, name)
    return literal === undefined ? [] : [`${argument.name}: ${literal}`]
  })
  return given.length > 0 ? `${name}(${given.join(', ')})` : name
}

/** The type name in place of an object; nothing for a leaf. */
const leafOf = ({ type }: GraphQLField<unknown, unknown>): string =>
  isCompositeType(getNamedType(type)) ? ' { __typename }' : ''

/** A position of an input that takes ids: of arguments of a root field, at any depth. */
export interface IdPosition {
  readonly kind: Kind
  readonly root: GraphQLField<unknown, unknown>
  readonly path: readonly string[]
}

/** All positions of root fields whose type is ID, or one of `types`, or a list of it. */
export function idPositions(schema: GraphQLSchema, types: readonly string[] = ['ID']): readonly IdPosition[] {
  const walk = (input: GraphQLArgument | GraphQLInputField, before: readonly string[]): string[][] => {
    const path = [...before, input.name]
    const named = getNamedType(input.type)
    if (isInputObjectType(named))
      return Object.values(named.getFields()).flatMap((field) => walk(field, path))
    return types.includes(named.name) ? [path] : []
  }
  return (['query', 'mutation', 'subscription'] as const).flatMap((kind) =>
    Object.values(schema.getRootType(kind as never)?.getFields() ?? {}).flatMap((root) =>
      root.args.flatMap((argument) => walk(argument, []).map((path) => ({ kind, root, path }))),
    ),
  )
}

/** The literal of an input: `value` for the leaf at `path`, and examples for what else is required. */
export function literalWith(
  input: GraphQLArgument | GraphQLInputField,
  path: readonly string[],
  value: string,
  example: (name: string, type: GraphQLNamedType) => string,
): string | undefined {
  const isOnPath = path[0] === input.name
  const required = isNonNullType(input.type) && input.defaultValue === undefined
  if (!isOnPath && !required) return undefined
  const wrap = (type: GraphQLInputType, literal: string): string =>
    isNonNullType(type) ? wrap(type.ofType, literal) : isListType(type) ? `[${literal}]` : literal
  const named = getNamedType(input.type)
  if (!isInputObjectType(named))
    return wrap(input.type, isOnPath && path.length === 1 ? value : example(input.name, named))
  const members = Object.values(named.getFields()).flatMap((field) => {
    const literal = literalWith(field, isOnPath ? path.slice(1) : [], value, example)
    return literal === undefined ? [] : [`${field.name}: ${literal}`]
  })
  return wrap(input.type, `{ ${members.join(', ')} }`)
}
