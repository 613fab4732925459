// Renders the data as JSON text, by code generated for one document. The code handles only data that fits the
// schema; for any other data it throws `unfit`, and complete.ts makes the response.

import {
  GraphQLBoolean,
  GraphQLFloat,
  GraphQLID,
  GraphQLInt,
  GraphQLString,
  isAbstractType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  type GraphQLLeafType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql'
import { compileFunction, literal, member } from './codegen.ts'
import { constant, put, putJson, putString, putText, type Constant } from './json-bytes.ts'
import type { Data } from './merge.ts'
import { isIntrospectionField } from './operation.ts'
import type { Shape, ShapeField } from './shape.ts'

/**
 * Writes the fields as JSON, without the braces around them, at the offset `at`; returns the offset after
 * them. `meta` has the JSON of introspection fields.
 */
export type Render = (data: Data, meta: Readonly<Record<string, string>> | null, at: number) => number

export const unfit = Symbol('the data does not fit the schema')

export function compileRender(fields: readonly ShapeField[], schema: GraphQLSchema): Render {
  const { source, scope } = writeRender(fields, schema)
  return compileFunction(source, scope)
}

/**
 * Writes the source of the render function, and the scope of its free variables. Each object and list gets a
 * function that writes the value `o` at the offset `p` and returns the offset after it. For `{ payment { id
 * status } }`:
 *
 * ```js
 * // k0 is null
 * // k1 is {"id":"
 * // k2 is ","status":
 * // k3 is }
 * // k4 is "payment":
 * function f0(o, p) {
 *   if (typeof o !== 'object' || o === null) throw unfit
 *   const v0 = o["id"]
 *   p = put(k1, p)
 *   p = putText(typeof v0 === 'string' ? v0 : text(ID, v0), p)
 *   const v1 = o["status"]
 *   p = put(k2, p)
 *   if (v1 == null) {
 *     if (v1 === undefined) throw unfit
 *     p = put(k0, p)
 *   }
 *   else {
 *     p = named(values_Status, v1, p)
 *   }
 *   p = put(k3, p)
 *   return p
 * }
 * return function render(o, meta, p) {
 *   const v0 = o["payment"]
 *   p = put(k4, p)
 *   if (v0 == null) {
 *     if (v0 === undefined) throw unfit
 *     p = put(k0, p)
 *   }
 *   else {
 *     p = f0(v0, p)
 *   }
 *   return p
 * }
 * ```
 */
export function writeRender(
  fields: readonly ShapeField[],
  schema: GraphQLSchema,
): { source: string; scope: Readonly<Record<string, unknown>> } {
  const writer = new RenderWriter(schema)
  const body = writer.members(fields)
  const functions = writer.functions.join('\n')
  const source = `${functions}\nreturn function render(o, meta, p) {\n${body}\nreturn p\n}`
  return { source, scope: writer.scope }
}

/** A part of the generated code: constant JSON text, or a statement that writes at `p` and moves `p`. */
type Piece = { readonly text: string } | { readonly code: string }

class RenderWriter {
  readonly functions: string[] = []
  readonly scope: Record<string, unknown> = { ...helpers }
  readonly #schema: GraphQLSchema
  readonly #functionNames = new Map<Shape | string, string>()
  readonly #constants = new Map<string, string>()

  constructor(schema: GraphQLSchema) {
    this.#schema = schema
  }

  /** Writes statements that render the members of the object `o`. */
  members(fields: readonly ShapeField[], open = '', close = ''): string {
    const pieces = fields.flatMap(
      ({ responseKey, dataKey, name, parent, type, shape, isForbidden }, n): Piece[] => {
        const key = { text: `${n > 0 ? ',' : ''}${JSON.stringify(responseKey)}:` }
        if (name === '__typename') return [key, { text: JSON.stringify(parent.name) }]
        if (isIntrospectionField(name))
          return [key, { code: `p = putJson(meta[${literal(responseKey)}], p)` }]
        if (isForbidden) return isNonNullType(type) ? [{ code: 'throw unfit' }] : [key, { text: 'null' }]
        return [{ code: `const v${n} = ${member('o', dataKey)}` }, key, ...this.#value(type, shape, `v${n}`)]
      },
    )
    return this.#statements([{ text: open }, ...pieces, { text: close }])
  }

  #value(type: GraphQLOutputType, shape: Shape | null, value: string): Piece[] {
    if (isNonNullType(type)) return this.#present(type.ofType, shape, value)
    const present = this.#statements(this.#present(type, shape, value))
    // A missing field is no null: the slow path finds its reason.
    const absent = this.#statements([{ code: `if (${value} === undefined) throw unfit` }, { text: 'null' }])
    return [{ code: `if (${value} == null) {\n${absent}\n}\nelse {\n${present}\n}` }]
  }

  /** No check for null here: every function that is called throws `unfit` for a null. */
  #present(type: GraphQLOutputType, shape: Shape | null, value: string): Piece[] {
    if (isListType(type)) return [{ code: `p = ${this.#list(type.ofType, shape)}(${value}, p)` }]
    return isLeafType(type) ? this.#leaf(type, value) : [{ code: `p = ${this.#object(shape!)}(${value}, p)` }]
  }

  #leaf(type: GraphQLLeafType, value: string): Piece[] {
    // The quotes of a text become part of the constants before and after it.
    if (type.name === 'String' || type.name === 'ID') {
      const text = `typeof ${value} === 'string' ? ${value} : text(${type.name}, ${value})`
      return [{ text: '"' }, { code: `p = putText(${text}, p)` }, { text: '"' }]
    }
    const helper = helpersByScalar.get(type.name)
    if (helper) return [{ code: `p = ${helper}(${value}, p)` }]
    if (!isEnumType(type)) return [{ code: `p = json(${value}, p)` }]
    const values = `values_${type.name}`
    this.scope[values] ??= new Map(type.getValues().map(({ name }) => [name, constant(JSON.stringify(name))]))
    return [{ code: `p = named(${values}, ${value}, p)` }]
  }

  #list(item: GraphQLOutputType, shape: Shape | null): string {
    const key = `[${String(item)}]${shape ? this.#object(shape) : ''}`
    return this.#function(key, () => {
      const value = this.#statements(this.#value(item, shape, 'v'))
      const between = this.#statements([{ text: ',' }])
      return `if (!Array.isArray(o)) throw unfit
${this.#statements([{ text: '[' }])}
for (let n = 0; n < o.length; n++) {
const v = o[n]
if (n > 0) ${between}
${value}
}
${this.#statements([{ text: ']' }])}`
    })
  }

  #object(shape: Shape): string {
    return this.#function(shape, () => {
      const check = `if (typeof o !== 'object' || o === null) throw unfit`
      const { type } = shape
      if (!isAbstractType(type) || !shape.byType) {
        const fields = shape.fieldsOf(type)
        // Of a list, any other field is undefined, which is unfit.
        const isLikeList = fields.every(({ name, dataKey }) => name === '__typename' || dataKey in [])
        const list = isLikeList ? `\nif (Array.isArray(o)) throw unfit` : ''
        return `${check}${list}\n${this.members(fields, '{', '}')}`
      }
      const cases = this.#schema.getPossibleTypes(type).map((possible) => {
        const members = this.members(shape.fieldsOf(possible), '{', '}')
        return `case ${literal(possible.name)}: {\n${members}\nbreak\n}`
      })
      return `${check}\nswitch (o.__typename) {\n${cases.join('\n')}\ndefault: throw unfit\n}`
    })
  }

  #function(key: Shape | string, body: () => string): string {
    let name = this.#functionNames.get(key)
    if (!name) {
      this.#functionNames.set(key, (name = `f${this.#functionNames.size}`))
      this.functions.push(`function ${name}(o, p) {\n${body()}\nreturn p\n}`)
    }
    return name
  }

  /** Joins adjacent texts, so that the generated code writes each run of text as one constant. */
  #statements(pieces: readonly Piece[]): string {
    const statements: string[] = []
    let text = ''
    const flush = (): void => {
      if (text !== '') statements.push(`p = put(${this.#constant(text)}, p)`)
      text = ''
    }
    for (const piece of pieces) {
      if ('text' in piece) text += piece.text
      else {
        if (!piece.code.startsWith('const ')) flush()
        statements.push(piece.code)
      }
    }
    flush()
    return statements.join('\n')
  }

  #constant(text: string): string {
    let name = this.#constants.get(text)
    if (!name) {
      this.#constants.set(text, (name = `k${this.#constants.size}`))
      this.scope[name] = constant(text)
    }
    return name
  }
}

const helpersByScalar = new Map([
  ['Int', 'int'],
  ['Float', 'float'],
  ['Boolean', 'boolean'],
])
const trueJson = constant('true')
const falseJson = constant('false')

/**
 * Writers of leaf values: the usual JavaScript type directly, any other value as graphql-js serializes it.
 */
const helpers = {
  unfit,
  put,
  putJson,
  putText,
  String: GraphQLString,
  ID: GraphQLID,
  text: serialized,
  int: (value: unknown, at: number) =>
    putText(String(((value as number) | 0) === value ? value : serialized(GraphQLInt, value)), at),
  float: (value: unknown, at: number) =>
    putText(String(Number.isFinite(value) ? value : serialized(GraphQLFloat, value)), at),
  boolean: (value: unknown, at: number) =>
    put(value === true || (value !== false && serialized(GraphQLBoolean, value)) ? trueJson : falseJson, at),
  json: (value: unknown, at: number) =>
    typeof value === 'string' ? putString(value, at) : putJson(jsonOf(value), at),
  named(values: ReadonlyMap<unknown, Constant>, value: unknown, at: number): number {
    const name = values.get(value)
    if (name === undefined) throw unfit
    return put(name, at)
  },
}

function serialized(type: GraphQLLeafType, value: unknown): unknown {
  if (value === null || value === undefined) throw unfit
  try {
    return type.serialize(value)
  } catch {
    throw unfit
  }
}

/** A value of a custom scalar as JSON. */
function jsonOf(value: unknown): string {
  if (value === null || value === undefined) throw unfit
  try {
    const text = JSON.stringify(value) as string | undefined
    if (text !== undefined) return text
  } catch {
    // A value without JSON, such as a bigint.
  }
  throw unfit
}
