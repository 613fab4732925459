// What the SDLs of a supergraph's subgraphs say, as far as a made-up world has to respect it.

import { buildSubgraphSchema } from '@apollo/subgraph'
import {
  buildASTSchema,
  getNamedType,
  isAbstractType,
  isEnumType,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  valueFromASTUntyped,
  type DirectiveNode,
  type FieldDefinitionNode,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type SelectionSetNode,
} from 'graphql'

export interface SubgraphSdl {
  readonly name: string
  readonly sdl: string
}

/** A field set of `@key`, `@requires` or `@provides`, fragments written out. */
export type Selection = readonly {
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
  /** The type condition around it; null when there is none. */
  readonly on: string | null
  readonly inner: Selection | null
}[]

/** How one subgraph takes part in one field. */
export interface FieldRole {
  readonly external: boolean
  /** Whether some field of the subgraph provides it. */
  readonly provided: boolean
  readonly requires: Selection | null
  /** Another subgraph has taken it over. */
  readonly overridden: boolean
}

export interface Facts {
  typeOf(type: string, field: string): GraphQLOutputType
  /** Values of arguments that are left out. */
  defaultsOf(type: string, field: string): Readonly<Record<string, unknown>>
  isEntity(type: string): boolean
  /** Object types of an interface or union, or the type itself. */
  objectTypes(type: string): readonly string[]
  isA(type: string, condition: string): boolean
  /** Part of a key: the same in every world. */
  isKey(type: string, field: string): boolean
  /** Never fails and has no null that it may not have: part of a key or of a `@requires`, or typed differently by two
   * subgraphs. What goes wrong there, one graph and a federation of several rightly report differently. */
  isSafe(type: string, field: string): boolean
  /** Non-null in one subgraph and nullable in another. */
  isNeverNull(type: string, field: string): boolean
  /** Enum values or runtime types that every subgraph that gives the field knows. */
  allowedIn(type: string, field: string): readonly string[]
  /** By `@requires` of whichever subgraph computes the field. */
  requires(type: string, field: string): Selection | null
  /** The subgraph's own schema, without resolvers. */
  schemaOf(subgraph: string): GraphQLSchema
  role(subgraph: string, type: string, field: string): FieldRole
  keys(subgraph: string, type: string): readonly Selection[]
}

export function readFacts(supergraphSdl: string, subgraphs: readonly SubgraphSdl[]): Facts {
  const schema = buildASTSchema(parse(supergraphSdl), { assumeValid: true, assumeValidSDL: true })
  const parts = new Map(subgraphs.map(({ name, sdl }) => [name, readPart(sdl, schema)]))
  const all = [...parts.values()]
  for (const part of all) {
    for (const [from, field] of part.overrides) parts.get(from)?.overridden.add(field)
  }

  const objectTypes = (type: string): readonly string[] => {
    const known = schema.getType(type)
    return isAbstractType(known) ? schema.getPossibleTypes(known).map(({ name }) => name) : [type]
  }
  const isA = (type: string, condition: string): boolean => objectTypes(condition).includes(type)
  /** A type and its interfaces: what is said of a field of an interface holds for the types that implement it. */
  const faces = (type: string): readonly string[] => {
    const known = schema.getType(type)
    return isObjectType(known) ? [type, ...known.getInterfaces().map(({ name }) => name)] : [type]
  }
  const marked = (sets: readonly ReadonlySet<string>[], type: string, field: string): boolean =>
    faces(type).some((face) => sets.some((set) => set.has(`${face}.${field}`)))

  const fieldOf = (type: string, field: string) =>
    (schema.getType(type) as GraphQLObjectType).getFields()[field]!
  const fieldType = (type: string, field: string): GraphQLOutputType => fieldOf(type, field).type
  const differs = (type: string, field: string): boolean =>
    all.some((part) => {
      const known = part.schema.getType(type)
      const own = isObjectType(known) ? known.getFields()[field] : undefined
      return own !== undefined && String(own.type) !== String(fieldType(type, field))
    })

  return {
    typeOf: fieldType,
    defaultsOf: (type, field) =>
      Object.fromEntries(
        fieldOf(type, field).args.flatMap(({ name, defaultValue }) =>
          defaultValue === undefined ? [] : [[name, defaultValue]],
        ),
      ),
    objectTypes,
    isA,
    isEntity: (type) => all.some(({ keys }) => faces(type).some((face) => keys.has(face))),
    isKey: (type, field) =>
      marked(
        all.map(({ keyFields }) => keyFields),
        type,
        field,
      ),
    isSafe: (type, field) =>
      marked(
        all.flatMap(({ keyFields, requiredFields }) => [keyFields, requiredFields]),
        type,
        field,
      ) || differs(type, field),
    isNeverNull: differs,
    allowedIn: (type, field) => allowedIn(all, schema, type, field, faces(type)),
    requires: (type, field) =>
      all.map((part) => requiresOf(part, faces(type), field)).find((selection) => selection !== null) ?? null,
    schemaOf: (subgraph) => parts.get(subgraph)!.schema,
    role: (subgraph, type, field) => {
      const part = parts.get(subgraph)!
      const node = part.fields.get(`${type}.${field}`)
      return {
        external: hasDirective(node, 'external') && !part.keyFields.has(`${type}.${field}`),
        provided: part.providedFields.has(`${type}.${field}`),
        requires: requiresOf(part, [type], field),
        overridden: part.overridden.has(`${type}.${field}`),
      }
    },
    keys: (subgraph, type) => parts.get(subgraph)!.keys.get(type) ?? [],
  }
}

interface Part {
  readonly schema: GraphQLSchema
  readonly fields: ReadonlyMap<string, FieldDefinitionNode>
  readonly keys: ReadonlyMap<string, readonly Selection[]>
  readonly keyFields: ReadonlySet<string>
  readonly requiredFields: ReadonlySet<string>
  readonly providedFields: ReadonlySet<string>
  readonly requires: ReadonlyMap<string, Selection>
  readonly overrides: readonly (readonly [from: string, field: string])[]
  readonly overridden: Set<string>
}

function readPart(sdl: string, supergraph: GraphQLSchema): Part {
  const document = parse(sdl)
  const schema = buildSubgraphSchema(document)
  const fields = new Map<string, FieldDefinitionNode>()
  const keys = new Map<string, Selection[]>()
  const requires = new Map<string, Selection>()
  const overrides: (readonly [string, string])[] = []
  const keyFields = new Set<string>()
  const requiredFields = new Set<string>()
  const providedFields = new Set<string>()

  /** Adds every field that a selection names to `set`, as `Type.field`. */
  const mark = (set: Set<string>, selection: Selection, type: string): void => {
    for (const { name: field, on, inner } of selection) {
      set.add(`${on ?? type}.${field}`)
      const owner = supergraph.getType(on ?? type)
      const declared =
        isObjectType(owner) || isInterfaceType(owner) ? owner.getFields()[field]?.type : undefined
      if (inner && declared) mark(set, inner, getNamedType(declared).name)
    }
  }

  for (const node of document.definitions) {
    if (!('fields' in node) || node.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION) continue
    if (node.kind === Kind.INPUT_OBJECT_TYPE_EXTENSION) continue
    const type = node.name.value
    for (const directive of node.directives ?? []) {
      if (directive.name.value !== 'key') continue
      const key = fieldSet(directive)
      keys.set(type, [...(keys.get(type) ?? []), key])
      mark(keyFields, key, type)
    }
    for (const field of node.fields ?? []) {
      const path = `${type}.${field.name.value}`
      fields.set(path, field)
      for (const directive of field.directives ?? []) {
        if (directive.name.value === 'requires') {
          requires.set(path, fieldSet(directive))
          mark(requiredFields, fieldSet(directive), type)
        }
        if (directive.name.value === 'provides') {
          const returned = schema.getType(type)
          if (isObjectType(returned) || isInterfaceType(returned)) {
            mark(
              providedFields,
              fieldSet(directive),
              getNamedType(returned.getFields()[field.name.value]!.type).name,
            )
          }
        }
        if (directive.name.value === 'override') overrides.push([String(argument(directive, 'from')), path])
      }
    }
  }
  return {
    schema,
    fields,
    keys,
    keyFields,
    requiredFields,
    providedFields,
    requires,
    overrides,
    overridden: new Set(),
  }
}

const requiresOf = (part: Part, faces: readonly string[], field: string): Selection | null =>
  faces.map((face) => part.requires.get(`${face}.${field}`)).find((selection) => selection) ?? null

const hasDirective = (node: FieldDefinitionNode | undefined, name: string): boolean =>
  node?.directives?.some((directive) => directive.name.value === name) ?? false

function argument(directive: DirectiveNode, name: string): unknown {
  const value = directive.arguments?.find((one) => one.name.value === name)?.value
  return value && valueFromASTUntyped(value)
}

function fieldSet(directive: DirectiveNode): Selection {
  const [operation] = parse(`{ ${String(argument(directive, 'fields'))} }`).definitions
  return operation?.kind === Kind.OPERATION_DEFINITION ? readSelection(operation.selectionSet, null) : []
}

function readSelection(set: SelectionSetNode, on: string | null): Selection {
  return set.selections.flatMap((node): Selection => {
    if (node.kind === Kind.INLINE_FRAGMENT)
      return readSelection(node.selectionSet, node.typeCondition?.name.value ?? on)
    if (node.kind !== Kind.FIELD) return []
    const args = (node.arguments ?? []).map(({ name, value }) => [name.value, valueFromASTUntyped(value)])
    const inner = node.selectionSet ? readSelection(node.selectionSet, null) : null
    return [{ name: node.name.value, args: Object.fromEntries(args), on, inner }]
  })
}

function allowedIn(
  parts: readonly Part[],
  supergraph: GraphQLSchema,
  type: string,
  field: string,
  faces: readonly string[],
): readonly string[] {
  const owner = supergraph.getType(type)
  const whole = isObjectType(owner) ? getNamedType(owner.getFields()[field]!.type) : undefined
  let allowed = namesIn(supergraph, whole?.name)
  for (const part of parts) {
    for (const face of faces) {
      const known = part.schema.getType(face)
      const own = isObjectType(known) ? known.getFields()[field] : undefined
      if (!own || hasDirective(part.fields.get(`${face}.${field}`), 'external')) continue
      const names = namesIn(part.schema, getNamedType(own.type).name)
      // Where the subgraph knows an interface as an object, any of the interface's types may be meant.
      if (names.length > 0) allowed = allowed.filter((name) => names.includes(name))
    }
  }
  return allowed
}

function namesIn(schema: GraphQLSchema, name: string | undefined): string[] {
  const type = name === undefined ? undefined : schema.getType(name)
  if (isEnumType(type)) return type.getValues().map((value) => value.name)
  return isAbstractType(type) ? schema.getPossibleTypes(type).map((possible) => possible.name) : []
}
