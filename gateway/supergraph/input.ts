// Coerces the value of one variable, by the algorithm of the specification and with the messages of
// graphql-js. Unlike graphql-js it stops after a number of errors and values, and quotes a value by its
// beginning, so that no input makes a response large or blocks the process.

import {
  GraphQLEnumType,
  GraphQLInputObjectType,
  GraphQLList,
  GraphQLNonNull,
  isSpecifiedScalarType,
  type GraphQLInputType,
  type GraphQLScalarType,
} from 'graphql'
import type * as graphql from 'graphql'
import { emptyObject } from './codegen.ts'

// Unless NODE_ENV is `production`, those of graphql-js also search for a second copy of the library, which
// takes longer than reading a value.
const isNonNullType = ((type) => type instanceof GraphQLNonNull) as typeof graphql.isNonNullType
const isListType = ((type) => type instanceof GraphQLList) as typeof graphql.isListType
const isInputObjectType = ((type) =>
  type instanceof GraphQLInputObjectType) as typeof graphql.isInputObjectType
const isEnumType = ((type) => type instanceof GraphQLEnumType) as typeof graphql.isEnumType

/** Errors in one request after which the rest of its input is not read. */
export const errorsMax = 10
/** Values in the variables of one request: a call that registers a thousand merchants has 20,000. */
const valuesMax = 50_000
/** Characters of a value in a message. */
const quotedMax = 80

/** Reads the variables of one request. */
export class InputReader {
  /** In the order of the values. */
  readonly errors: { readonly variable: string; readonly message: string }[] = []
  #variable = ''
  #values = 0
  readonly #path: (string | number)[] = []

  /** True when there are too many errors or values to read on. */
  get isFull(): boolean {
    return this.errors.length >= errorsMax || this.#values > valuesMax
  }

  /** The coerced value of a variable; undefined where `errors` has grown. */
  read(variable: string, value: unknown, type: GraphQLInputType): unknown {
    this.#variable = variable
    if (this.isFull) return undefined
    if (value !== null || !isNonNullType(type)) return this.#read(value, type)
    return this.#add(`Variable "$${variable}" of non-null type "${String(type)}" must not be null.`)
  }

  refuseAbsent(variable: string, type: GraphQLInputType): void {
    if (this.isFull) return
    this.#variable = variable
    this.#add(`Variable "$${variable}" of required type "${String(type)}" was not provided.`)
  }

  #read(value: unknown, type: GraphQLInputType): unknown {
    if (isNonNullType(type)) {
      if (value !== null && value !== undefined) return this.#read(value, type.ofType)
      return this.#report(value, `Expected non-nullable type "${String(type)}" not to be null.`)
    }
    if (value === null || value === undefined) return null
    if (isListType(type)) {
      if (!Array.isArray(value)) return [this.#read(value, type.ofType)]
      const read: unknown[] = []
      for (let index = 0; index < value.length && !this.isFull; index++) {
        read.push(this.#readAt(index, value[index], type.ofType))
      }
      return read
    }
    return isInputObjectType(type) ? this.#readObject(value, type) : this.#readLeaf(value, type)
  }

  #readAt(key: string | number, value: unknown, type: GraphQLInputType): unknown {
    if (this.isFull) return undefined
    if (++this.#values > valuesMax) return this.#add(`The variables have more than ${valuesMax} values.`)
    this.#path.push(key)
    const read = this.#read(value, type)
    this.#path.pop()
    return read
  }

  #readObject(value: unknown, type: GraphQLInputObjectType): unknown {
    if (typeof value !== 'object' || Array.isArray(value)) {
      return this.#report(value, `Expected type "${type.name}" to be an object.`)
    }
    const given = value as Readonly<Record<string, unknown>>
    const read = createFor(type)
    const fields = type.getFields()
    for (const { name, type: fieldType, defaultValue } of Object.values(fields)) {
      const field = Object.hasOwn(given, name) ? given[name] : undefined
      if (field !== undefined) read[name] = this.#readAt(name, field, fieldType)
      else if (defaultValue !== undefined) read[name] = defaultValue
      else if (isNonNullType(fieldType)) {
        this.#report(value, `Field "${name}" of required type "${String(fieldType)}" was not provided.`)
      }
    }
    this.#refuseUnknown(given, type)
    if (type.isOneOf) this.#checkOneOf(value, read, type)
    return read
  }

  #refuseUnknown(given: Readonly<Record<string, unknown>>, type: GraphQLInputObjectType): void {
    const fields = type.getFields()
    for (const name in given) {
      if (this.isFull) return
      if (!Object.hasOwn(fields, name))
        this.#report(given, `Field "${clip(name)}" is not defined by type "${type.name}".`)
    }
  }

  #checkOneOf(
    value: unknown,
    read: Readonly<Record<string, unknown>>,
    { name }: GraphQLInputObjectType,
  ): void {
    const keys = Object.keys(read)
    if (keys.length !== 1) this.#report(value, `Exactly one key must be specified for OneOf type "${name}".`)
    else if (read[keys[0]!] === null) this.#report(null, `Field "${keys[0]}" must be non-null.`, keys[0])
  }

  #readLeaf(value: unknown, type: GraphQLScalarType | GraphQLEnumType): unknown {
    // Built-in scalars and enums take no object, and their messages print what they refuse as a whole.
    const isPrinted = typeof value === 'object' && (isEnumType(type) || isSpecifiedScalarType(type))
    const given = isPrinted ? beginningOf(value!) : value
    try {
      const read = isEnumType(type) ? type.parseValue(given, true) : type.parseValue(given)
      return read === undefined ? this.#report(value, `Expected type "${type.name}".`) : read
    } catch (error) {
      const { name, message } = error as Error
      const prefix = name === 'GraphQLError' ? '' : `Expected type "${type.name}". `
      return this.#report(value, prefix + clip(message, 2 * quotedMax))
    }
  }

  #report(value: unknown, message: string, key?: string): undefined {
    if (this.isFull) return
    const path = [...this.#path, ...(key === undefined ? [] : [key])]
    const place = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
    const at = place === '' ? '' : ` at "${this.#variable}${place}"`
    this.#add(`Variable "$${this.#variable}" got invalid value ${quote(value)}${at}; ${message}`)
  }

  #add(message: string): undefined {
    this.errors.push({ variable: this.#variable, message })
  }
}

const creators = new WeakMap<GraphQLInputObjectType, () => Record<string, unknown>>()

function createFor(type: GraphQLInputObjectType): Record<string, unknown> {
  let create = creators.get(type)
  if (!create) creators.set(type, (create = emptyObject(Object.keys(type.getFields()))))
  return create()
}

const clip = (text: string, max = quotedMax): string => (text.length > max ? `${text.slice(0, max)}…` : text)

/** The value as graphql-js shows it, cut after `quotedMax` characters. */
const quote = (value: unknown): string => clip(textOf(value, 2))

function textOf(value: unknown, levels: number): string {
  if (typeof value === 'string') return JSON.stringify(clip(value))
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]'
    if (levels === 0) return '[Array]'
    const items = value.slice(0, itemsMax).map((item) => textOf(item, levels - 1))
    const more = value.length - items.length
    if (more > 0) items.push(more === 1 ? '... 1 more item' : `... ${more} more items`)
    return `[${items.join(', ')}]`
  }
  const beginning = beginningOf(value)
  const fields = Object.entries(beginning)
  if (fields.length === 0) return '{}'
  if (levels === 0) return '[Object]'
  return `{ ${fields.map(([name, field]) => `${clip(name)}: ${textOf(field, levels - 1)}`).join(', ')} }`
}

/** The first fields of an object, and of the objects in them; an array as it is. */
function beginningOf(value: object, levels = 2): object {
  if (Array.isArray(value)) return value.slice(0, itemsMax + 1)
  const beginning: Record<string, unknown> = {}
  let fields = 0
  for (const name in value) {
    if (++fields > itemsMax) break
    const field: unknown = (value as Record<string, unknown>)[name]
    const isObject = typeof field === 'object' && field !== null && levels > 0
    beginning[clip(name)] = isObject ? beginningOf(field, levels - 1) : field
  }
  return beginning
}

const itemsMax = 10
