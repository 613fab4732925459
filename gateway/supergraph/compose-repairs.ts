// Corrects what the composition library reads or writes wrongly. Input: a prefix of `@link(as:)`, `Query`
// below a field, and fragments of `@requires` on interfaces. Output: `Query` again, the external fields of an
// `@interfaceObject`, and fields whose types differ. A repair whose test passes without it can go.

import {
  concatAST,
  Kind,
  parse,
  print,
  visit,
  type ConstArgumentNode,
  type ConstDirectiveNode,
  type DocumentNode,
  type FieldDefinitionNode,
  type InlineFragmentNode,
  type ObjectTypeDefinitionNode,
  type ObjectTypeExtensionNode,
  type SelectionNode,
  type SelectionSetNode,
  type TypeNode,
} from 'graphql'
import { selectionSetOf } from './entity-calls.ts'
import { valuesOf } from './features.ts'
import { queryTypeOf, renameBelow } from './nested-query.ts'

/**
 * Stands for `Query` below a field while the library composes: it would refuse such a field, because `Query`
 * has no key. A subgraph can always be reached at its root.
 */
const belowField = 'Query__below'

/** The document of a subgraph, as the library composes it rightly. */
export function repairedInput(original: DocumentNode): DocumentNode {
  const document = withObjectFragments(withDefaultPrefix(original))
  const changed = renameBelow(document, queryTypeOf(document), belowField)
  return changed === document ? document : concatAST([changed, parse(`scalar ${belowField}`)])
}

/** The supergraph that the library should have written for these subgraphs. */
export function repairedOutput(sdl: string, subgraphs: ReadonlyMap<string, DocumentNode>): string {
  const external = externalFields(subgraphs)
  const types = differentTypes(subgraphs)
  if (!sdl.includes(belowField) && external.size === 0 && types.size === 0) return sdl
  const document = parse(sdl, { noLocation: true })
  const definitions = document.definitions.filter(
    (node) => node.kind !== Kind.SCALAR_TYPE_DEFINITION || node.name.value !== belowField,
  )
  const renamed = renameBelow({ ...document, definitions }, belowField, queryTypeOf(document))
  return print(withMergedTypes(withExternalFields(renamed, external), types))
}

/** `@link(url: ".../federation/…", as: "fed")`: the library does not read `@fed__key`. */
function withDefaultPrefix(document: DocumentNode): DocumentNode {
  let prefix: string | undefined
  const linked = visit(document, {
    Directive(node) {
      const { url, as } = valuesOf(node)
      if (node.name.value !== 'link' || typeof as !== 'string' || !/\/federation\/v/.test(String(url)))
        return undefined
      prefix = `${as}__`
      return { ...node, arguments: node.arguments?.filter(({ name }) => name.value !== 'as') }
    },
  })
  return prefix === undefined
    ? document
    : visit(linked, {
        Name: (node) =>
          node.value.startsWith(prefix!)
            ? { ...node, value: `federation__${node.value.slice(prefix!.length)}` }
            : undefined,
      })
}

/**
 * `@requires(fields: "owner { ... on Named { name } }")`: the library only reads fragments on object types.
 */
function withObjectFragments(document: DocumentNode): DocumentNode {
  const objects = new Map<string, string[]>()
  visit(document, {
    ObjectTypeDefinition(node) {
      for (const { name } of node.interfaces ?? []) {
        objects.set(name.value, [...(objects.get(name.value) ?? []), node.name.value])
      }
    },
  })
  return visit(document, {
    Directive(node) {
      if (!/(?:^|__)requires$/.test(node.name.value)) return undefined
      const args = node.arguments?.map((argument): ConstArgumentNode => {
        if (argument.value.kind !== Kind.STRING || !argument.value.value.includes('...'))
          return argument as never
        const value = onObjectTypes(argument.value.value, (type) => objects.get(type))
        return { ...argument, value: { ...argument.value, value } }
      })
      return { ...node, ...(args && { arguments: args }) }
    },
  })
}

/** The field set with a fragment for each object type in place of one on their interface. */
export function onObjectTypes(
  fieldSet: string,
  objectsOf: (type: string) => readonly string[] | undefined,
): string {
  const expand = (set: SelectionSetNode): SelectionSetNode =>
    selectionSetOf(
      set.selections.flatMap((node): SelectionNode[] => {
        if (node.kind === Kind.FRAGMENT_SPREAD || !node.selectionSet) return [node]
        const inner = { ...node, selectionSet: expand(node.selectionSet) } as SelectionNode
        const types =
          node.kind === Kind.INLINE_FRAGMENT ? objectsOf(node.typeCondition?.name.value ?? '') : undefined
        return types
          ? types.map((type) => ({
              ...(inner as InlineFragmentNode),
              typeCondition: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: type } },
            }))
          : [inner]
      }),
    )
  const [operation] = parse(`{ ${fieldSet} }`, { noLocation: true }).definitions
  if (operation?.kind !== Kind.OPERATION_DEFINITION) return fieldSet
  return print(expand(operation.selectionSet))
    .replaceAll(/^\{|\}$/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
}

/** The subgraphs by `Type.field`, where the type is an `@interfaceObject` and the field is external. */
function externalFields(
  subgraphs: ReadonlyMap<string, DocumentNode>,
): ReadonlyMap<string, readonly string[]> {
  const fields = new Map<string, string[]>()
  for (const [subgraph, document] of subgraphs) {
    const read = (node: ObjectTypeDefinitionNode | ObjectTypeExtensionNode): void => {
      if (!has(node.directives, 'interfaceObject')) return
      for (const field of node.fields ?? []) {
        if (!has(field.directives, 'external') && !has(node.directives, 'external')) continue
        const name = `${node.name.value}.${field.name.value}`
        fields.set(name, [...(fields.get(name) ?? []), subgraph])
      }
    }
    visit(document, { ObjectTypeDefinition: read, ObjectTypeExtension: read })
  }
  return fields
}

const has = (directives: readonly ConstDirectiveNode[] | undefined, name: string): boolean =>
  directives?.some(
    (directive) => directive.name.value === name || directive.name.value.endsWith(`__${name}`),
  ) === true

/** Marks these fields as external: the library omits it for a field that all subgraphs of the type have. */
function withExternalFields(
  document: DocumentNode,
  external: ReadonlyMap<string, readonly string[]>,
): DocumentNode {
  const graphs = graphNames(document)
  return visit(document, {
    InterfaceTypeDefinition: (node) => ({
      ...node,
      fields: node.fields?.map((field): FieldDefinitionNode => {
        const subgraphs = external.get(`${node.name.value}.${field.name.value}`)
        if (!subgraphs || has(field.directives, 'field')) return field
        const joins = (node.directives ?? [])
          .filter(({ name }) => name.value === 'join__type')
          .map((directive) => String(valuesOf(directive)['graph']))
        const added = [...new Set(joins)].map((graph) =>
          joinField(graph, subgraphs.includes(graphs.get(graph)!)),
        )
        return { ...field, directives: [...(field.directives ?? []), ...added] }
      }),
    }),
  })
}

/** The types of a field by subgraph, by `Type.field`, where they differ in more than nulls. */
function differentTypes(
  subgraphs: ReadonlyMap<string, DocumentNode>,
): ReadonlyMap<string, ReadonlyMap<string, TypeNode>> {
  const all = new Map<string, Map<string, TypeNode>>()
  for (const [subgraph, document] of subgraphs) {
    const query = queryTypeOf(document)
    const read = (node: ObjectTypeDefinitionNode | ObjectTypeExtensionNode): void => {
      const owner = node.name.value === query ? 'Query' : node.name.value
      for (const { name, type } of node.fields ?? []) {
        const types = all.get(`${owner}.${name.value}`) ?? new Map<string, TypeNode>()
        all.set(`${owner}.${name.value}`, types.set(subgraph, type))
      }
    }
    visit(document, { ObjectTypeDefinition: read, ObjectTypeExtension: read })
  }
  const named = (types: ReadonlyMap<string, TypeNode>) =>
    new Set([...types.values()].map((type) => print(type).replaceAll(/[[\]!]/g, '')))
  return new Map([...all].filter(([, types]) => named(types).size > 1))
}

/** Gives these fields the type that contains those of all subgraphs: the library takes the first. */
function withMergedTypes(
  document: DocumentNode,
  fields: ReadonlyMap<string, ReadonlyMap<string, TypeNode>>,
): DocumentNode {
  if (fields.size === 0) return document
  const graphs = graphNames(document)
  const abstract = new Set(
    document.definitions.flatMap((node) =>
      node.kind === Kind.INTERFACE_TYPE_DEFINITION || node.kind === Kind.UNION_TYPE_DEFINITION
        ? [node.name.value]
        : [],
    ),
  )
  return visit(document, {
    ObjectTypeDefinition: (node) => ({
      ...node,
      fields: node.fields?.map((field): FieldDefinitionNode => {
        const types = fields.get(`${node.name.value}.${field.name.value}`)
        if (!types) return field
        const type = [...types.values()].reduce((one, other) => mergedType(one, other, abstract))
        const directives = field.directives?.map((directive): ConstDirectiveNode => {
          const { graph, type: declared } = valuesOf(directive)
          const own = types.get(graphs.get(String(graph)) ?? '')
          if (directive.name.value !== 'join__field' || declared !== undefined || !own) return directive
          return { ...directive, arguments: [...(directive.arguments ?? []), typeArgument(print(own))] }
        })
        return { ...field, type, ...(directives && { directives }) }
      }),
    }),
  })
}

/** A type that may be null where one of the two may, of the abstract one of their named types. */
function mergedType(one: TypeNode, other: TypeNode, abstract: ReadonlySet<string>): TypeNode {
  if (one.kind === Kind.NON_NULL_TYPE && other.kind === Kind.NON_NULL_TYPE) {
    const type = mergedType(one.type, other.type, abstract)
    return type.kind === Kind.NON_NULL_TYPE ? type : { ...one, type }
  }
  const left = one.kind === Kind.NON_NULL_TYPE ? one.type : one
  const right = other.kind === Kind.NON_NULL_TYPE ? other.type : other
  if (left.kind === Kind.LIST_TYPE && right.kind === Kind.LIST_TYPE) {
    return { ...left, type: mergedType(left.type, right.type, abstract) }
  }
  return right.kind === Kind.NAMED_TYPE && abstract.has(right.name.value) ? right : left
}

const typeArgument = (type: string): ConstArgumentNode => ({
  kind: Kind.ARGUMENT,
  name: { kind: Kind.NAME, value: 'type' },
  value: { kind: Kind.STRING, value: type },
})

/** Names of the subgraphs by their names in `join__Graph`. */
function graphNames(document: DocumentNode): ReadonlyMap<string, string> {
  const graphs = new Map<string, string>()
  visit(document, {
    EnumValueDefinition({ name, directives = [] }) {
      for (const directive of directives) {
        if (directive.name.value === 'join__graph')
          graphs.set(name.value, String(valuesOf(directive)['name']))
      }
    },
  })
  return graphs
}

function joinField(graph: string, isExternal: boolean): ConstDirectiveNode {
  const text = `type T { f: Int @join__field(graph: ${graph}${isExternal ? ', external: true' : ''}) }`
  const [type] = parse(text, { noLocation: true }).definitions
  return (type as ObjectTypeDefinitionNode).fields![0]!.directives![0]!
}
