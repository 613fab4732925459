// What an operation costs, before anything is fetched, by `@cost` and `@listSize` of the cost specification
// 0.1.
//
// An object costs 1 and a leaf 0, unless its field or type has a `@cost`. A list costs as much as its items:
// their number comes from a slicing argument, or else from `assumedSize`, or else it is `listSize`. Without a
// `@listSize`, `first` and `last` are slicing arguments. A mutation costs 10 more. Where a type is abstract,
// its most costly object type counts. A negative weight counts as 0.

import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInputObjectType,
  isListType,
  isNonNullType,
  Kind,
  valueFromAST,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLOutputType,
} from 'graphql'
import { memberOf } from './codegen.ts'
import type { Variables } from './connection.ts'
import type { CostRules } from './cost-rules.ts'
import type { Arguments } from './features.ts'
import type { Operation } from './operation.ts'
import { rootShape, type Shape, type ShapeField } from './shape.ts'
import { noOverrides, switchesKey } from './variant.ts'

/** What a selection costs: a part that is always the same, and lists whose size depends on variables. */
interface Price {
  readonly constant: number
  readonly terms: readonly ((evaluation: Evaluation) => number)[]
}

/** One evaluation, with the prices that it has found: a shape may be in many places. */
interface Evaluation {
  readonly variables: Variables
  readonly found: Map<Price, number>
}

const free: Price = { constant: 0, terms: [] }
const mutationCost = 10

/** The most settings of switches whose prices are cached. */
const cachedMax = 16

/** Returns the cost of the operation with coerced variables. `listSize` is that of a list without a size. */
export function compileCost(operation: Operation, listSize: number): (variables: Variables) => number {
  const { switches, definition } = operation
  const prices = new Map<string, Price>()
  const base = definition.operation === 'mutation' ? mutationCost : 0
  return (variables) => {
    const key = switchesKey(switches, variables)
    let price = prices.get(key)
    if (!price) {
      const values = new Map(switches.map((name) => [name, variables[name] === true]))
      const variant = { switches: values, overrides: noOverrides, isForbidden: null, isHidden: null }
      price = new Pricing(operation, listSize).ofSelection(rootShape(operation, variant), noSizes)
      if (prices.size < cachedMax) prices.set(key, price)
    }
    if (price.terms.length === 0) return base + price.constant
    return base + evaluate(price, { variables, found: new Map() })
  }
}

const evaluate = ({ constant, terms }: Price, evaluation: Evaluation): number =>
  terms.reduce((sum, term) => sum + term(evaluation), constant)

/** The same price, which is evaluated once. */
function evaluatedOnce(price: Price): Price {
  if (price.terms.length === 0) return price
  const term = (evaluation: Evaluation): number => {
    const { found } = evaluation
    let value = found.get(price)
    if (value === undefined) found.set(price, (value = evaluate(price, evaluation)))
    return value
  }
  return { constant: 0, terms: [term] }
}

type Size = number | ((variables: Variables) => number)
/** The sizes of fields of an object, which the field that returns it has set by `sizedFields`. */
type SizedFields = ReadonlyMap<string, Size>
const noSizes: SizedFields = new Map()

class Pricing {
  readonly #operation: Operation
  readonly #listSize: number
  readonly #rules: CostRules
  /** Prices of shapes whose fields have no size from outside: one fragment may be in many places. */
  readonly #shapes = new Map<Shape, Price>()

  constructor(operation: Operation, listSize: number) {
    this.#operation = operation
    this.#listSize = listSize
    this.#rules = operation.schema.costs
  }

  ofSelection(shape: Shape, sized: SizedFields): Price {
    const known = sized.size === 0 ? this.#shapes.get(shape) : undefined
    if (known) return known
    const { graphql } = this.#operation.schema
    const types = isAbstractType(shape.type) ? graphql.getPossibleTypes(shape.type) : [shape.type]
    const price = evaluatedOnce(
      most(types.map((type) => total(shape.fieldsOf(type).map((field) => this.#ofField(field, sized))))),
    )
    if (sized.size === 0) this.#shapes.set(shape, price)
    return price
  }

  #ofField(field: ShapeField, sized: SizedFields): Price {
    const { name, parent, type, shape } = field
    const coordinate = `${parent.name}.${name}`
    const named = getNamedType(type)
    const { weights, listSizes } = this.#rules
    const defined = 'getFields' in parent ? parent.getFields()[name] : undefined
    if (!defined) return free
    const rule = listSizes.get(coordinate) ?? pagedRule(type, defined)
    const size = rule && this.#sizeBy(rule, field, defined)
    const sizedBelow = rule && size !== undefined ? sizedFields(rule, size) : noSizes
    const own = weights.get(coordinate) ?? weights.get(named.name) ?? (isCompositeType(named) ? 1 : 0)
    const inner = shape ? this.ofSelection(shape, sizedBelow) : free
    const item: Price = { constant: own + inner.constant, terms: inner.terms }
    const ownSize = sizedBelow.size > 0 ? undefined : size
    const items = isList(type) ? times(item, ownSize ?? sized.get(name) ?? this.#listSize) : item
    return total([items, this.#ofArguments(coordinate, field, defined)])
  }

  /** The number of items by `@listSize`; undefined when it gives none. */
  #sizeBy(rule: Arguments, field: ShapeField, defined: GraphQLField<unknown, unknown>): Size | undefined {
    const assumed = typeof rule['assumedSize'] === 'number' ? Math.max(0, rule['assumedSize']) : undefined
    const slicing = Array.isArray(rule['slicingArguments']) ? (rule['slicingArguments'] as string[]) : []
    if (slicing.length === 0) return assumed
    const read = slicing.map((name) => slicingArgument(name, field, defined))
    return (variables) => {
      const given = read.map((value) => value(variables)).filter((value) => typeof value === 'number')
      return given.length > 0 ? Math.max(0, ...given) : (assumed ?? this.#listSize)
    }
  }

  #ofArguments(coordinate: string, field: ShapeField, { args }: GraphQLField<unknown, unknown>): Price {
    const { weights } = this.#rules
    const priced = args.filter(
      ({ name, type }) => weights.has(`${coordinate}(${name}:)`) || this.#hasWeight(type, new Set()),
    )
    const terms = priced.map(({ name, type }) => {
      const value = argumentValue(name, type, field)
      const weight = weights.get(`${coordinate}(${name}:)`)
      return ({ variables }: Evaluation) => {
        const given = value(variables)
        return given === undefined ? 0 : this.#ofInput(given, type, weight)
      }
    })
    return { constant: 0, terms }
  }

  #hasWeight(type: GraphQLInputType, within: Set<string>): boolean {
    const named = getNamedType(type)
    if (this.#rules.weights.has(named.name)) return true
    if (!isInputObjectType(named) || within.has(named.name)) return false
    within.add(named.name)
    return Object.values(named.getFields()).some(
      (field) =>
        this.#rules.weights.has(`${named.name}.${field.name}`) || this.#hasWeight(field.type, within),
    )
  }

  #ofInput(value: unknown, type: GraphQLInputType, weight: number | undefined): number {
    if (Array.isArray(value))
      return value.reduce<number>((sum, item) => sum + this.#ofInput(item, type, weight), 0)
    const named = getNamedType(type)
    const own = weight ?? this.#rules.weights.get(named.name) ?? 0
    if (!isInputObjectType(named) || typeof value !== 'object' || value === null) return own
    return Object.values(named.getFields()).reduce((sum, field) => {
      const inner = memberOf(value, field.name)
      if (inner === undefined) return sum
      return sum + this.#ofInput(inner, field.type, this.#rules.weights.get(`${named.name}.${field.name}`))
    }, own)
  }
}

const isList = (type: GraphQLOutputType): boolean => isListType(isNonNullType(type) ? type.ofType : type)

/**
 * The rule for a field that has none and takes `first` or `last`: they are the size of its list, or of the
 * lists in the page that it returns.
 */
function pagedRule(type: GraphQLOutputType, { args }: GraphQLField<unknown, unknown>): Arguments | undefined {
  const slicingArguments = args.map(({ name }) => name).filter((name) => name === 'first' || name === 'last')
  if (slicingArguments.length === 0) return undefined
  const named = getNamedType(type)
  if (isList(type) || !('getFields' in named)) return { slicingArguments }
  const lists = Object.values((named as GraphQLObjectType).getFields()).filter((field) => isList(field.type))
  return { slicingArguments, sizedFields: lists.map(({ name }) => name) }
}

const sizedFields = (rule: Arguments, size: Size): SizedFields =>
  new Map((Array.isArray(rule['sizedFields']) ? rule['sizedFields'] : []).map((name) => [String(name), size]))

/** Reads an argument that may have a default. */
function slicingArgument(
  name: string,
  field: ShapeField,
  { args }: GraphQLField<unknown, unknown>,
): (variables: Variables) => unknown {
  const argument = args.find((each) => each.name === name)
  if (!argument) return () => undefined
  const read = argumentValue(name, argument.type, field)
  return (variables) => read(variables) ?? argument.defaultValue
}

/** The coerced value that the document or its variables give an argument; undefined when it is left out. */
function argumentValue(
  name: string,
  type: GraphQLInputType,
  { nodes }: ShapeField,
): (variables: Variables) => unknown {
  const node = nodes[0]!.arguments?.find((argument) => argument.name.value === name)?.value
  if (!node) return () => undefined
  if (node.kind !== Kind.VARIABLE) return (variables) => valueFromAST(node, type, variables)
  const variable = node.name.value
  return (variables) => variables[variable]
}

function times({ constant, terms }: Price, size: Size): Price {
  if (typeof size === 'number' && terms.length === 0) return { constant: constant * size, terms }
  const price = { constant, terms }
  const sizeOf = typeof size === 'number' ? () => size : size
  const term = (evaluation: Evaluation): number => sizeOf(evaluation.variables) * evaluate(price, evaluation)
  return { constant: 0, terms: [term] }
}

const total = (prices: readonly Price[]): Price => ({
  constant: prices.reduce((sum, { constant }) => sum + constant, 0),
  terms: prices.flatMap(({ terms }) => terms),
})

function most(prices: readonly Price[]): Price {
  const [only = free] = prices
  if (prices.length <= 1) return only
  if (prices.every(({ terms }) => terms.length === 0))
    return { constant: Math.max(...prices.map(({ constant }) => constant)), terms: [] }
  return {
    constant: 0,
    terms: [(evaluation) => Math.max(...prices.map((price) => evaluate(price, evaluation)))],
  }
}
