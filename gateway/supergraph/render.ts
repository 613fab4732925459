// The answer as JSON text, by a function compiled for one document. It handles only data as it should be; for anything
// else it throws `unfit`, and the answer is completed by the letter instead (complete.ts).

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
import { compile, literal } from './codegen.ts'
import { constant, put, putJson, putString, putText, take, type Constant } from './json-bytes.ts'
import type { Data } from './merge.ts'
import { isIntrospection, type Shape, type ShapeField } from './shape.ts'

/** The fields as JSON without the braces around them. `meta` has the answers to introspection fields. */
export type Render = (data: Data, meta: Readonly<Record<string, string>> | null) => string

export const unfit = Symbol('the data does not fit the schema')

export function compileRender(fields: readonly ShapeField[], schema: GraphQLSchema): Render {
  const writer = new Writer(schema)
  const body = writer.members(fields)
  const source = `${writer.functions.join('\n')}\nreturn function render(o, meta) {\nlet p = 0\n${body}\nreturn take(p)\n}`
  return compile(source, writer.scope)
}

/** A step of writing: text that is known, or a statement that moves `p`. */
type Piece = { readonly text: string } | { readonly code: string }

class Writer {
  readonly functions: string[] = []
  readonly scope: Record<string, unknown> = { ...helpers }
  readonly #schema: GraphQLSchema
  readonly #functionNames = new Map<Shape | string, string>()
  readonly #constants = new Map<string, string>()

  constructor(schema: GraphQLSchema) {
    this.#schema = schema
  }

  /** Statements that write the members of `o`. */
  members(fields: readonly ShapeField[], open = '', close = ''): string {
    const pieces = fields.flatMap(({ responseKey, dataKey, name, parent, type, shape }, n): Piece[] => {
      const key = { text: `${n > 0 ? ',' : ''}${JSON.stringify(responseKey)}:` }
      if (name === '__typename') return [key, { text: JSON.stringify(parent.name) }]
      if (isIntrospection(name)) return [key, { code: `p = putJson(meta[${literal(responseKey)}], p)` }]
      return [{ code: `const v${n} = o[${literal(dataKey)}]` }, key, ...this.#value(type, shape, `v${n}`)]
    })
    return this.#statements([{ text: open }, ...pieces, { text: close }])
  }

  #value(type: GraphQLOutputType, shape: Shape | null, value: string): Piece[] {
    if (isNonNullType(type)) return this.#present(type.ofType, shape, value)
    const otherwise = this.#statements(this.#present(type, shape, value))
    return [
      { code: `if (${value} == null) ${this.#statements([{ text: 'null' }])}\nelse {\n${otherwise}\n}` },
    ]
  }

  /** What a null leads to here is `unfit`: every function that is called looks at what it is given. */
  #present(type: GraphQLOutputType, shape: Shape | null, value: string): Piece[] {
    if (isListType(type)) return [{ code: `p = ${this.#list(type.ofType, shape)}(${value}, p)` }]
    return isLeafType(type) ? this.#leaf(type, value) : [{ code: `p = ${this.#object(shape!)}(${value}, p)` }]
  }

  #leaf(type: GraphQLLeafType, value: string): Piece[] {
    // The quotes of a string become part of the constants around it.
    if (type.name === 'String')
      return [
        { text: '"' },
        { code: `p = putText(typeof ${value} === 'string' ? ${value} : string(${value}), p)` },
        { text: '"' },
      ]
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
      if (!isAbstractType(type) || !shape.byType)
        return `${check}\n${this.members(shape.fieldsOf(type), '{', '}')}`
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

  /** Texts that follow each other are written as one. */
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
  ['ID', 'id'],
])
const yes = constant('true')
const no = constant('false')

/** Writers of leaves: the usual value at once, what else may be serialized to the type as graphql-js does it. */
const helpers = {
  unfit,
  put,
  putJson,
  take,
  putText,
  string: (value: unknown) => serialized(GraphQLString, value),
  id: (value: unknown, at: number) =>
    putString(typeof value === 'string' ? value : (serialized(GraphQLID, value) as string), at),
  int: (value: unknown, at: number) =>
    putText(String(((value as number) | 0) === value ? value : serialized(GraphQLInt, value)), at),
  float: (value: unknown, at: number) =>
    putText(String(Number.isFinite(value) ? value : serialized(GraphQLFloat, value)), at),
  boolean: (value: unknown, at: number) =>
    put(value === true || (value !== false && serialized(GraphQLBoolean, value)) ? yes : no, at),
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

/** A custom scalar. */
function jsonOf(value: unknown): string {
  if (value === null || value === undefined) throw unfit
  try {
    const text = JSON.stringify(value) as string | undefined
    if (text !== undefined) return text
  } catch {
    // A bigint, say.
  }
  throw unfit
}
