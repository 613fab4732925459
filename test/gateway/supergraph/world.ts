// A made-up world for any supergraph: every object and every value in it follows from a seed, so that the subgraphs and
// one monolithic schema can be run over the same data without anybody storing it.

import {
  getNamedType,
  isAbstractType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  type GraphQLNamedType,
  type GraphQLOutputType,
} from 'graphql'
import type { Facts, Selection } from './facts.ts'

/** An object. Entities are few and are met anywhere; any other object belongs to the place where it was found. */
export interface Thing {
  readonly type: string
  readonly id: string
  /** What the hub sent along when it asked for this entity. */
  readonly given?: Readonly<Record<string, unknown>>
}

/** One world: its seed, and how often something in it is not as it should be, 0–1 each. */
export interface World {
  readonly seed: number
  /** A null where one may be. */
  readonly nulls: number
  /** A null where none may be, or a leaf that is not of its type. */
  readonly violations: number
  /** A resolver that throws, a list item that is an error. */
  readonly errors: number
  /** A resolver that answers later. */
  readonly promises: number
}

/** Entities of each type. */
export const poolSize = 3
export const rootThing = (type: string): Thing => ({ type, id: type })
export const entityThing = (type: string, index: number): Thing => ({ type, id: `${type}#${index}` })

/**
 * The value of a field, or a thrown error. `required` is what its `@requires` fields are, as text: it is part of the
 * value, so that a subgraph that was sent something else gives another answer.
 */
export function valueOf(
  facts: Facts,
  world: World,
  thing: Thing,
  field: string,
  args: Readonly<Record<string, unknown>>,
  required = '',
): unknown {
  const place = `${thing.id}.${field}${Object.keys(args).length > 0 ? canonical(args) : ''}${required}`
  const type = facts.typeOf(thing.type, field)
  if (facts.isKey(thing.type, field)) return keyValue(facts, thing, field, type, place)
  const random = randomFrom(`${world.seed} ${place}`)
  const safe = facts.isSafe(thing.type, field)
  const allowed = facts.allowedIn(thing.type, field)
  if (!safe && random() < world.errors) throw new Error(`no ${field} of ${thing.id}`)
  const make = (some: GraphQLOutputType, at: string): unknown => {
    if (isNonNullType(some)) {
      return !safe && random() < world.violations ? null : makePresent(some.ofType, at)
    }
    if (!facts.isNeverNull(thing.type, field) && random() < world.nulls) return null
    return makePresent(some, at)
  }
  const makePresent = (
    some: Exclude<GraphQLOutputType, { ofType: unknown }> | GraphQLOutputType,
    at: string,
  ): unknown => {
    if (isListType(some)) {
      return Array.from({ length: Math.floor(random() * 2.6) }, (_, n) =>
        !safe && random() < world.errors
          ? new Error(`no item of ${at}[${n}]`)
          : make(some.ofType, `${at}[${n}]`),
      )
    }
    const named = getNamedType(some)
    if (isLeafType(named)) return leaf(named, allowed, random, safe ? 0 : world.violations)
    const types = isAbstractType(named) ? allowed : [named.name]
    const runtime = types[Math.floor(random() * types.length)]!
    return facts.isEntity(runtime)
      ? entityThing(runtime, Math.floor(random() * poolSize))
      : { type: runtime, id: at }
  }
  return make(type, place)
}

/** The value of a field for whoever knows the whole world, and so what the field `@requires`. */
export function answerOf(
  facts: Facts,
  world: World,
  thing: Thing,
  field: string,
  args: Readonly<Record<string, unknown>>,
): unknown {
  const requires = facts.requires(thing.type, field)
  const required = requires ? canonical(select(facts, world, thing, requires)) : ''
  return valueOf(facts, world, thing, field, args, required)
}

/** Keys are the same in every world, never null, and never the same for two entities. */
function keyValue(
  facts: Facts,
  thing: Thing,
  field: string,
  type: GraphQLOutputType,
  place: string,
): unknown {
  const named = getNamedType(type)
  if (!isLeafType(named)) {
    const [runtime] = isAbstractType(named) ? facts.allowedIn(thing.type, field) : [named.name]
    const index = Number(thing.id.split('#').at(-1))
    return facts.isEntity(runtime!) ? entityThing(runtime!, index) : { type: runtime, id: place }
  }
  if (isEnumType(named))
    return facts.allowedIn(thing.type, field)[hash(place) % facts.allowedIn(thing.type, field).length]
  if (named.name === 'Int' || named.name === 'Float') return hash(place) % 2 ** 31
  return named.name === 'Boolean' ? hash(place) % 2 === 0 : place
}

const texts = [
  '',
  'plain',
  'quote " and \\ backslash',
  'line\nbreak \u0001 \u2028',
  'Zürich 中文 😀',
  'lone \ud800 surrogate',
  'long '.repeat(20),
  'long and 广州 '.repeat(12),
]

function leaf(
  type: GraphQLNamedType,
  allowed: readonly string[],
  random: () => number,
  violations: number,
): unknown {
  const wrong = random() < violations
  const loose = violations > 0 && random() < 0.1
  const integer = Math.floor(random() * 2_000) - 1_000
  const text = texts[Math.floor(random() * texts.length)]!
  if (isEnumType(type)) return allowed[Math.floor(random() * allowed.length)]
  switch (type.name) {
    case 'Int':
      return wrong ? 'twelve' : loose ? `${integer}` : integer
    case 'Float':
      return wrong
        ? Number.NaN
        : loose
          ? `${integer}`
          : random() < 0.2
            ? -0
            : random() < 0.2
              ? 1e21
              : integer / 8
    case 'Boolean':
      return wrong ? 'perhaps' : loose ? 1 : random() < 0.5
    case 'ID':
      return wrong ? { no: 'id' } : loose ? integer : `id ${integer}`
    case 'String':
      return wrong ? { no: 'text' } : loose ? integer : text
  }
  return [text, integer, { nested: [text, null, integer] }, true][Math.floor(random() * 4)]
}

/** The fields of a selection as the world has them, as plain JSON. Selections of keys and `@requires` only. */
export function select(
  facts: Facts,
  world: World,
  thing: Thing,
  selection: Selection,
): Record<string, unknown> {
  const project = (value: unknown, inner: Selection | null): unknown => {
    if (value === null || value === undefined) return null
    if (Array.isArray(value)) return value.map((item) => project(item, inner))
    return inner ? select(facts, world, value as Thing, inner) : value
  }
  const fields = selection.filter(({ on }) => on === null || facts.isA(thing.type, on))
  return Object.fromEntries(
    fields.map(({ name, args, inner }) => [
      name,
      project(answerOf(facts, world, thing, name, { ...facts.defaultsOf(thing.type, name), ...args }), inner),
    ]),
  )
}

/** The same fields of what the hub sent; throws when one is missing. */
export function pick(
  given: Readonly<Record<string, unknown>>,
  selection: Selection,
): Record<string, unknown> {
  const project = (value: unknown, inner: Selection | null): unknown => {
    if (value === null || value === undefined) return null
    if (Array.isArray(value)) return value.map((item) => project(item, inner))
    return inner ? pick(value as Record<string, unknown>, inner) : value
  }
  return Object.fromEntries(
    selection.flatMap(({ name, on, inner }) => {
      if (name in given) return [[name, project(given[name], inner)]]
      if (on !== null) return []
      throw new Error(`${name} was not sent`)
    }),
  )
}

/** JSON with keys in order. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )

export function hash(text: string): number {
  // FNV-1a, then mixed, because texts that differ only at the end must not give neighbouring numbers.
  let value = 0x811c9dc5
  for (let n = 0; n < text.length; n++) value = Math.imul(value ^ text.charCodeAt(n), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}

/** Numbers from 0 to 1 that follow from a text (mulberry32). */
export function randomFrom(text: string): () => number {
  let state = hash(text)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
