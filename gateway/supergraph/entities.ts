// Collects the entities of a fetch from the data. Each entity is sent to the subgraph once, however many
// objects of the data represent it.

import { getNamedType, type GraphQLCompositeType } from 'graphql'
import { compileFunction, literal, member } from './codegen.ts'
import type { Data } from './merge.ts'
import { nestedQuery } from './nested-query.ts'
import type { FetchRewrite, FlattenNodePathSegment, RequiresSelection } from './plan.ts'
import { compileRewrites } from './rewrites.ts'
import type { SupergraphSchema } from './supergraph-schema.ts'

export interface Entities {
  /** The entities for the subgraph, each once. */
  readonly representations: Data[]
  /** The objects in the data that the results are merged into. */
  readonly objects: Data[]
  /** For each of `objects`, the index of its representation. */
  readonly indexes: number[]
}

export type CollectEntities = (data: Data) => Entities

export interface EntityFetch {
  readonly paths: readonly (readonly FlattenNodePathSegment[])[]
  readonly requires: readonly RequiresSelection[]
  readonly inputRewrites?: readonly FetchRewrite[] | undefined
}

/**
 * Compiles the collection of entities into one function.
 *
 * An object is left out when a field that it needs is missing, because an earlier fetch failed. A null is
 * sent, because it may be the valid value of a `@requires` field.
 */
export function compileEntities(
  fetch: EntityFetch,
  subgraph: string,
  supergraph: SupergraphSchema,
): CollectEntities {
  const rewrite = compileRewrites(
    fetch.inputRewrites?.filter((inputRewrite) => !isTypenameSetter(inputRewrite)),
    supergraph.typenames,
  )
  return compileFunction(writeCollect(fetch, subgraph, supergraph), { flat, text, rewrite })
}

/**
 * Writes the source of the function: nested loops along each path, and in the innermost one a switch over the
 * type, which reads the key fields. For the bills of `{ bills { total } }`, with `@key(fields: "country
 * number")`:
 *
 * ```js
 * return function collect(data) {
 *   const objects = [], indexes = [], representations = []
 *   const map0 = new Map()
 *   const found = (o) => {
 *     switch (o.__typename) {
 *       case "Bill": {
 *         const k0 = text(o["country"]); if (k0 === undefined) return
 *         const k1 = o["number"]; if (k1 === undefined) return
 *         let map = map0, inner
 *         if ((inner = map.get(k0))) map = inner; else map.set(k0, map = new Map())
 *         let n = map.get(k1)
 *         if (n === undefined) {
 *           map.set(k1, n = representations.length)
 *           const representation = { __typename: "Bill", "country": k0, "number": k1 }
 *           if (rewrite !== null) rewrite(representation)
 *           representations.push(representation)
 *         }
 *         objects.push(o)
 *         indexes.push(n)
 *         return
 *       }
 *   }}
 *   const v0 = data["bills"]
 *   if (v0 != null) {
 *     for (const v1 of flat(v0)) if (v1 != null) {
 *       found(v1)
 *     }
 *   }
 *   return { representations, objects, indexes }
 * }
 * ```
 */
export function writeCollect(fetch: EntityFetch, subgraph: string, supergraph: SupergraphSchema): string {
  const writer = new CollectWriter(supergraph)
  const cases = representedTypes(fetch, subgraph, supergraph).map((type) => writer.case(type))
  const loops = fetch.paths.map((path) => writer.loops(path, 'data'))
  return [
    ...writer.functions,
    'return function collect(data) {',
    'const objects = [], indexes = [], representations = []',
    ...writer.maps.map((name) => `const ${name} = new Map()`),
    'const found = (o) => {',
    'switch (o.__typename) {',
    ...cases,
    '}}',
    ...loops,
    'return { representations, objects, indexes }',
    '}',
  ].join('\n')
}

/** How entities of one type are represented to the subgraph. */
interface RepresentedType {
  /** `__typename` in the data. */
  readonly typename: string
  /** `__typename` in the representation. */
  readonly name: string
  readonly selections: readonly RequiresSelection[]
}

function representedTypes(
  { requires, inputRewrites = [] }: EntityFetch,
  subgraph: string,
  supergraph: SupergraphSchema,
): RepresentedType[] {
  const selections = new Map<string, RequiresSelection[]>()
  for (const fragment of requires) {
    if (fragment.kind !== 'InlineFragment')
      throw new TypeError(`the plan requires a ${fragment.kind} without a type condition`)
    for (const typename of supergraph.typenames(fragment.typeCondition)) {
      selections.set(typename, [...(selections.get(typename) ?? []), ...fragment.selections])
    }
  }
  const setters = inputRewrites.filter(isTypenameSetter).map((rewrite) => {
    const [condition] = rewrite.ValueSetter.path
    const types = condition && 'TypenameEquals' in condition ? condition.TypenameEquals : []
    return { typenames: new Set(types.flatMap(supergraph.typenames)), name: rewrite.ValueSetter.setValueTo }
  })
  return [...selections].map(([typename, fields]) => ({
    typename,
    // The planner does not always set the name, but a representation must use a type of the subgraph.
    name:
      setters.find(({ typenames }) => typenames.has(typename))?.name ?? supergraph.nameIn(subgraph, typename),
    selections: fields,
  }))
}

/**
 * True for a rewrite of `__typename`: the generated code contains it. Other rewrites run on the
 * representation.
 */
function isTypenameSetter(rewrite: FetchRewrite): rewrite is Extract<FetchRewrite, { ValueSetter: unknown }> {
  if (!('ValueSetter' in rewrite)) return false
  const [condition, key, ...rest] = rewrite.ValueSetter.path
  const isTypename = key !== undefined && 'Key' in key && key.Key === '__typename'
  return rest.length === 0 && isTypename && condition !== undefined && 'TypenameEquals' in condition
}

class CollectWriter {
  readonly functions: string[] = []
  /** Names of the maps from key to the index of a representation. */
  readonly maps: string[] = []
  readonly #mapBySignature = new Map<string, string>()
  readonly #supergraph: SupergraphSchema
  #variables = 0

  constructor(supergraph: SupergraphSchema) {
    this.#supergraph = supergraph
  }

  loops(path: readonly FlattenNodePathSegment[], value: string): string {
    const [segment, ...rest] = path
    if (segment === undefined) return `found(${value})`
    const inner = `v${this.#variables++}`
    if (segment === '@') {
      return `for (const ${inner} of flat(${value})) if (${inner} != null) {\n${this.loops(rest, inner)}\n}`
    }
    if ('Field' in segment) {
      return `const ${inner} = ${member(value, segment.Field)}\nif (${inner} != null) {\n${this.loops(rest, inner)}\n}`
    }
    const typenames = new Set(segment.TypeCondition.flatMap(this.#supergraph.typenames))
    const test = [...typenames].map((name) => `${value}.__typename === ${literal(name)}`).join(' || ')
    return `if (${test}) {\n${this.loops(rest, value)}\n}`
  }

  /**
   * Writes the case of one type: reads the key fields `k0`, `k1` …, finds the index `n` of the representation
   * with these keys, and adds one if there is none. There is one level of maps for each key field; the
   * innermost has the indexes.
   */
  case({ typename, name, selections }: RepresentedType): string {
    const fields = this.#fields(selections, this.#supergraph.composite(typename))
    const map = this.#mapFor(name, fields)
    const keys = fields.map((field, n) => (field.nested ? `JSON.stringify(k${n})` : `k${n}`))
    const last = keys.pop() ?? '0'
    const members = fields.map((field, n) => `${literal(field.name)}: k${n}`).join(', ')
    return [
      // A subgraph may have another name for `Query`.
      typename === nestedQuery ? 'default: {' : `case ${literal(typename)}: {`,
      ...fields.map(({ read }, n) => `const k${n} = ${read}; if (k${n} === undefined) return`),
      `let map = ${map}, inner`,
      ...keys.map(
        (key) => `if ((inner = map.get(${key}))) map = inner; else map.set(${key}, map = new Map())`,
      ),
      `let n = map.get(${last})`,
      `if (n === undefined) {`,
      `map.set(${last}, n = representations.length)`,
      `const representation = { __typename: ${literal(name)}, ${members} }`,
      `if (rewrite !== null) rewrite(representation)`,
      `representations.push(representation)`,
      `}`,
      `objects.push(o)`,
      `indexes.push(n)`,
      `return`,
      `}`,
    ].join('\n')
  }

  /** Types with the same name in the subgraph share a map: with the same key, they are the same entity. */
  #mapFor(name: string, fields: readonly KeyField[]): string {
    const signature = [name, ...fields.map((field) => field.name)].join()
    let map = this.#mapBySignature.get(signature)
    if (!map) {
      this.maps.push((map = `map${this.maps.length}`))
      this.#mapBySignature.set(signature, map)
    }
    return map
  }

  #fields(selections: readonly RequiresSelection[], parent: GraphQLCompositeType | undefined): KeyField[] {
    const fields = new Map<string, KeyField>()
    for (const selection of selections) {
      if (selection.kind !== 'Field' || selection.name === '__typename') continue
      const planned = selection.alias ?? selection.name
      const name = this.#supergraph.requiredFields.get(planned)?.name ?? planned
      const declared = parent && 'getFields' in parent ? parent.getFields()[name]?.type : undefined
      const type = declared && getNamedType(declared)
      const value = member('o', selection.name)
      if (selection.selections?.length) {
        const pick = this.#pick(selection.selections, type as GraphQLCompositeType | undefined)
        fields.set(name, { name, read: `${pick}(${value})`, nested: true })
      } else {
        const isText = type?.name === 'ID' || type?.name === 'String'
        fields.set(name, { name, read: isText ? `text(${value})` : value, nested: false })
      }
    }
    return [...fields.values()]
  }

  /**
   * Writes a function that copies the required fields of an object or list; it returns undefined when one is
   * missing.
   */
  #pick(selections: readonly RequiresSelection[], type: GraphQLCompositeType | undefined): string {
    const name = `pick${this.#variables++}`
    const write = (
      selected: readonly RequiresSelection[],
      parent: GraphQLCompositeType | undefined,
    ): string => {
      const own = this.#fields(selected, parent).map(
        (field) =>
          `{ const k = ${field.read}; if (k === undefined) return undefined; copy[${literal(field.name)}] = k }`,
      )
      const narrowed = selected.flatMap((selection) => {
        if (selection.kind !== 'InlineFragment') return []
        const typenames = this.#supergraph.typenames(selection.typeCondition)
        const test = typenames.map((typename) => `o.__typename === ${literal(typename)}`).join(' || ')
        return [
          `if (${test}) {\n${write(selection.selections, this.#supergraph.composite(selection.typeCondition))}\n}`,
        ]
      })
      return [...own, ...narrowed].join('\n')
    }
    const body = write(selections, type)
    this.functions.push(`function ${name}(o) {
if (o == null) return o
if (Array.isArray(o)) { const copy = o.map(${name}); return copy.includes(undefined) ? undefined : copy }
const copy = {}
if (o.__typename !== undefined) copy.__typename = o.__typename
${body}
return copy
}`)
    return name
  }
}

interface KeyField {
  readonly name: string
  /** An expression that reads the field from the object `o`. */
  readonly read: string
  readonly nested: boolean
}

/** The items of a list and of the lists in it: the planner writes one `@` for lists of any depth. */
function flat(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) return []
  for (const item of value) if (Array.isArray(item)) return value.flat(Infinity)
  return value
}

/** An ID may be a number here: a subgraph in this process leaves built-in scalars to the renderer. */
function text(value: unknown): unknown {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(text)
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : value
}
