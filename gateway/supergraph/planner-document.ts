// Writes a client's operation again in plain form, for the planner.

import {
  isAbstractType,
  isCompositeType,
  isObjectType,
  getNamedType,
  Kind,
  print,
  visit,
  type FieldNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  type SelectionSetNode,
  type VariableDefinitionNode,
} from 'graphql'
import { variablesAtNonNull } from './null-variables.ts'
import {
  isIncluded,
  isIntrospectionField,
  objectTypesOf,
  printArguments,
  shapeOf,
  type Operation,
} from './operation.ts'
import type { FlattenNodePathSegment } from './plan.ts'
import { plannableValue } from './planner-literals.ts'
import type { ShapeField } from './shape.ts'
import type { Variant } from './variant.ts'

/** A document for the planner. */
export interface PlannerDocument {
  readonly text: string
  /** The client's name of each variable, by its name in this document. */
  readonly variables: ReadonlyMap<string, string>
  /** The values of the variables that replace literals of the client, by their names in this document. */
  readonly constants: ReadonlyMap<string, unknown>
  /** Requested fields of an object of this type at this path, with their keys in the data. */
  readonly wantedFields: (path: readonly FlattenNodePathSegment[], typename: string) => readonly WantedField[]
}

export interface WantedField {
  readonly key: string
  readonly name: string
  /** Requested fields of the objects in this field, of all their types. */
  inner(): readonly WantedField[]
}

/**
 * Writes root fields as a document of their own; null when there is nothing to fetch.
 *
 * The planner is most reliable with plain documents. So this document has no named fragments, no client's
 * aliases, no `@skip` or `@include` (see `Variant`), each field once, and no type condition inside another.
 */
export function plannerDocument(
  operation: Operation,
  variant: Variant,
  fields: readonly ShapeField[],
): PlannerDocument | null {
  const writer = new DocumentWriter(operation, variant)
  const root = new Level(operation.schema.graphql.getRootType(operation.definition.operation)!)
  for (const { name, nodes, isForbidden } of fields) {
    if (name === '__typename' || isIntrospectionField(name) || isForbidden) continue
    for (const node of nodes) writer.addField(root, node)
  }
  return root.fields.size === 0 ? null : writer.write(root)
}

/** A literal of the client that became a variable. */
interface LiftedLiteral {
  readonly name: string
  readonly type: string
  readonly value: unknown
}

/** One selection set of the document, while it is collected. */
class Level {
  readonly type: GraphQLCompositeType
  readonly fields = new Map<
    string,
    { readonly head: string; readonly level: Level | null; readonly name: string }
  >()
  /** Fields only for some types of an abstract type. */
  readonly narrowed = new Map<string, Level>()
  /** Whether the client requested the runtime type, or the response depends on it. */
  typename = false

  constructor(type: GraphQLCompositeType) {
    this.type = type
  }

  under(type: GraphQLCompositeType): Level {
    if (type === this.type) return this
    let level = this.narrowed.get(type.name)
    if (!level) this.narrowed.set(type.name, (level = new Level(type)))
    return level
  }
}

class DocumentWriter {
  readonly #operation: Operation
  readonly #variant: Variant
  readonly #schema: GraphQLSchema
  readonly #variables = new Map<string, string>()
  /** Variables that must not be null, by the client's names. */
  readonly #strict = new Set<string>()
  readonly #literals = new Map<string, LiftedLiteral>()

  constructor(operation: Operation, variant: Variant) {
    this.#operation = operation
    this.#variant = variant
    this.#schema = operation.schema.graphql
  }

  addField(level: Level, node: FieldNode): void {
    const name = node.name.value
    const { key } = this.#operation.fields.get(node)!
    const definition = (level.type as GraphQLObjectType).getFields()[name]!
    const inner = getNamedType(definition.type)
    let field = level.fields.get(key)
    if (!field) {
      const head = (key === name ? name : `${key}: ${name}`) + this.#arguments(node, definition)
      field = { head, name, level: isCompositeType(inner) ? new Level(inner) : null }
      level.fields.set(key, field)
    }
    if (field.level) this.#addAll(field.level, field.level.type, node.selectionSet!)
  }

  /** `scope` is the level's type, narrowed by the type conditions around `set`. */
  #addAll(level: Level, scope: GraphQLCompositeType, set: SelectionSetNode): void {
    for (const node of set.selections) {
      if (!isIncluded(node, this.#variant.switches)) continue
      if (node.kind === Kind.FIELD) {
        if (node.name.value === '__typename') level.typename = true
        else
          for (const type of this.#visible(level, scope, node.name.value))
            this.addField(level.under(type), node)
        continue
      }
      const fragment =
        node.kind === Kind.INLINE_FRAGMENT ? node : this.#operation.fragments.get(node.name.value)!
      const condition = fragment.typeCondition?.name.value
      if (condition !== undefined && condition !== level.type.name) level.typename = true
      const scopes = condition === undefined ? [scope] : this.#narrow(level, scope, condition)
      for (const inner of scopes) this.#addAll(level, inner, fragment.selectionSet)
    }
  }

  /**
   * Narrows `scope` by a type condition: to one type if such a type exists, otherwise to the object types.
   */
  #narrow(level: Level, scope: GraphQLCompositeType, condition: string): readonly GraphQLCompositeType[] {
    const type = this.#schema.getType(condition) as GraphQLCompositeType
    if (type === scope) return [scope]
    const before = this.#possible(scope)
    const allowed = new Set(this.#possible(type))
    const after = before.filter((possible) => allowed.has(possible))
    if (isObjectType(scope)) return after.length > 0 ? [scope] : []
    if (after.length === allowed.size) return [type]
    return after.length === before.length && scope === level.type ? [type] : after
  }

  /**
   * Replaces a type that may hide others by its visible types: errors of hidden objects must not reach the
   * client. Types whose field is forbidden are left out.
   */
  #visible(level: Level, scope: GraphQLCompositeType, field: string): readonly GraphQLCompositeType[] {
    const { isForbidden } = this.#variant
    const possible = this.#possible(scope)
    const allowed = isForbidden ? possible.filter(({ name }) => !isForbidden(name, field)) : possible
    if (allowed.length < possible.length) level.typename = true
    return allowed.length < possible.length || this.#operation.schema.mayHide(scope) ? allowed : [scope]
  }

  #possible(type: GraphQLCompositeType): readonly GraphQLObjectType[] {
    return objectTypesOf(this.#operation.schema, type)
  }

  #arguments({ arguments: nodes = [] }: FieldNode, { args }: GraphQLField<unknown, unknown>): string {
    const renamed = nodes.map((node) => {
      const { type } = args.find(({ name }) => name === node.name.value)!
      for (const variable of variablesAtNonNull(type, node.value)) this.#strict.add(variable)
      const value = visit(node.value, {
        Variable: (variable) => ({
          ...variable,
          name: { ...variable.name, value: this.#rename(variable.name.value) },
        }),
      })
      return { ...node, value: plannableValue(type, value, (...literal) => this.#lift(...literal)) }
    })
    return printArguments({ arguments: renamed })
  }

  #lift(type: string, literal: string, value: unknown): string {
    // Equal literals share a variable, because the planner merges only fields with equal arguments.
    const key = `${type} ${literal}`
    let lifted = this.#literals.get(key)
    if (!lifted) {
      let name = `hub_literal_${this.#literals.size + 1}`
      while (this.#isDeclared(name)) name = `hub_${name}`
      lifted = { name, type, value }
      this.#literals.set(key, lifted)
    }
    return lifted.name
  }

  /** Renames a client's variable whose name could equal that of a variable that the planner adds. */
  #rename(name: string): string {
    let renamed = name
    while (
      /^_*(representations|batch_reps)/.test(renamed) ||
      (renamed !== name && this.#isDeclared(renamed))
    ) {
      renamed = `hub_${renamed}`
    }
    this.#variables.set(name, renamed)
    return renamed
  }

  #isDeclared(name: string): boolean {
    const { variableDefinitions = [] } = this.#operation.definition
    return variableDefinitions.some(({ variable }) => variable.name.value === name)
  }

  write(root: Level): PlannerDocument {
    const body = this.#print(root)
    const { operation, variableDefinitions = [] } = this.#operation.definition
    const literals = [...this.#literals.values()]
    const variables = [
      ...variableDefinitions.flatMap((definition) => this.#define(definition)),
      ...literals.map(({ name, type }) => `$${name}: ${type}`),
    ]
    const head = variables.length > 0 ? `${operation}(${variables.join(', ')})` : operation
    return {
      text: `${head} ${body}`,
      variables: new Map([...this.#variables].map(([clientName, name]) => [name, clientName])),
      constants: new Map(literals.map(({ name, value }) => [name, value])),
      wantedFields: (path, type) => this.#wantedFields(root, path, type),
    }
  }

  /**
   * The default of a variable is left out: the engine has applied it before, and has refused a wrong null.
   */
  #define({ variable, type, defaultValue }: VariableDefinitionNode): readonly string[] {
    const name = this.#variables.get(variable.name.value)
    if (name === undefined) return []
    const isNonNull =
      defaultValue && type.kind !== Kind.NON_NULL_TYPE && this.#strict.has(variable.name.value)
    return [`$${name}: ${print(type)}${isNonNull ? '!' : ''}`]
  }

  #print(level: Level): string {
    const parts = [...level.fields.values()].map(({ head, level: inner }) =>
      inner ? `${head} ${this.#print(inner)}` : head,
    )
    for (const [type, narrowed] of level.narrowed) {
      if (narrowed.fields.size > 0) parts.push(`... on ${type} ${this.#print(narrowed)}`)
    }
    if (parts.length === 0 || this.#needsTypename(level)) parts.unshift('__typename')
    return `{ ${parts.join(' ')} }`
  }

  /** Must be true wherever `Shape.byType` is. The type of an object in a concrete field needs no request. */
  #needsTypename(level: Level): boolean {
    if (!isAbstractType(level.type)) return false
    if (level.typename || this.#operation.schema.mayHide(level.type)) return true
    return this.#possible(level.type).some((type) =>
      [...level.fields.values()].some(({ name }) => {
        const declared = (level.type as GraphQLObjectType).getFields()[name]!.type
        return shapeOf(type.getFields()[name]!.type) !== shapeOf(declared)
      }),
    )
  }

  #wantedFields(
    root: Level,
    path: readonly FlattenNodePathSegment[],
    typename: string,
  ): readonly WantedField[] {
    let levels = [root]
    for (const segment of path) {
      if (segment === '@' || !('Field' in segment)) continue
      const all = levels.flatMap((level) => [level, ...level.narrowed.values()])
      levels = all.flatMap(({ fields }) => fields.get(segment.Field)?.level ?? [])
    }
    const type = this.#schema.getType(typename)
    const holds = (condition: GraphQLCompositeType): boolean =>
      condition === type ||
      (isAbstractType(condition) && isObjectType(type) && this.#schema.isSubType(condition, type))
    const applying = levels.flatMap((level) => [
      level,
      ...[...level.narrowed.values()].filter((narrowed) => holds(narrowed.type)),
    ])
    return applying.flatMap(wantedOf)
  }
}

const wantedOf = ({ fields }: Level): WantedField[] =>
  [...fields].map(([key, { name, level }]) => ({
    key,
    name,
    inner: () => (level ? [level, ...level.narrowed.values()].flatMap(wantedOf) : []),
  }))
