// Finds the entities that a fetch is about, names each once to the subgraph, and remembers every place it was found at.

import { getNamedType, type GraphQLCompositeType } from 'graphql'
import { compile, literal } from './codegen.ts'
import type { Data } from './merge.ts'
import type { FetchRewrite, FlattenNodePathSegment, RequiresSelection } from './plan.ts'
import { compileRewrites } from './rewrites.ts'
import type { SupergraphSchema } from './supergraph-schema.ts'

export interface Entities {
  /** What the subgraph is sent: each entity once. */
  readonly representations: Data[]
  /** The objects that the answers are merged into … */
  readonly places: Data[]
  /** … and for each of them, which representation it is. */
  readonly at: number[]
}

export type CollectEntities = (data: Data) => Entities

export interface EntityFetch {
  readonly paths: readonly (readonly FlattenNodePathSegment[])[]
  readonly requires: readonly RequiresSelection[]
  readonly inputRewrites?: readonly FetchRewrite[] | undefined
}

/**
 * Compiles the collection of entities into one function: nested loops along each path, and at the end of them a switch
 * over the type that reads the key fields. An object is left out when a field that it needs never arrived, because the
 * fetch that should have brought it failed; a null is sent, for it may be a rightful value of a `@requires` field.
 */
export function compileEntities(
  fetch: EntityFetch,
  subgraph: string,
  supergraph: SupergraphSchema,
): CollectEntities {
  const writer = new Writer(supergraph)
  const cases = representedTypes(fetch, subgraph, supergraph).map((type) => writer.case(type))
  const loops = fetch.paths.map((path) => writer.loops(path, 'data'))
  const source = `
${writer.functions.join('\n')}
return function collect(data) {
const places = [], at = [], representations = []
${writer.maps.map((name) => `const ${name} = new Map()`).join('\n')}
const found = (o) => {
switch (o.__typename) {
${cases.join('\n')}
}}
${loops.join('\n')}
return { representations, places, at }
}`
  const rewrite = compileRewrites(
    fetch.inputRewrites?.filter((one) => !isTypenameSetter(one)),
    supergraph.typenames,
  )
  return compile(source, { flat, text, rewrite })
}

/** How the entities of one type are named to the subgraph. */
interface RepresentedType {
  /** Value of `__typename` in the data. */
  readonly typename: string
  /** The name that the subgraph is told. */
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
      throw new TypeError(`the plan requires a ${fragment.kind} of no type`)
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
    // The planner does not always say it, but a subgraph can only be told of types that it knows.
    name:
      setters.find(({ typenames }) => typenames.has(typename))?.name ?? supergraph.nameIn(subgraph, typename),
    selections: fields,
  }))
}

/** `__typename` is set where the representation is written; any other rewrite is applied to what was written. */
function isTypenameSetter(rewrite: FetchRewrite): rewrite is Extract<FetchRewrite, { ValueSetter: unknown }> {
  if (!('ValueSetter' in rewrite)) return false
  const [condition, key, ...rest] = rewrite.ValueSetter.path
  const isTypename = key !== undefined && 'Key' in key && key.Key === '__typename'
  return rest.length === 0 && isTypename && condition !== undefined && 'TypenameEquals' in condition
}

class Writer {
  readonly functions: string[] = []
  /** Names of the maps from key to representation. */
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
      const key = literal(segment.Field)
      return `const ${inner} = ${value}[${key}]\nif (${inner} != null) {\n${this.loops(rest, inner)}\n}`
    }
    const typenames = new Set(segment.TypeCondition.flatMap(this.#supergraph.typenames))
    const test = [...typenames].map((name) => `${value}.__typename === ${literal(name)}`).join(' || ')
    return `if (${test}) {\n${this.loops(rest, value)}\n}`
  }

  case({ typename, name, selections }: RepresentedType): string {
    const fields = this.#fields(selections, this.#supergraph.composite(typename))
    const map = this.#mapFor(name, fields)
    const keys = fields.map((field, n) => (field.nested ? `JSON.stringify(k${n})` : `k${n}`))
    const last = keys.pop() ?? '0'
    return `case ${literal(typename)}: {
${fields.map(({ read }, n) => `const k${n} = ${read}; if (k${n} === undefined) return`).join('\n')}
let index = ${map}
${keys.map((key) => `{ const inner = index.get(${key}); if (inner) index = inner; else index.set(${key}, index = new Map()) }`).join('\n')}
let n = index.get(${last})
if (n === undefined) {
index.set(${last}, n = representations.length)
const representation = { __typename: ${literal(name)}, ${fields.map(({ name: key }, m) => `${literal(key)}: k${m}`).join(', ')} }
if (rewrite !== null) rewrite(representation)
representations.push(representation)
}
places.push(o)
at.push(n)
return
}`
  }

  /** Types that the subgraph is told the same name of are the same entities when their keys are the same. */
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
      const name = selection.alias ?? selection.name
      const declared = parent && 'getFields' in parent ? parent.getFields()[name]?.type : undefined
      const type = declared && getNamedType(declared)
      const value = `o[${literal(selection.name)}]`
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

  /** Writes a function that copies the required part of an object or a list of them; undefined when some is missing. */
  #pick(selections: readonly RequiresSelection[], type: GraphQLCompositeType | undefined): string {
    const name = `pick${this.#variables++}`
    const write = (some: readonly RequiresSelection[], parent: GraphQLCompositeType | undefined): string => {
      const own = this.#fields(some, parent).map(
        (field) =>
          `{ const k = ${field.read}; if (k === undefined) return undefined; copy[${literal(field.name)}] = k }`,
      )
      const narrowed = some.flatMap((one) => {
        if (one.kind !== 'InlineFragment') return []
        const typenames = this.#supergraph.typenames(one.typeCondition)
        const test = typenames.map((typename) => `o.__typename === ${literal(typename)}`).join(' || ')
        return [`if (${test}) {\n${write(one.selections, this.#supergraph.composite(one.typeCondition))}\n}`]
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
  /** Expression that reads it from the object `o`. */
  readonly read: string
  readonly nested: boolean
}

/** The items of a list, of its lists, and so on: the planner writes one `@` however deep it is. */
function flat(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) return []
  for (const item of value) if (Array.isArray(item)) return value.flat(Infinity)
  return value
}

/** An ID may still be a number here: in process, built-in scalars are only serialized by the renderer. */
function text(value: unknown): unknown {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(text)
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : value
}
