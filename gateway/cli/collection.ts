// The documents of schema/operations as a Postman collection (format 2.1), which Bruno and Insomnia import
// too: one folder a file, one request an operation, with variables that fit the schema.

import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  Kind,
  parse,
  typeFromAST,
  visit,
  type DefinitionNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLInputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql'

/** The key of a demo hub for the operations of each file. */
const keyOfFile: Readonly<Record<string, string>> = {
  wallet: 'walletKey',
  counterparty: 'acquirerKey',
  operator: 'operatorKey',
  dashboard: 'operatorKey',
  portal: 'portalKey',
}

/** The collection as JSON. `sources` has the text of each file by its name. */
export function postmanCollection(schema: GraphQLSchema, sources: ReadonlyMap<string, string>): string {
  const variables = {
    url: 'http://127.0.0.1:4000',
    walletKey: 'demo-wallet',
    acquirerKey: 'demo-acquirer',
    operatorKey: 'demo-operator',
    portalKey: 'demo-portal',
  }
  const collection = {
    info: {
      name: 'Crossgate',
      description: 'Made by `npm run generate` from schema/operations. Set the variables `url` and the keys.',
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    variable: Object.entries(variables).map(([key, value]) => ({ key, value })),
    item: [...sources].map(([file, source]) => folderOf(schema, file, source)),
  }
  return `${JSON.stringify(collection, null, 2)}\n`
}

function folderOf(schema: GraphQLSchema, file: string, source: string) {
  const document = parse(source)
  const operations = document.definitions.filter(
    (node): node is OperationDefinitionNode => node.kind === Kind.OPERATION_DEFINITION,
  )
  return { name: file, item: operations.map((node) => requestOf(schema, file, source, document, node)) }
}

function requestOf(
  schema: GraphQLSchema,
  file: string,
  source: string,
  document: DocumentNode,
  operation: OperationDefinitionNode,
) {
  const textOf = ({ loc }: DefinitionNode): string => source.slice(loc!.start, loc!.end)
  const query = [operation, ...fragmentsOf(document, operation)].map(textOf).join('\n\n')
  const accept = operation.operation === 'subscription' ? 'text/event-stream' : 'application/json'
  return {
    name: operation.name!.value,
    request: {
      method: 'POST',
      url: { raw: '{{url}}/graphql', host: ['{{url}}'], path: ['graphql'] },
      header: [
        { key: 'authorization', value: `Bearer {{${keyOfFile[file] ?? 'operatorKey'}}}` },
        { key: 'content-type', value: 'application/json' },
        { key: 'accept', value: accept },
      ],
      body: {
        mode: 'graphql',
        graphql: { query, variables: JSON.stringify(variablesOf(schema, operation), null, 2) },
      },
    },
  }
}

/** The fragments that `operation` uses, also through others. */
function fragmentsOf(document: DocumentNode, operation: DefinitionNode): readonly FragmentDefinitionNode[] {
  const found = new Set<FragmentDefinitionNode>()
  const look = (node: DefinitionNode): void => {
    visit(node, {
      FragmentSpread({ name }) {
        const fragment = document.definitions.find(
          (one): one is FragmentDefinitionNode =>
            one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === name.value,
        )
        if (!fragment || found.has(fragment)) return
        found.add(fragment)
        look(fragment)
      },
    })
  }
  look(operation)
  return [...found]
}

/** Values for the variables that an operation requires. */
const variablesOf = (schema: GraphQLSchema, { variableDefinitions = [] }: OperationDefinitionNode) =>
  Object.fromEntries(
    variableDefinitions
      .filter(({ type }) => type.kind === Kind.NON_NULL_TYPE)
      .map(({ variable: { name }, type }) => [
        name.value,
        sampleOf(name.value, typeFromAST(schema, type as never) as unknown as GraphQLInputType),
      ]),
  )

/** A value of `type` for a field or variable called `name`; of an input, the fields that it requires. */
function sampleOf(name: string, type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return sampleOf(name, type.ofType)
  if (isListType(type)) return [sampleOf(name, type.ofType)]
  const named = getNamedType(type)
  if (isInputObjectType(named)) {
    const fields = Object.values(named.getFields())
    return Object.fromEntries(
      fields
        .filter((field) => isNonNullType(field.type) || field.name === 'idempotencyKey')
        .map((field) => [field.name, sampleOf(field.name, field.type)]),
    )
  }
  if (isEnumType(named)) return named.getValues()[0]!.name
  return sampleByName[name] ?? sampleByType[named.name] ?? name
}

const sampleByName: Readonly<Record<string, unknown>> = {
  wallet: 'wallet-sg-01',
  participant: 'wallet-sg-01',
  merchant: 'acquirer-cn-01.W000001',
  payload: '00020101021126370014…',
  settlementDate: '2026-11-01',
  status: 'SUSPENDED',
  capability: 'MPM_PAY',
  connection: 'STREAM',
  idempotencyKey: '{{$guid}}',
  reference: '{{$timestamp}}',
  roles: 'WALLET',
  url: 'https://pay.example/crossgate',
  events: 'APPROVED',
  mcc: '5812',
  lat: 31.23,
  lng: 121.47,
  radiusMeters: 1000,
  zoom: 3,
  west: 100,
  south: 0,
  east: 140,
  north: 50,
  last: 7,
}

const sampleByType: Readonly<Record<string, unknown>> = {
  Int: 10,
  Float: 1,
  Boolean: true,
  Decimal: '25.00',
  CurrencyCode: 'CNY',
  CountryCode: 'CN',
  DateTime: '2026-11-01T00:00:00Z',
  LocalDate: '2026-11-01',
}
