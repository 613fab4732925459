// Wrong values for every type of input, and the positions of the API schema that take input.

import {
  getNamedType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isAbstractType,
  isObjectType,
  isUnionType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql'

/** A field with arguments, and the fields that lead to it from a root type. */
export interface Target {
  readonly operation: 'query' | 'mutation' | 'subscription'
  readonly chain: readonly Link[]
}

interface Link {
  readonly field: GraphQLField<unknown, unknown>
  /** The object type to narrow to before the next field; null where the field's own type has it. */
  readonly narrowTo: string | null
}

/** One argument, or one field of an input object at any depth within it. */
export interface Position {
  readonly target: Target
  readonly path: readonly string[]
  readonly type: GraphQLInputType
}

/** Every field of the schema that takes arguments, each once, by the shortest way from a root type. */
export function targetsOf(schema: GraphQLSchema): readonly Target[] {
  const targets: Target[] = []
  const seen = new Set<string>()
  let found: { operation: Target['operation']; type: GraphQLNamedType; chain: readonly Link[] }[] = []
  for (const operation of ['query', 'mutation', 'subscription'] as const) {
    found.push({ operation, type: schema.getRootType(operation as never)!, chain: [] })
  }
  while (found.length > 0) {
    const next: typeof found = []
    for (const { operation, type, chain } of found) {
      if (!isObjectType(type) || seen.has(type.name)) continue
      seen.add(type.name)
      for (const field of Object.values(type.getFields())) {
        const longer = [...chain, { field, narrowTo: null }]
        if (field.args.length > 0) targets.push({ operation, chain: longer })
        const inner = getNamedType(field.type)
        // A mutation must have an effect only once, so fields below it are reached from queries.
        if (operation === 'mutation') continue
        const types = isAbstractType(inner) ? schema.getPossibleTypes(inner) : [inner]
        for (const one of types) {
          const narrowTo = one === inner ? null : one.name
          next.push({ operation, type: one, chain: [...chain, { field, narrowTo }] })
        }
      }
    }
    found = next
  }
  return targets
}

/** Every input position of a target's own arguments. */
export function positionsOf(target: Target): readonly Position[] {
  const { args } = target.chain.at(-1)!.field
  const walk = (input: GraphQLArgument | GraphQLInputField, before: readonly string[]): Position[] => {
    const path = [...before, input.name]
    const named = getNamedType(input.type)
    const inner = isInputObjectType(named)
      ? Object.values(named.getFields()).flatMap((field) => walk(field, path))
      : []
    return [{ target, path, type: input.type }, ...inner]
  }
  return args.flatMap((argument) => walk(argument, []))
}

/** Gives a valid value for an input of this name and type. */
export type Example = (name: string, type: GraphQLNamedType) => unknown

/** Optional fields that an input type needs for its rules, by the field that is tried. */
const alsoNeeded: Readonly<Record<string, (tried: string | undefined) => readonly string[]>> = {
  RangeInput: (tried) =>
    tried === undefined ? ['lastDays'] : ['from', 'to'].filter(() => tried !== 'lastDays'),
  QuotePaymentInput: (tried) => (tried === 'payload' ? [] : ['merchant', 'amount']),
  SubmitPaymentInput: (tried) =>
    tried === 'payload' || tried === 'quote' ? [] : ['merchant', 'amount', 'payerCurrency'],
}

/**
 * The smallest valid value of a type. Its field at `path` is set to `value`, also when it could be left out.
 */
export function smallest(
  type: GraphQLInputType,
  name: string,
  example: Example,
  path: readonly string[] = [],
  value?: unknown,
): unknown {
  if (isNonNullType(type)) return smallest(type.ofType, name, example, path, value)
  if (isListType(type)) return [smallest(type.ofType, name, example, path, value)]
  if (!isInputObjectType(type)) return isEnumType(type) ? type.getValues()[0]!.name : example(name, type)
  const [next, ...rest] = path
  const members = Object.values(type.getFields()).flatMap((field): [string, unknown][] => {
    if (field.name === next) {
      return [[next, rest.length === 0 ? value : smallest(field.type, next, example, rest, value)]]
    }
    const isNeeded =
      (isNonNullType(field.type) && field.defaultValue === undefined) ||
      alsoNeeded[type.name]?.(next).includes(field.name)
    return isNeeded ? [[field.name, smallest(field.type, field.name, example)]] : []
  })
  return Object.fromEntries(members)
}

/** The arguments of a target with `value` at a position, by argument name. */
export function argumentsWith(
  { target, path: [first, ...rest] }: Position,
  value: unknown,
  example: Example,
): Record<string, unknown> {
  return Object.fromEntries(
    target.chain.at(-1)!.field.args.flatMap((argument): [string, unknown][] => {
      const { name, type, defaultValue } = argument
      if (name === first)
        return [[name, rest.length === 0 ? value : smallest(type, name, example, rest, value)]]
      const isNeeded = isNonNullType(type) && defaultValue === undefined
      return isNeeded ? [[name, smallest(type, name, example)]] : []
    }),
  )
}

/** A document that calls a target with variables for its arguments, or with literals. */
export function documentOf(
  { operation, chain }: Target,
  args: Readonly<Record<string, unknown>>,
  form: 'variables' | 'literals',
  example: Example,
): string {
  const { field: last } = chain.at(-1)!
  const used = last.args.filter(({ name }) => Object.hasOwn(args, name))
  const definitions = used.map(({ name, type }) => `$${name}: ${String(type)}`)
  const own = used.map(({ name, type }) =>
    form === 'variables' ? `${name}: $${name}` : `${name}: ${literalOf(args[name], type)}`,
  )
  const head = form === 'variables' && definitions.length > 0 ? `(${definitions.join(', ')})` : ''
  const body = chain.reduceRight(
    (inner, { field, narrowTo }, n) => {
      const needed = field.args
        .filter(({ type, defaultValue }) => isNonNullType(type) && defaultValue === undefined)
        .map(({ name, type }) => `${name}: ${literalOf(smallest(type, name, example), type)}`)
      const texts = n === chain.length - 1 ? own : needed
      const call = texts.length > 0 ? `(${texts.join(', ')})` : ''
      const set = narrowTo === null || inner === '' ? inner : `{ ... on ${narrowTo} ${inner} }`
      return `{ ${field.name}${call} ${set} }`
    },
    selectionOf(getNamedType(last.type), form === 'variables' ? 2 : 0),
  )
  return `${operation}${head} ${body}`
}

const selections = new Map<string, string>()

/** The leaf fields of a type, and of the types of its fields for some levels. */
function selectionOf(type: GraphQLNamedType, depth: number): string {
  const key = `${type.name} ${depth}`
  const present = selections.get(key)
  if (present !== undefined) return present
  const selection = makeSelection(type, depth)
  selections.set(key, selection)
  return selection
}

function makeSelection(type: GraphQLNamedType, depth: number): string {
  if (!isCompositeType(type)) return ''
  if (isUnionType(type)) {
    const members = type.getTypes().map((one) => `... on ${one.name} ${selectionOf(one, 0)}`)
    return `{ __typename ${members.join(' ')} }`
  }
  const fields = Object.values(type.getFields())
    .filter(({ args }) => args.length === 0)
    .flatMap(({ name, type: inner }) => {
      const named = getNamedType(inner)
      // Fields of different types under one name must not meet in a union.
      const alias = depth === 0 ? `${type.name}_${name}: ` : ''
      if (!isCompositeType(named)) return [`${alias}${name}`]
      return depth > 0 && isObjectType(named) ? [`${alias}${name} ${selectionOf(named, depth - 1)}`] : []
    })
  return `{ __typename ${fields.join(' ')} }`
}

/** A value as the literal that a client would write for this type. */
export function literalOf(value: unknown, type: GraphQLInputType | null): string {
  const nullable = type && isNonNullType(type) ? type.ofType : type
  if (Array.isArray(value)) {
    const item = nullable && isListType(nullable) ? nullable.ofType : nullable
    return `[${value.map((one) => literalOf(one, item)).join(', ')}]`
  }
  if (typeof value === 'object' && value !== null) {
    const item = nullable && getNamedType(nullable)
    const fields = item && isInputObjectType(item) ? item.getFields() : {}
    const members = Object.entries(value).map(
      ([name, one]) => `${name}: ${literalOf(one, Object.hasOwn(fields, name) ? fields[name]!.type : null)}`,
    )
    return `{${members.join(', ')}}`
  }
  if (typeof value === 'bigint') return String(value)
  const isName = typeof value === 'string' && /^[A-Za-z]\w*$/.test(value)
  return isName && nullable && isEnumType(getNamedType(nullable)) ? value : JSON.stringify(value)
}

const nested = (levels: number): unknown => {
  let value: unknown = []
  for (let n = 0; n < levels; n++) value = [value]
  return value
}

/** Values of other JSON types, and numbers beyond those of most types. */
const wrongShapes: readonly unknown[] = [
  null, true, 1.5, 9_223_372_036_854_775_808n, {}, { $ne: null }, [], [null], -1, nested(100),
  Array.from({ length: 60 }, () => 'x'),
] // prettier-ignore

/** Texts that are wrong by their length or their characters. */
const wrongTexts: readonly string[] = [
  '', '\u0000', '\ud800', '"\\\b', '💸', ' x', 'a\udfffb', '\u202e\u2028', '__proto__', 'constructor', '$where',
  'x'.repeat(65), 'x'.repeat(5_000), '9'.repeat(400),
] // prettier-ignore

const wrongByType: Readonly<Record<string, readonly unknown[]>> = {
  Int: [1, 20, 100, 101, 500, 501, 2_147_483_647, -2_147_483_648, '5', 1e21],
  Float: [-0, 90, 90.0001, 180, -180.5, 1e-320, -1e308, '5', 9_007_199_254_740_993n],
  Boolean: [false, 'true', 1],
  ID: [1, 9_007_199_254_740_993n, -9_223_372_036_854_775_809n, '0198a5b0-0000-7000-8000-000000000000',
    '0198a5b0-0000-7000-8000-00000000000g', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'acquirer-cn-01.M000001',
    'acquirer-cn-01.', '.', 'SG-CN', 'sg-cn', 'wallet-sg-01'],
  String: ['CNY', '*', 'http://[::1', 'https://127.0.0.1/x', 'https://exa\u0000mple.com', 'eyJ9', 'MTIz', '5812',
    '000201', '00020101021126', `hQVDUFYwMWE${'A'.repeat(40)}`, 'x'.repeat(4_097)],
  Decimal: ['0', '0.00', '-1.00', '+1', '1e5', '1,5', '1.', '.5', '0.001', '99999999999999999999999.99', 'NaN',
    'Infinity', '0x10', '٣', '1_000', '92233720368547758.08', `0.${'0'.repeat(200)}1`],
  DateTime: ['2026-03-01', '2026-02-30T00:00:00Z', '0000-01-01T00:00:00Z', '0001-01-01T00:00:00+23:59',
    '9999-12-31T23:59:59Z', '9999-12-31T23:59:59-23:59', '2026-03-01T24:00:00Z', '2026-03-01T23:59:60Z',
    '+010000-01-01T00:00:00Z', '2026-03-01T09:30:00'],
  LocalDate: ['2026-02-30', '2026-13-01', '0000-00-00', '0000-01-01', '9999-12-31', '2026-3-1', '2026-03-01T00:00'],
  CurrencyCode: ['XXX', 'XAU', 'cny', 'USDT', '156', 'CN¥', 'JPY'],
  CountryCode: ['ZZ', 'cn', 'CHN', '156', 'HK', 'AQ'],
} // prettier-ignore

/** A value to try, and the form in which it is sent. */
export interface Attempt {
  readonly value: unknown
  readonly form: 'variables' | 'literals'
}

/**
 * The values to try at a position of this type, each as a variable. Those that the engine reads differently
 * in a document are tried as a literal too.
 */
export function attemptsAt(type: GraphQLInputType): readonly Attempt[] {
  const named = getNamedType(type)
  const own = isEnumType(named)
    ? ['NOPE', named.getValues()[0]!.name.toLowerCase(), ...named.getValues().map(({ name }) => name)]
    : (wrongByType[named.name] ?? [])
  const isPlainText = ['ID', 'String'].includes(named.name)
  const texts = isPlainText ? wrongTexts : wrongTexts.slice(0, 4)
  const isList = isListType(isNonNullType(type) ? type.ofType : type)
  const single = [...texts, ...own].map((value) => (isList ? [value] : value))
  const literals = [...wrongShapes.slice(0, 6), ...(isPlainText ? texts.slice(0, 5) : own.slice(0, 12))]
  return [
    ...[...wrongShapes, ...single].map((value): Attempt => ({ value, form: 'variables' })),
    ...literals.map((value): Attempt => ({ value, form: 'literals' })),
  ]
}
