// The schema and the events of all servers: events of payments, each with its merchant. The events are
// invented, because the benchmark measures their delivery.

import type { PaymentId } from '../../schema/values/id.ts'
import type { LogEntry } from '../../subgraphs/log/entry.ts'
import type { LogReader } from '../../subgraphs/log/reader.ts'
import { anId } from '../../test/fixtures/an-id.ts'

export const document = `subscription Follow($after: String) {
  transactionEvents(after: $after) { cursor sentAt kind to
    transaction { id status merchantAmount { amount currency } merchant { id name city } wallet { id name } } } }`

/** The same for real payments, with one event each; `where` is the filter argument. */
export const eventDocument = (
  where: string,
): string => `subscription { transactionEvents${where} { cursor kind to
  transaction { id status ... on Payment {
    merchantAmount { amount currency } merchant { id name city } wallet { id name } } } } }`

/** The schema of the two monoliths; the hub has the same in two subgraphs, without the mutation. */
export const monolithSdl = `
  type Query { nothing: Int }
  type Mutation { submitPayment(reference: String!): Payment! }
  type Subscription { transactionEvents(after: String): Event! }
  type Event { cursor: String! sentAt: Float! kind: String! to: String! transaction: Payment }
  type Payment { id: ID! status: String! merchantAmount: Money! merchant: Merchant! wallet: Participant! }
  type Money { amount: String! currency: String! }
  type Merchant { id: ID! name: String! city: String! }
  type Participant { id: ID! name: String! }`

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key"])`

export const eventsSdl = `${link}
  type Query { nothing: Int }
  type Subscription { transactionEvents(after: String): Event! }
  type Event { cursor: String! sentAt: Float! kind: String! to: String! transaction: Payment }
  type Payment @key(fields: "id") {
    id: ID! status: String! merchantAmount: Money! merchant: Merchant! wallet: Participant! }
  type Money { amount: String! currency: String! }
  type Merchant @key(fields: "id", resolvable: false) { id: ID! }
  type Participant @key(fields: "id", resolvable: false) { id: ID! }`

export const directorySdl = `${link}
  type Query { merchant: Merchant }
  type Merchant @key(fields: "id") { id: ID! name: String! city: String! }
  type Participant @key(fields: "id") { id: ID! name: String! }`

export interface BenchEvent {
  readonly position: number
  /** Milliseconds since 1970, with fractions. */
  readonly sentAt: number
}

/** The time by a clock that all processes of this machine share. */
export const nowMs = (): number => performance.timeOrigin + performance.now()

export const paymentOf = ({ position }: BenchEvent) => ({
  id: paymentIdOf(position),
  status: 'COMPLETED',
  merchantAmount: { amount: '215.50', currency: 'CNY' },
  merchant: merchantOf(`acquirer-cn-01.M${position % 1000}`),
  wallet: walletOf('wallet-sg-01'),
})

const paymentIdOf = (position: number): PaymentId =>
  `01a206a7-239d-70b7-bf79-${String(position).padStart(12, '0')}` as PaymentId

export const merchantOf = (id: string) => ({ id, name: `Shop ${id} (demo)`, city: 'Shanghai' })
export const walletOf = (id: string) => ({ id, name: `Pocket ${id} (invented)` })

export const anEntry = (position: number, at: Date): LogEntry => ({
  _id: BigInt(position),
  transaction: paymentIdOf(position),
  sequence: 3,
  kind: 'APPROVED',
  from: 'ROUTED',
  to: 'COMPLETED',
  at,
  reason: null,
  payment: {
    createdAt: at,
    wallet: anId('wallet-sg-01'),
    acquirer: anId('acquirer-cn-01'),
    merchant: anId(`acquirer-cn-01.M${position % 1000}`),
    merchantCountry: 'CN',
    walletCountry: 'SG',
    corridor: anId('SG-CN'),
    project: null,
    direction: 'INBOUND',
    mcc: '5812',
    entryMode: 'MPM_DYNAMIC',
    reportingMinor: 21_550n,
    authorizeMs: 120,
  },
})

/** A log reader over entries in memory; `write` appends entries. */
export function memoryLog(): LogReader & { write(entries: readonly LogEntry[]): void } {
  const kept = 50_000
  let recent: LogEntry[] = []
  let tip = 0n
  const subscribers = new Set<(entries: readonly LogEntry[]) => void>()
  return {
    tip: () => tip,
    read: async (after, max) => {
      const start = Math.max(0, recent.length - Number(tip - after))
      return recent.slice(start, start + max)
    },
    find: () => Promise.reject(new TypeError('the benchmark does not search the log')),
    subscribe(onEntries) {
      subscribers.add(onEntries)
      return () => subscribers.delete(onEntries)
    },
    openFeed: () => ({ offer: () => {}, close: () => {} }),
    close: async () => {},
    write(entries) {
      recent.push(...entries)
      if (recent.length > 2 * kept) recent = recent.slice(-kept)
      tip = entries.at(-1)!._id
      for (const onEntries of subscribers) onEntries(entries)
    },
  }
}
