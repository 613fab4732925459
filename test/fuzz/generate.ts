// Random operations for one root field of the API schema: valid by construction, with values that are valid,
// unknown, hostile or at the edge of their scalar.

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
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql'

/** Gives a number below `below`. */
export type Choose = (below: number) => number

/** The same numbers for the same seed (mulberry32). */
export function chooseFrom(seed: number): Choose {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const texts = [
  '',
  'text',
  'SIM-AM04',
  'ADJUSTED 漢字 🙂',
  '\u0000\u0007',
  '$where',
  '{"$gt":""}',
  '../../etc/passwd',
  "' OR 1=1 --",
  '=HYPERLINK("x")',
  '<script>alert(1)</script>',
  '%s%n%x',
  'a'.repeat(300),
  '00020101021126',
  'https://qr.95516.com/00010000/01',
  '*',
]

/** Values of each scalar, also wrong ones. */
const scalars: Readonly<Record<string, readonly unknown[]>> = {
  Int: [0, 1, 5, -1, 100, 2_147_483_647, -2_147_483_648],
  Float: [0, 1.5, -180, 180, 90, 1e9, -1e9, 1e-9],
  Boolean: [true, false],
  ID: [
    'wallet-sg-01',
    'acquirer-cn-01',
    'acquirer-cn-01.M000001',
    'SG-CN',
    '01a21059-bbfb-75cc-a149-d9f33f8c31ad',
    'key-0123456789abcdef01234567',
    ...texts,
  ],
  String: [...texts, 'CNY', 'payments:read', 'WALLET', 'ACTIVE', 'COMPLETED', '2026-11-25'],
  Decimal: ['1', '0.01', '215.50', '0', '-1', '9000000000000000', '1e3', '1.005', ''],
  DateTime: ['2026-03-01T09:30:00.000Z', '2026-13-01T00:00:00Z', '1970-01-01T00:00:00+14:00', 'now'],
  LocalDate: ['2026-03-01', '2026-02-30', '0000-01-01', 'today'],
  CurrencyCode: ['CNY', 'SGD', 'JPY', 'XXX', 'cny'],
  CountryCode: ['CN', 'SG', 'TH', 'ZZ', ''],
}

export type OperationKind = 'query' | 'mutation' | 'subscription'

export interface RandomOperation {
  readonly query: string
  readonly variables: Readonly<Record<string, unknown>>
}

const depthMax = 4
const listMax = 3

/** A random operation that selects `root`. */
export function randomOperation(
  schema: GraphQLSchema,
  kind: OperationKind,
  root: GraphQLField<unknown, unknown>,
  choose: Choose,
): RandomOperation {
  const variables: Record<string, unknown> = {}
  const declared: string[] = []

  const valueOf = (type: GraphQLInputType, depth: number): unknown => {
    if (isNonNullType(type)) return valueOf(type.ofType, depth)
    const inner = getNullableType(type)
    if (isListType(inner)) {
      return Array.from({ length: choose(listMax) }, () => valueOf(inner.ofType, depth + 1))
    }
    if (isEnumType(inner)) return inner.getValues()[choose(inner.getValues().length)]!.name
    if (isInputObjectType(inner)) return inputOf(Object.values(inner.getFields()), depth + 1)
    const values = scalars[(inner as GraphQLNamedType).name]!
    return values[choose(values.length)]
  }
  const inputOf = (fields: readonly GraphQLInputField[], depth: number): Record<string, unknown> =>
    Object.fromEntries(
      fields
        .filter((field) => isRequiredInputField(field) || (depth < depthMax && choose(2) === 0))
        .map((field) => [field.name, valueOf(field.type, depth)]),
    )
  const argument = (arg: GraphQLArgument): string => {
    const name = `v${declared.length}`
    declared.push(`$${name}: ${String(arg.type)}`)
    variables[name] = valueOf(arg.type, 0)
    return `${arg.name}: $${name}`
  }
  const call = ({ name, args }: GraphQLField<unknown, unknown>): string => {
    const given = args.filter((arg) => isRequiredArgument(arg) || choose(2) === 0).map(argument)
    return given.length > 0 ? `${name}(${given.join(', ')})` : name
  }
  let aliases = 0
  const selectionOf = (type: GraphQLNamedType, depth: number): string => {
    if (!isCompositeType(type)) return ''
    if (isAbstractType(type)) {
      const parts = schema
        .getPossibleTypes(type)
        .map((one) => `... on ${one.name} ${selectionOf(one, depth)}`)
      return `{ __typename ${parts.join(' ')} }`
    }
    const fields = isObjectType(type) ? Object.values(type.getFields()) : []
    const chosen = fields.filter(
      (field) => choose(3) === 0 && (depth < depthMax || !isCompositeType(getNamedType(field.type))),
    )
    const parts = chosen.map(
      (field) => `a${aliases++}: ${call(field)} ${selectionOf(getNamedType(field.type), depth + 1)}`,
    )
    return `{ __typename ${parts.join(' ')} }`
  }
  const body = `${call(root)} ${selectionOf(getNamedType(root.type), 1)}`
  const head = declared.length > 0 ? `${kind}(${declared.join(', ')})` : kind
  return { query: `${head} { ${body} }`, variables }
}
