// The document that is planned: what the client asked for, written again in the plainest form.

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
  type GraphQLObjectType,
  type GraphQLSchema,
  type SelectionSetNode,
} from 'graphql'
import { isIncluded, printArguments, shapeOf, type Operation, type Switches } from './operation.ts'
import type { FlattenNodePathSegment } from './plan.ts'
import { isIntrospection, type ShapeField } from './shape.ts'

/** A document for the planner. */
export interface PlannerDocument {
  readonly text: string
  /** The client's name of each variable, by its name here. */
  readonly variables: ReadonlyMap<string, string>
  /** Fields that are wanted of an object of this type at this path, with their keys in the data. */
  readonly asked: (path: readonly FlattenNodePathSegment[], typename: string) => readonly WantedField[]
}

export interface WantedField {
  readonly key: string
  readonly name: string
  /** What is wanted of the objects in it, of whatever type they are. */
  inner(): readonly WantedField[]
}

/**
 * Writes these root fields as a document of their own, or null when there is nothing to fetch.
 *
 * Planners are at their best with plain documents, so this one has no named fragments, no aliases of the client's,
 * no `@skip` or `@include` (see `Switches`), every field once, and fragments on a type at most one deep.
 */
export function plannerDocument(
  operation: Operation,
  switches: Switches,
  fields: readonly ShapeField[],
): PlannerDocument | null {
  const writer = new Writer(operation, switches)
  const root = new Level(operation.schema.graphql.getRootType(operation.definition.operation)!)
  for (const { name, nodes } of fields) {
    if (name === '__typename' || isIntrospection(name)) continue
    for (const node of nodes) writer.addField(root, node)
  }
  return root.fields.size === 0 ? null : writer.write(root)
}

/** One selection set in the making. */
class Level {
  readonly type: GraphQLCompositeType
  readonly fields = new Map<
    string,
    { readonly head: string; readonly level: Level | null; readonly name: string }
  >()
  /** Fields only for some types of an abstract type. */
  readonly narrowed = new Map<string, Level>()
  /** Whether the runtime type was asked for, or something depends on it. */
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

class Writer {
  readonly #operation: Operation
  readonly #switches: Switches
  readonly #schema: GraphQLSchema
  readonly #variables = new Map<string, string>()

  constructor(operation: Operation, switches: Switches) {
    this.#operation = operation
    this.#switches = switches
    this.#schema = operation.schema.graphql
  }

  addField(level: Level, node: FieldNode): void {
    const name = node.name.value
    const { key } = this.#operation.fields.get(node)!
    const { type } = (level.type as GraphQLObjectType).getFields()[name]!
    const inner = getNamedType(type)
    let field = level.fields.get(key)
    if (!field) {
      const head = (key === name ? name : `${key}: ${name}`) + this.#arguments(node)
      field = { head, name, level: isCompositeType(inner) ? new Level(inner) : null }
      level.fields.set(key, field)
    }
    if (field.level) this.#addAll(field.level, field.level.type, node.selectionSet!)
  }

  /** `scope` is the part of the level's type that the fragments around `set` leave. */
  #addAll(level: Level, scope: GraphQLCompositeType, set: SelectionSetNode): void {
    for (const node of set.selections) {
      if (!isIncluded(node, this.#switches)) continue
      if (node.kind === Kind.FIELD) {
        if (node.name.value === '__typename') level.typename = true
        else for (const type of this.#visible(scope)) this.addField(level.under(type), node)
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

  /** What of `scope` a type condition leaves: one type where there is a name for it, else each object type. */
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

  /** An object of a hidden type is asked for nothing but its type, so that not even an error tells of it. */
  #visible(scope: GraphQLCompositeType): readonly GraphQLCompositeType[] {
    return this.#operation.schema.mayHide(scope) ? this.#possible(scope) : [scope]
  }

  #possible(type: GraphQLCompositeType): readonly GraphQLObjectType[] {
    return isAbstractType(type) ? this.#schema.getPossibleTypes(type) : [type]
  }

  #arguments(node: FieldNode): string {
    const text = printArguments(node)
    if (!text.includes('$')) return text
    const renamed = visit(node, {
      SelectionSet: () => null,
      Variable: (variable) => ({
        ...variable,
        name: { ...variable.name, value: this.#rename(variable.name.value) },
      }),
    })
    return printArguments(renamed)
  }

  /** The planner adds variables of its own, named like these, so a client's must not be. */
  #rename(name: string): string {
    const { variableDefinitions = [] } = this.#operation.definition
    const taken = (candidate: string) =>
      variableDefinitions.some(({ variable }) => variable.name.value === candidate)
    let renamed = name
    while (/^_*(representations|batch_reps)/.test(renamed) || (renamed !== name && taken(renamed))) {
      renamed = `hub_${renamed}`
    }
    this.#variables.set(name, renamed)
    return renamed
  }

  write(root: Level): PlannerDocument {
    const body = this.#print(root)
    const { operation, variableDefinitions = [] } = this.#operation.definition
    const variables = variableDefinitions.flatMap(({ variable, type, defaultValue }) => {
      const name = this.#variables.get(variable.name.value)
      if (name === undefined) return []
      return [`$${name}: ${print(type)}${defaultValue ? ` = ${print(defaultValue)}` : ''}`]
    })
    const head = variables.length > 0 ? `${operation}(${variables.join(', ')})` : operation
    return {
      text: `${head} ${body}`,
      variables: new Map([...this.#variables].map(([clientName, name]) => [name, clientName])),
      asked: (path, type) => this.#asked(root, path, type),
    }
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

  /** Must say yes wherever `Shape.byType` does. A concrete type is known without asking. */
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

  #asked(root: Level, path: readonly FlattenNodePathSegment[], typename: string): readonly WantedField[] {
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
