// Hides the arguments of `@requires` from the planner. Where two fields require one field with different
// arguments, the planner mixes up their values, and for arguments within a selection its process aborts. So
// the planner plans over a supergraph in which each such requirement is a field of its own:
//
//   the supergraph   fee: Int @join__field(graph: B, requires: "cost(unit: CM)")
//   for the planner  fee: Int @join__field(graph: B, requires: "cost__required_1")
//                    cost__required_1: Int @join__field(graph: A)
//
// In the planner's fetches, the field becomes `cost__required_1: cost(unit: CM)` again, and a representation
// contains it as `cost`. Fields whose representations differ are fetched apart: see split-requirements.ts.

import {
  isAbstractType,
  isCompositeType,
  getNamedType,
  Kind,
  parse,
  print,
  visit,
  type ArgumentNode,
  type ConstDirectiveNode,
  type DocumentNode,
  type FieldDefinitionNode,
  type FieldNode,
  type GraphQLCompositeType,
  type GraphQLNamedType,
  type GraphQLSchema,
  type SelectionSetNode,
} from 'graphql'
import { onObjectTypes } from './compose-repairs.ts'
import { selectionSetOf } from './entity-calls.ts'

/** A field with the arguments that a `@requires` gives it. */
interface RequiredField {
  readonly type: string
  readonly name: string
  readonly arguments: readonly ArgumentNode[]
}

export type RequiredFields = ReadonlyMap<string, RequiredField>

export interface PlainRequirements {
  /** The supergraph for the planner: no `@requires` has arguments. */
  readonly document: DocumentNode
  /** The fields with arguments, by their names in `document`. */
  readonly fields: RequiredFields
  /** Names of `fields` that a field requires, by `Type.field`. */
  readonly requiredBy: ReadonlyMap<string, ReadonlySet<string>>
}

/** Gives each required field with arguments a name of its own. */
export function plainRequirements(document: DocumentNode, schema: GraphQLSchema): PlainRequirements {
  const writer = new RequirementsWriter(document, schema)
  const definitions = document.definitions.map((node) =>
    node.kind === Kind.OBJECT_TYPE_DEFINITION || node.kind === Kind.INTERFACE_TYPE_DEFINITION
      ? writer.rewrite(node)
      : node,
  )
  return {
    document: writer.isChanged ? writer.withFields({ ...document, definitions }) : document,
    fields: writer.fields,
    requiredBy: writer.requiredBy,
  }
}

class RequirementsWriter {
  readonly fields = new Map<string, RequiredField>()
  readonly requiredBy = new Map<string, Set<string>>()
  isChanged = false
  readonly #schema: GraphQLSchema
  readonly #names = new Map<string, string>()
  readonly #taken = new Set<string>()

  constructor(document: DocumentNode, schema: GraphQLSchema) {
    this.#schema = schema
    for (const node of document.definitions)
      for (const { name } of ('fields' in node && node.fields) || []) this.#taken.add(name.value)
  }

  rewrite<
    Node extends {
      readonly name: { readonly value: string }
      readonly fields?: readonly FieldDefinitionNode[]
    },
  >(node: Node): Node {
    const fields = node.fields?.map((field) => ({
      ...field,
      directives: field.directives?.map((directive) => this.#directive(node.name.value, field, directive)),
    }))
    return { ...node, ...(fields && { fields }) }
  }

  #directive(type: string, field: FieldDefinitionNode, directive: ConstDirectiveNode): ConstDirectiveNode {
    if (directive.name.value !== 'join__field') return directive
    const args = directive.arguments?.map((argument) => {
      if (argument.name.value !== 'requires' || argument.value.kind !== Kind.STRING) return argument
      const required = new Set<string>()
      const value = this.#fieldSet(this.#schema.getType(type), argument.value.value, required)
      if (required.size === 0 && !argument.value.value.includes('...')) return argument
      this.isChanged = true
      this.requiredBy.set(`${type}.${field.name.value}`, required)
      return { ...argument, value: { ...argument.value, value } }
    })
    return { ...directive, ...(args && { arguments: args }) }
  }

  #fieldSet(type: GraphQLNamedType | undefined, text: string, required: Set<string>): string {
    const expanded = onObjectTypes(text, (name) => {
      const condition = this.#schema.getType(name)
      return isAbstractType(condition)
        ? this.#schema.getPossibleTypes(condition).map((one) => one.name)
        : undefined
    })
    const [operation] = parse(`{ ${expanded} }`, { noLocation: true }).definitions
    if (operation?.kind !== Kind.OPERATION_DEFINITION || !isCompositeType(type)) return text
    const set = this.#selectionSet(type, operation.selectionSet, required)
    return print(set)
      .replace(/^\{|\}$/g, '')
      .replaceAll(/\s+/g, ' ')
      .trim()
  }

  #selectionSet(type: GraphQLCompositeType, set: SelectionSetNode, required: Set<string>): SelectionSetNode {
    return selectionSetOf(
      set.selections.map((node) => {
        if (node.kind === Kind.FRAGMENT_SPREAD) return node
        if (node.kind === Kind.INLINE_FRAGMENT) {
          const condition = node.typeCondition && this.#schema.getType(node.typeCondition.name.value)
          const inner = isCompositeType(condition) ? condition : type
          return { ...node, selectionSet: this.#selectionSet(inner, node.selectionSet, required) }
        }
        const plain = { ...node, arguments: [] }
        const field = 'getFields' in type ? type.getFields()[node.name.value] : undefined
        const inner = field && getNamedType(field.type)
        const selectionSet =
          node.selectionSet && isCompositeType(inner)
            ? this.#selectionSet(inner, node.selectionSet, required)
            : node.selectionSet
        // Without arguments, it still has another value than with some.
        if (!field?.args.length) return { ...plain, ...(selectionSet && { selectionSet }) }
        const name = this.#nameFor(type.name, node)
        required.add(name)
        return { ...plain, name: { ...node.name, value: name }, ...(selectionSet && { selectionSet }) }
      }),
    )
  }

  #nameFor(type: string, node: FieldNode): string {
    const key = `${type}.${node.name.value}(${node.arguments?.map(print).join(', ')})`
    let name = this.#names.get(key)
    if (name === undefined) {
      let n = 1
      do name = `${node.name.value}__required_${n++}`
      while (this.#taken.has(name))
      this.#taken.add(name)
      this.#names.set(key, name)
      this.fields.set(name, { type, name: node.name.value, arguments: node.arguments ?? [] })
    }
    return name
  }

  /** Adds the fields to their types, and those of an interface to its types too. */
  withFields(document: DocumentNode): DocumentNode {
    const added = new Map<string, [string, RequiredField][]>()
    for (const [name, field] of this.fields) {
      const type = this.#schema.getType(field.type)
      const types = isAbstractType(type) ? this.#schema.getPossibleTypes(type).map((one) => one.name) : []
      for (const owner of [field.type, ...types]) {
        added.set(owner, [...(added.get(owner) ?? []), [name, field]])
      }
    }
    const add = <
      Node extends {
        readonly name: { readonly value: string }
        readonly fields?: readonly FieldDefinitionNode[]
      },
    >(
      node: Node,
    ): Node | undefined => {
      const fields = added.get(node.name.value)?.flatMap(([name, field]): FieldDefinitionNode[] => {
        const original = node.fields?.find((one) => one.name.value === field.name)
        return original ? [{ ...original, name: { kind: Kind.NAME, value: name }, arguments: [] }] : []
      })
      return fields && { ...node, fields: [...(node.fields ?? []), ...fields] }
    }
    return visit(document, { ObjectTypeDefinition: add, InterfaceTypeDefinition: add })
  }
}

/** Returns the document of a fetch with the arguments of the required fields. */
export function withRequiredArguments(document: DocumentNode, fields: RequiredFields): DocumentNode {
  return visit(document, {
    Field(node) {
      const field = fields.get(node.name.value)
      if (!field) return undefined
      const alias = node.alias ?? node.name
      return { ...node, alias, name: { kind: Kind.NAME, value: field.name }, arguments: field.arguments }
    },
  })
}
