// Applies `@authenticated`, `@requiresScopes` and `@policy`. A field that the caller may not read is left out
// of the plan, so that no subgraph receives it; the response has null and an error in its place.

import {
  getNamedType,
  isInterfaceType,
  isObjectType,
  type ConstDirectiveNode,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql'
import { valuesOf, type Features } from './features.ts'

/** What the caller of one request may read. */
export interface Access {
  /** Whether `@authenticated` is met. */
  readonly isAuthenticated: boolean
  /** The scopes of `@requiresScopes` that the caller has. */
  readonly scopes?: ReadonlySet<string>
  /** The policies of `@policy` that the caller fulfils. */
  readonly policies?: ReadonlySet<string>
  /** Whether introspection also shows what the caller may not read. */
  readonly seesSchema?: boolean
}

/**
 * Returns what the caller may read, from the context of its request. What an operation may read is decided
 * once for each object that is returned, so callers with equal access should get the same one.
 */
export type AccessOf = (context: unknown) => Access

/** Fields that introspection does not show. */
export interface Hidden {
  /** The same for the same fields. */
  readonly key: string
  isForbidden(type: string, field: string): boolean
}

export interface AccessRules {
  /** Names of the directives that the supergraph uses. */
  readonly directives: readonly string[]
  /** The requirements of all fields, each once. */
  readonly requirements: readonly ((access: Access) => boolean)[]
  /**
   * The requirements of a field, as indexes: those of the field, of its type and interfaces, and of the type
   * that it returns.
   */
  of(type: string, field: string): ReadonlySet<number>
}

const none: ReadonlySet<number> = new Set()

export function readAccessRules(schema: GraphQLSchema, features: Features): AccessRules {
  const reader = new AccessReader(features)
  const own = (type: GraphQLObjectType | GraphQLInterfaceType, field: string): readonly number[] => {
    const declared = type.getFields()[field]
    return declared ? [...reader.of(type), ...reader.of(declared)] : []
  }
  /**
   * Composition adds the requirements of object types to their interface; any others apply to all of these.
   */
  const inherited = (parent: GraphQLInterfaceType, field: string): readonly number[] => {
    const ofTypes = new Set(schema.getPossibleTypes(parent).flatMap((type) => own(type, field)))
    return own(parent, field).filter((index) => !ofTypes.has(index))
  }
  const byField = new Map<string, ReadonlySet<number>>()
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue
    for (const { name, type: result } of Object.values(type.getFields())) {
      const ofInterfaces = type.getInterfaces().flatMap((parent) => inherited(parent, name))
      const required = [...own(type, name), ...ofInterfaces, ...reader.of(getNamedType(result))]
      if (required.length > 0) byField.set(`${type.name}.${name}`, new Set(required))
    }
  }
  return {
    directives: [...reader.directives].toSorted(),
    requirements: reader.requirements,
    of: (type, field) => byField.get(`${type}.${field}`) ?? none,
  }
}

class AccessReader {
  readonly directives = new Set<string>()
  readonly requirements: ((access: Access) => boolean)[] = []
  readonly #indexes = new Map<string, number>()
  readonly #features: Features

  constructor(features: Features) {
    this.#features = features
  }

  /** The requirements of a type or field itself. */
  of({
    astNode,
  }: {
    readonly astNode?: { readonly directives?: readonly ConstDirectiveNode[] | undefined } | null
  }): number[] {
    const found: number[] = []
    for (const directive of astNode?.directives ?? []) {
      const name = directive.name.value
      const { scopes, policies } = valuesOf(directive)
      if (!this.#features.has(name)) continue
      if (name === 'authenticated') {
        found.push(this.#add(name, '', ({ isAuthenticated }) => isAuthenticated))
      } else if (name === 'requiresScopes') {
        found.push(this.#add(name, scopes, (access) => hasAll(scopes, access.scopes)))
      } else if (name === 'policy') {
        found.push(this.#add(name, policies, (access) => hasAll(policies, access.policies)))
      }
    }
    return found
  }

  #add(directive: string, value: unknown, requirement: (access: Access) => boolean): number {
    this.directives.add(`@${directive}`)
    const key = `${directive} ${JSON.stringify(value)}`
    let index = this.#indexes.get(key)
    if (index === undefined) {
      index = this.requirements.push(requirement) - 1
      this.#indexes.set(key, index)
    }
    return index
  }
}

/** Whether all names of one of the lists are there. */
const hasAll = (lists: unknown, names: ReadonlySet<string> | undefined): boolean =>
  Array.isArray(lists) &&
  lists.some((list) => [list].flat().every((name) => names?.has(String(name)) === true))
