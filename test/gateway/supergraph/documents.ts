// Random documents over a schema, with variables: valid by construction, or nearly so.

import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
  type GraphQLObjectType,
} from 'graphql'
import { shapeOf } from '../../../gateway/supergraph/operation.ts'

export interface RandomDocument {
  readonly text: string
  readonly variables: Readonly<Record<string, unknown>>
  readonly operationName: string | null
}

/** Gives a number below `below`, and 0 once it has run dry: 0 is always the simplest choice. */
export type Choose = (below: number) => number

/** Choices from a list of numbers, so that a shorter list with smaller numbers is a simpler document. */
export function chooseFrom(tape: readonly number[]): Choose {
  let next = 0
  return (below) => (tape[next++] ?? 0) % below
}

const depthMax = 4

export function randomDocument(schema: GraphQLSchema, choose: Choose): RandomDocument {
  return new Generator(schema, choose).document()
}

/** A field that is already in the document under some response key. */
interface Taken {
  readonly parent: GraphQLCompositeType
  readonly head: string
  readonly shape: string
}

class Generator {
  readonly #schema: GraphQLSchema
  readonly #choose: Choose
  readonly #definitions: string[] = []
  readonly #fragments: { name: string; on: GraphQLCompositeType; path: string; text: string }[] = []
  readonly #variables: Record<string, unknown> = {}
  /** By path of response keys. */
  readonly #taken = new Map<string, Taken[]>()
  #count = 0

  constructor(schema: GraphQLSchema, choose: Choose) {
    this.#schema = schema
    this.#choose = choose
  }

  document(): RandomDocument {
    const mutation = this.#schema.getMutationType()
    const isMutation = mutation && this.#chance(5)
    const operation = isMutation ? 'mutation' : 'query'
    const body = this.#selection(isMutation ? mutation : this.#schema.getQueryType()!, 0, '')
    const several = this.#chance(8)
    const named = several || this.#chance(2)
    const head = `${operation}${named ? ' Asked' : ''}`
    const definitions = this.#definitions.length > 0 ? `(${this.#definitions.join(', ')})` : ''
    const other = several ? ['query Other { __typename }'] : []
    return {
      text: [...other, `${head}${definitions} ${body}`, ...this.#fragments.map(({ text }) => text)].join(
        '\n',
      ),
      variables: this.#variables,
      operationName: several ? 'Asked' : null,
    }
  }

  /** One time in `times`. */
  #chance(times: number): boolean {
    return this.#choose(times) === times - 1
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#choose(items.length)]!
  }

  #selection(type: GraphQLCompositeType, depth: number, path: string): string {
    const selections = Array.from({ length: 1 + this.#choose(4) }, () => this.#select(type, depth, path))
    return `{ ${selections.join(' ')} }`
  }

  #select(type: GraphQLCompositeType, depth: number, path: string): string {
    const kind = this.#choose(depth < depthMax ? 10 : 8)
    if (kind === 9) return this.#inline(type, depth, path)
    if (kind === 8) return this.#spread(type, depth, path)
    if (kind === 7) return this.#typename(type, path)
    const fields = 'getFields' in type ? Object.values(type.getFields()) : []
    const usable = fields.filter(
      (field) =>
        depth < depthMax || !isCompositeType(getNamedType((field as GraphQLField<unknown, unknown>).type)),
    )
    if (usable.length === 0) {
      return isAbstractType(type) && depth < depthMax
        ? this.#inline(type, depth, path)
        : this.#typename(type, path)
    }
    return this.#field(type, this.#pick(usable), depth, path)
  }

  #typename(type: GraphQLCompositeType, path: string): string {
    const key = this.#chance(4) ? this.#alias(type) : '__typename'
    return this.#register(type, key, '__typename', 'String!', path, this.#switch())
  }

  #field(
    type: GraphQLCompositeType,
    field: GraphQLField<unknown, unknown>,
    depth: number,
    path: string,
  ): string {
    const key = this.#chance(3) ? this.#alias(type) : field.name
    const args = this.#arguments(field.args)
    const head = `${field.name}${args}`
    const inner = getNamedType(field.type)
    const start = this.#register(type, key, head, shapeOf(field.type), path, this.#switch())
    if (!isCompositeType(inner)) return start
    const used = start.split(':')[0]!.split(/[ ({]/)[0]!
    return `${start} ${this.#selection(inner, depth + 1, `${path}/${used}`)}`
  }

  /** Writes a field under `key`, or under a fresh one where that key already stands for something else. */
  #register(
    parent: GraphQLCompositeType,
    key: string,
    head: string,
    shape: string,
    path: string,
    directives: string,
  ): string {
    const place = (name: string): Taken[] => {
      const known = this.#taken.get(`${path}/${name}`) ?? []
      this.#taken.set(`${path}/${name}`, known)
      return known
    }
    const clashes = place(key).some((taken) => {
      const apart = isObjectType(taken.parent) && isObjectType(parent) && taken.parent !== parent
      return taken.shape !== shape || (!apart && taken.head !== head)
    })
    const used = clashes ? `fresh${this.#count++}` : key
    place(used).push({ parent, head, shape })
    return `${head.split('(')[0] === used ? '' : `${used}: `}${head}${directives}`
  }

  /** Names of fields make the best aliases: they hide what the hub needs itself. */
  #alias(type: GraphQLCompositeType): string {
    const names = 'getFields' in type ? Object.keys(type.getFields()) : []
    return this.#pick(['a', 'b', ...names, '__typename'.slice(2)])
  }

  #inline(type: GraphQLCompositeType, depth: number, path: string): string {
    if (this.#chance(5)) return `...${this.#switch()} ${this.#selection(type, depth + 1, path)}`
    const on = this.#pick(this.#overlapping(type))
    return `... on ${on.name}${this.#switch()} ${this.#selection(on, depth + 1, path)}`
  }

  #spread(type: GraphQLCompositeType, depth: number, path: string): string {
    const known = this.#fragments.filter((fragment) => fragment.path === path && fragment.on === type)
    if (known.length > 0 && this.#chance(2)) return `...${this.#pick(known).name}${this.#switch()}`
    const on = this.#pick(this.#overlapping(type))
    const name = `Part${this.#count++}`
    const text = `fragment ${name} on ${on.name} ${this.#selection(on, depth + 1, path)}`
    this.#fragments.push({ name, on, path, text })
    return `...${name}${this.#switch()}`
  }

  /** Types that an object of `type` may also be, itself first. */
  #overlapping(type: GraphQLCompositeType): GraphQLCompositeType[] {
    const possible = this.#possible(type)
    const others = Object.values(this.#schema.getTypeMap()).filter(
      (other) =>
        isCompositeType(other) &&
        other !== type &&
        this.#possible(other).some((one) => possible.includes(one)),
    )
    return [type, ...(others as GraphQLCompositeType[])]
  }

  #possible(type: GraphQLCompositeType): readonly GraphQLObjectType[] {
    return isAbstractType(type) ? this.#schema.getPossibleTypes(type) : [type]
  }

  #switch(): string {
    const kind = this.#choose(12)
    if (kind < 8) return ''
    const directive = kind % 2 === 0 ? 'skip' : 'include'
    if (kind < 10) return ` @${directive}(if: ${String(this.#chance(2))})`
    const name = `switch${this.#choose(3)}`
    if (!(name in this.#variables)) {
      this.#variables[name] = this.#chance(2)
      this.#definitions.push(`$${name}: Boolean!`)
    }
    return ` @${directive}(if: $${name})`
  }

  #arguments(args: readonly GraphQLArgument[]): string {
    const given = args.flatMap((arg) => {
      if (!isRequiredArgument(arg) && this.#chance(2)) return []
      return [`${arg.name}: ${this.#input(arg.type, arg.defaultValue !== undefined, 0)}`]
    })
    return given.length > 0 ? `(${given.join(', ')})` : ''
  }

  #input(type: GraphQLInputType, hasDefault: boolean, depth: number): string {
    return this.#chance(3) ? this.#variable(type, hasDefault) : this.#literal(type, depth)
  }

  #variable(type: GraphQLInputType, hasDefault: boolean): string {
    const name = `input${this.#count++}`
    const nullable = getNullableType<GraphQLInputType>(type)
    const value = JSON.parse(toJson(this.#constant(nullable, 3))) as unknown
    const kind = this.#choose(4)
    if (kind === 0 || (isNonNullType(type) && kind === 1 && !hasDefault)) {
      this.#definitions.push(`$${name}: ${String(type)}`)
      this.#variables[name] = value
    } else if (kind === 1) {
      // May be left out: the argument then has its own default, or none.
      this.#definitions.push(`$${name}: ${String(nullable)}`)
      if (this.#chance(2)) this.#variables[name] = value
    } else {
      this.#definitions.push(`$${name}: ${String(nullable)} = ${this.#constant(nullable, 3)}`)
      if (this.#chance(2)) this.#variables[name] = this.#chance(3) ? null : value
    }
    return `$${name}`
  }

  #constant(type: GraphQLInputType, depth: number): string {
    return this.#literal(type, depth + 10)
  }

  /** Deeper than 9 there are no variables, and no optional parts. */
  #literal(type: GraphQLInputType, depth: number): string {
    if (!isNonNullType(type) && depth < 10 && this.#chance(6)) return 'null'
    return this.#present(getNullableType<GraphQLInputType>(type), depth)
  }

  #present(type: GraphQLInputType, depth: number): string {
    if (isListType(type)) {
      const items = Array.from({ length: this.#choose(3) }, () => this.#inner(type.ofType, depth + 1))
      return `[${items.join(', ')}]`
    }
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields()).flatMap((field) => {
        if (!isRequiredInputField(field) && (depth > 12 || (depth > 2 && depth < 10) || this.#chance(2)))
          return []
        return [`${field.name}: ${this.#inner(field.type, depth + 1)}`]
      })
      return `{${fields.join(', ')}}`
    }
    if (isEnumType(type)) return this.#pick(type.getValues()).name
    switch (type.name) {
      case 'Int':
        return String(this.#choose(100))
      case 'Float':
        return String(this.#choose(100) / 4)
      case 'Boolean':
        return String(this.#chance(2))
      default:
        return `"${this.#pick(['', 'x', 'ü中', '\\"'])}"`
    }
  }

  #inner(type: GraphQLInputType, depth: number): string {
    return depth < 10 && !isNonNullType(type) ? this.#input(type, false, depth) : this.#literal(type, depth)
  }
}

/** A constant literal as JSON: keys quoted, names of enum values too. */
const toJson = (literal: string): string =>
  literal.replaceAll(/"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*/g, (word) =>
    word.startsWith('"') || word === 'true' || word === 'false' || word === 'null' ? word : `"${word}"`,
  )
