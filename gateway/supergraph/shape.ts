// The fields that a client requested at one place of the response, in response order, by runtime type.

import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isUnionType,
  Kind,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
  type FieldNode,
  type GraphQLCompositeType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type SelectionSetNode,
} from 'graphql'
import { isIncluded, shapeOf, type Operation } from './operation.ts'
import type { Variant } from './variant.ts'

export interface Shape {
  readonly type: GraphQLCompositeType
  /**
   * For an abstract type: whether the fields depend on the runtime type, so that the data must contain it.
   */
  readonly byType: boolean
  /**
   * Fields in response order, as the specification's CollectFields gives them for this runtime type. For an
   * abstract type that is not `byType`: the fields of the abstract type itself.
   */
  fieldsOf(type: GraphQLCompositeType): readonly ShapeField[]
}

export interface ShapeField {
  /** The key in the response. */
  readonly responseKey: string
  /** The key in the data. */
  readonly dataKey: string
  readonly name: string
  readonly parent: GraphQLCompositeType
  readonly type: GraphQLOutputType
  readonly nodes: readonly FieldNode[]
  /** Whether the caller may not read the field: the response has null in its place. */
  readonly isForbidden: boolean
  /** The requested fields of the objects in it; null for leaves. */
  readonly shape: Shape | null
}

/** The shape of the whole response, for one variant. */
export function rootShape(operation: Operation, variant: Variant): Shape {
  const { schema, definition } = operation
  return new Shapes(operation, variant).at(schema.graphql.getRootType(definition.operation)!, [
    definition.selectionSet,
  ])
}

class Shapes {
  readonly operation: Operation
  readonly variant: Variant
  /** By type and parent fields, so that a fragment that is used in many places is compiled once. */
  readonly #shapes = new Map<string, Shape>()

  constructor(operation: Operation, variant: Variant) {
    this.operation = operation
    this.variant = variant
  }

  at(type: GraphQLCompositeType, sets: readonly SelectionSetNode[]): Shape {
    return new CollectedShape(this, type, sets)
  }

  below(type: GraphQLCompositeType, nodes: readonly FieldNode[]): Shape {
    const key = `${type.name}:${nodes.map((node) => this.operation.fields.get(node)!.index).join()}`
    let shape = this.#shapes.get(key)
    if (!shape) {
      const sets = nodes.map(({ selectionSet }) => selectionSet!)
      this.#shapes.set(key, (shape = this.at(type, sets)))
    }
    return shape
  }

  collect(type: GraphQLCompositeType, sets: readonly SelectionSetNode[]): Map<string, FieldNode[]> {
    const { fragments } = this.operation
    const schema = this.operation.schema.graphql
    const found = new Map<string, FieldNode[]>()
    const visited = new Set<string>()
    const collect = (set: SelectionSetNode): void => {
      for (const node of set.selections) {
        if (!isIncluded(node, this.variant.switches)) continue
        if (node.kind === Kind.FIELD) {
          const key = (node.alias ?? node.name).value
          const nodes = found.get(key)
          if (nodes) nodes.push(node)
          else found.set(key, [node])
          continue
        }
        if (node.kind === Kind.FRAGMENT_SPREAD) {
          if (visited.has(node.name.value)) continue
          visited.add(node.name.value)
        }
        const fragment = node.kind === Kind.INLINE_FRAGMENT ? node : fragments.get(node.name.value)!
        const condition = fragment.typeCondition && schema.getType(fragment.typeCondition.name.value)
        const isSubType = isAbstractType(condition) && !isUnionType(type) && schema.isSubType(condition, type)
        if (!condition || condition === type || isSubType) collect(fragment.selectionSet)
      }
    }
    sets.forEach(collect)
    return found
  }
}

class CollectedShape implements Shape {
  readonly type: GraphQLCompositeType
  readonly #shapes: Shapes
  readonly #sets: readonly SelectionSetNode[]
  readonly #fields = new Map<GraphQLCompositeType, readonly ShapeField[]>()
  #byType: boolean | undefined

  constructor(shapes: Shapes, type: GraphQLCompositeType, sets: readonly SelectionSetNode[]) {
    this.#shapes = shapes
    this.type = type
    this.#sets = sets
  }

  get byType(): boolean {
    return (this.#byType ??= this.#dependsOnType())
  }

  fieldsOf(type: GraphQLCompositeType): readonly ShapeField[] {
    let fields = this.#fields.get(type)
    if (!fields) {
      const collected = this.#shapes.collect(type, this.#sets)
      fields = [...collected].map(([responseKey, nodes]) => this.#field(type, responseKey, nodes))
      this.#fields.set(type, fields)
    }
    return fields
  }

  #field(parent: GraphQLCompositeType, responseKey: string, nodes: readonly FieldNode[]): ShapeField {
    const name = nodes[0]!.name.value
    const type = typeOfField(parent, name)
    const inner = getNamedType(type)
    return {
      responseKey,
      dataKey: this.#shapes.operation.fields.get(nodes[0]!)!.key,
      name,
      parent,
      type,
      nodes,
      isForbidden: this.#shapes.variant.isForbidden?.(parent.name, name) ?? false,
      shape: isCompositeType(inner) ? this.#shapes.below(inner, nodes) : null,
    }
  }

  #dependsOnType(): boolean {
    const { type } = this
    const { schema } = this.#shapes.operation
    if (!isAbstractType(type)) return false
    if (schema.mayHide(type)) return true
    const common = this.#shapes.collect(type, this.#sets)
    if ([...common.values()].some(([node]) => node!.name.value === '__typename')) return true
    const { isForbidden } = this.#shapes.variant
    return schema.graphql.getPossibleTypes(type).some((possible) => {
      const collected = this.#shapes.collect(possible, this.#sets)
      return (
        collected.size !== common.size ||
        [...collected].some(([key, nodes]) => {
          const name = nodes[0]!.name.value
          if (isForbidden?.(possible.name, name)) return true
          const sameNodes = common.get(key)?.length === nodes.length
          return !sameNodes || shapeOf(typeOfField(possible, name)) !== shapeOf(typeOfField(type, name))
        })
      )
    })
  }
}

/**
 * The fields of the object `value`; for a missing object or an unknown type, the fields of all possible
 * types.
 */
export function fieldsFor(shape: Shape, value: unknown, schema: GraphQLSchema): readonly ShapeField[] {
  if (!isAbstractType(shape.type) || !shape.byType) return shape.fieldsOf(shape.type)
  const possible = schema.getPossibleTypes(shape.type)
  const typename = (value as { __typename?: unknown } | null | undefined)?.__typename
  const type = possible.find(({ name }) => name === typename)
  if (type) return shape.fieldsOf(type)
  return possible.flatMap((objectType) => shape.fieldsOf(objectType))
}

function typeOfField(parent: GraphQLCompositeType, name: string): GraphQLOutputType {
  return (metaFields.get(name) ?? (parent as GraphQLObjectType).getFields()[name]!).type
}

const metaFields = new Map(
  [SchemaMetaFieldDef, TypeMetaFieldDef, TypeNameMetaFieldDef].map((field) => [field.name, field]),
)
