// The reference page for people, as Markdown: what can be asked, of which types, and every code that can come back.

import {
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
  getNamedType,
  print,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type GraphQLType,
} from 'graphql'

/** A table of the page: its heading, a sentence, and rows of cells. */
export interface ReferenceTable {
  readonly title: string
  readonly about: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** The page for `schema`, with `tables` before its types. Operations and types go by name, fields as they were written. */
export function referencePage(schema: GraphQLSchema, tables: readonly ReferenceTable[]): string {
  const roots = [
    ['Queries', schema.getQueryType()],
    ['Mutations', schema.getMutationType()],
    ['Subscriptions', schema.getSubscriptionType()],
  ] as const
  const types = Object.values(schema.getTypeMap())
    .filter((type) => !type.name.startsWith('__') && !isSpecifiedScalarType(type))
    .filter((type) => !roots.some(([, root]) => root === type))
  return `${[
    '# Reference',
    'Made by `npm run generate` from the subgraphs’ schemas and the tables of codes. Do not edit.',
    contents(['Queries', 'Mutations', 'Subscriptions', ...tables.map(({ title }) => title), 'Types']),
    ...roots.flatMap(([title, root]) => (root ? [`## ${title}`, ...operations(root)] : [])),
    ...tables.flatMap(({ title, about, columns, rows }) => [`## ${title}`, about, table(columns, rows)]),
    '## Types',
    ...byName(types).flatMap(typeSection),
  ].join('\n\n')}\n`
}

const contents = (titles: readonly string[]): string =>
  titles.map((title) => `- [${title}](#${anchorOf(title)})`).join('\n')

/** As GitHub makes anchors of headings. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const operations = (root: GraphQLObjectType): string[] =>
  byName(Object.values(root.getFields())).flatMap((field) => [
    `### ${field.name}`,
    field.description ?? '',
    `Answers ${link(field.type)}${alternatives(field)}.`,
    ...(field.args.length > 0 ? [table(['argument', 'type', 'what'], field.args.map(inputRow))] : []),
  ])

function alternatives({ type }: GraphQLField<unknown, unknown>): string {
  const named = getNamedType(type)
  return isUnionType(named) ? `: ${named.getTypes().map(link).join(', ')}` : ''
}

function typeSection(type: GraphQLNamedType): string[] {
  const head = [`### ${headingOf(type)}`, type.description ?? '']
  if (isObjectType(type) || isInterfaceType(type)) {
    return [...head, table(['field', 'type', 'what'], Object.values(type.getFields()).map(fieldRow))]
  }
  if (isInputObjectType(type)) {
    return [...head, table(['field', 'type', 'what'], Object.values(type.getFields()).map(inputRow))]
  }
  if (isEnumType(type)) {
    return [
      ...head,
      table(
        ['value', 'what'],
        type.getValues().map(({ name, description }) => [`\`${name}\``, description ?? '']),
      ),
    ]
  }
  if (isUnionType(type)) return [...head, `One of ${type.getTypes().map(link).join(', ')}.`]
  return head
}

/** With its kind in front, or `activity` the query and `Activity` the type would share an anchor. */
function headingOf(type: GraphQLNamedType): string {
  return `${kindOf(type)} ${type.name}`
}

function kindOf(type: GraphQLNamedType): string {
  if (isScalarType(type)) return 'scalar'
  if (isEnumType(type)) return 'enum'
  if (isUnionType(type)) return 'union'
  if (isInputObjectType(type)) return 'input'
  return isInterfaceType(type) ? 'interface' : 'type'
}

function fieldRow({ name, args, type, description }: GraphQLField<unknown, unknown>): string[] {
  const inputs = args.map((arg) => `\`${arg.name}\`: ${link(arg.type)}`).join(', ')
  return [`\`${name}\`${inputs && ` (${inputs})`}`, link(type), description ?? '']
}

const inputRow = ({ name, type, description, astNode }: GraphQLArgument | GraphQLInputField): string[] => {
  const value = astNode?.defaultValue
  return [`\`${name}\``, link(type), `${description ?? ''}${value ? ` Default \`${print(value)}\`.` : ''}`]
}

function link(type: GraphQLType): string {
  const text = String(type)
  const named = getNamedType(type)
  return isSpecifiedScalarType(named) ? `\`${text}\`` : `[\`${text}\`](#${anchorOf(headingOf(named))})`
}

const table = (columns: readonly string[], rows: readonly (readonly string[])[]): string =>
  [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n')

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

const byName = <Named extends { readonly name: string }>(all: readonly Named[]): Named[] =>
  all.toSorted((a, b) => (a.name < b.name ? -1 : 1))
