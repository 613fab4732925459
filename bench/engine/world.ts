// A small programme in memory, the same for all engines: as three subgraphs, and as one schema over the same
// maps.

export interface Participant {
  readonly id: string
  readonly name: string
  readonly country: string
  readonly status: string
}
export interface Merchant {
  readonly id: string
  readonly name: string
  readonly city: string
  readonly mcc: string
  readonly acquirer: { readonly id: string }
}
export interface Payment {
  readonly id: string
  readonly status: string
  readonly createdAt: string
  readonly merchantAmount: { readonly amount: string; readonly currency: string }
  readonly merchant: { readonly id: string }
  readonly acquirer: { readonly id: string }
  readonly wallet: { readonly id: string }
}

const list = <T>(length: number, make: (n: number) => T): T[] => Array.from({ length }, (_, n) => make(n))
const byId = <T extends { readonly id: string }>(rows: readonly T[]): ReadonlyMap<string, T> =>
  new Map(rows.map((row) => [row.id, row]))

const participants = list(200, (n) => ({
  id: `participant-${n}`,
  name: `Participant ${n} (invented)`,
  country: ['SG', 'TH', 'CN', 'KR'][n % 4]!,
  status: 'LIVE',
}))
const merchants = list(1000, (n) => ({
  id: `merchant-${n}`,
  name: `Noodle House “No. ${n}”`,
  city: 'Hangzhou',
  mcc: '5812',
  acquirer: { id: `participant-${n % 20}` },
}))
export const payments: readonly Payment[] = list(2000, (n) => ({
  id: `payment-${n}`,
  status: 'COMPLETED',
  createdAt: new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString(),
  merchantAmount: { amount: `${(n * 37) % 900}.50`, currency: 'CNY' },
  merchant: { id: `merchant-${(n * 7) % 1000}` },
  acquirer: { id: `participant-${(n * 7) % 20}` },
  wallet: { id: `participant-${20 + ((n * 13) % 180)}` },
}))
export const participantById = byId(participants)
export const merchantById = byId(merchants)

/** The page of payments from `skip`, which differs between consecutive requests. */
export const page = (first: number, skip: number): readonly Payment[] => payments.slice(skip, skip + first)

export const queries = [
  {
    name: 'one merchant and its acquirer',
    document: `query Q1($id: ID!) { merchant(id: $id) { id name city mcc acquirer { id name country status } } }`,
    variables: (n: number) => ({ id: `merchant-${n % 1000}` }),
  },
  {
    name: 'twenty payments by three subgraphs',
    document: `query Q2($skip: Int!) { payments(first: 20, skip: $skip) {
      id status createdAt merchantAmount { amount currency }
      merchant { id name city } acquirer { id name } wallet { id name country } } }`,
    variables: (n: number) => ({ skip: (n * 20) % 1980 }),
  },
  {
    name: 'one participant',
    document: `query Q3($id: ID!) { participant(id: $id) { id name country status } }`,
    variables: (n: number) => ({ id: `participant-${n % 200}` }),
  },
] as const

const types = {
  participant: `type Participant KEY { id: ID! name: String! country: String! status: String! }`,
  merchant: `type Merchant KEY { id: ID! name: String! city: String! mcc: String! acquirer: Participant! }`,
  payment: `type Payment KEY { id: ID! status: String! createdAt: String! merchantAmount: Money! merchant: Merchant! acquirer: Participant! wallet: Participant! }
    type Money { amount: String! currency: String! }`,
}
const federated = (sdl: string): string =>
  `extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key"])\n${sdl.replaceAll('KEY', '@key(fields: "id")')}`
const reference = (type: string): string => `type ${type} @key(fields: "id", resolvable: false) { id: ID! }`

export const monolithSdl = [
  `type Query { participant(id: ID!): Participant merchant(id: ID!): Merchant payments(first: Int!, skip: Int!): [Payment!]! }`,
  ...Object.values(types),
]
  .join('\n')
  .replaceAll('KEY', '')

type Args = { readonly id: string }
type PageArgs = { readonly first: number; readonly skip: number }
const Query = {
  participant: (_: unknown, { id }: Args) => participantById.get(id) ?? null,
  merchant: (_: unknown, { id }: Args) => merchantById.get(id) ?? null,
  payments: (_: unknown, { first, skip }: PageArgs) => page(first, skip),
}

export const monolithResolvers = {
  Query,
  Merchant: { acquirer: ({ acquirer }: Merchant) => participantById.get(acquirer.id) },
  Payment: {
    merchant: ({ merchant }: Payment) => merchantById.get(merchant.id),
    acquirer: ({ acquirer }: Payment) => participantById.get(acquirer.id),
    wallet: ({ wallet }: Payment) => participantById.get(wallet.id),
  },
}

const find =
  <T>(rows: ReadonlyMap<string, T>) =>
  (references: readonly { readonly id: string }[]) =>
    references.map(({ id }) => rows.get(id) ?? null)

/** The name, SDL and resolvers of each subgraph. */
export const subgraphs = [
  {
    name: 'participant',
    sdl: federated(`type Query { participant(id: ID!): Participant } ${types.participant}`),
    resolvers: {
      Query: { participant: Query.participant },
      Participant: { __resolveReferences: find(participantById) },
    },
  },
  {
    name: 'merchant',
    sdl: federated(
      `type Query { merchant(id: ID!): Merchant } ${types.merchant} ${reference('Participant')}`,
    ),
    resolvers: { Query: { merchant: Query.merchant }, Merchant: { __resolveReferences: find(merchantById) } },
  },
  {
    name: 'transaction',
    sdl: federated(
      `type Query { payments(first: Int!, skip: Int!): [Payment!]! } ${types.payment} ${reference('Participant')} ${reference('Merchant')}`,
    ),
    resolvers: { Query: { payments: Query.payments } },
  },
] as const

/** The same results joined by hand, as in a service written for these three requests only. */
export const byHand: readonly ((variables: never) => unknown)[] = [
  ({ id }: Args) => {
    const merchant = merchantById.get(id)
    if (!merchant) return { merchant: null }
    const { mcc, name, city } = merchant
    return { merchant: { id, name, city, mcc, acquirer: participantById.get(merchant.acquirer.id) } }
  },
  ({ skip }: { skip: number }) => ({
    payments: page(20, skip).map(({ id, status, createdAt, merchantAmount, ...keys }) => {
      const merchant = merchantById.get(keys.merchant.id)!
      const acquirer = participantById.get(keys.acquirer.id)!
      const wallet = participantById.get(keys.wallet.id)!
      return {
        id,
        status,
        createdAt,
        merchantAmount,
        merchant: { id: merchant.id, name: merchant.name, city: merchant.city },
        acquirer: { id: acquirer.id, name: acquirer.name },
        wallet: { id: wallet.id, name: wallet.name, country: wallet.country },
      }
    }),
  }),
  ({ id }: Args) => ({ participant: participantById.get(id) ?? null }),
]
