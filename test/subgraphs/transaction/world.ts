// A small world to pay in: participants, corridors and merchants, and a clock that tests move.

import type { MerchantDirectory, MerchantFacts, ScannedCode } from '../../../subgraphs/directory.ts'
import type { Capability, Corridor, Participant, Reference, Role } from '../../../subgraphs/reference.ts'
import type { RequestContext } from '../../../subgraphs/subgraph.ts'
import type { Scope } from '../../../schema/values/scopes.ts'
import { refuse } from '../../../schema/values/problems.ts'
import type { Currency } from '../../../schema/values/currency.ts'
import { money } from '../../../schema/values/money.ts'

export const noon = new Date('2026-03-01T04:00:00.000Z')

const capabilities: Capability[] = (
  ['MPM_PAY', 'MPM_ACCEPT', 'CPM_PRESENT', 'CPM_CHARGE', 'REFUND'] as const
).map((name) => ({ name, passed: true, validUntil: new Date('2099-01-01T00:00:00Z') }))

export const aParticipant = (
  id: string,
  role: Role,
  country: string,
  settlementCurrency: Currency,
  more: Partial<Participant> = {},
): Participant => ({
  id,
  iin: null,
  name: id,
  roles: [role],
  country,
  status: 'LIVE',
  connection: role === 'ACQUIRER' ? 'STREAM' : null,
  endpoint: null,
  capabilities,
  settlementCurrency,
  network: null,
  statusHistory: [],
  version: 1,
  ...more,
})

export const aCorridor = (id: string, more: Partial<Corridor> = {}): Corridor => {
  const [walletCountry = '', merchantCountry = ''] = id.split('-')
  return {
    id,
    walletCountry,
    merchantCountry,
    direction: 'INBOUND',
    project: null,
    status: 'OPEN',
    entryModes: ['MPM_STATIC', 'MPM_DYNAMIC', 'CPM', 'IN_APP'],
    currencies: ['CNY', 'THB', 'SGD'],
    limits: { perPayment: money(5_000_000n, 'CNY'), perDay: money(50_000_000n, 'CNY') },
    fees: { freeUpTo: money(20_000n, 'CNY'), basisPoints: 300 },
    quoteTtlSeconds: 300,
    authorizationTimeoutMs: 8000,
    cancelCutoffMinutes: 30,
    refundWindowDays: 180,
    settlementCurrency: 'CNY',
    settlementZone: { offsetMinutes: 480, cutOff: '23:00' },
    version: 1,
    ...more,
  }
}

export const aMerchant = (id: string, more: Partial<MerchantFacts> = {}): MerchantFacts => ({
  id,
  name: `Shop ${id}`,
  acquirer: id.split('.')[0]!,
  country: 'CN',
  city: 'Shanghai',
  currency: 'CNY',
  mcc: '5812',
  status: 'ACTIVE',
  entryModes: ['MPM_STATIC', 'MPM_DYNAMIC', 'IN_APP', 'CPM'],
  ...more,
})

const participants = [
  aParticipant('operator', 'OPERATOR', 'CN', 'CNY'),
  aParticipant('network-unionpay', 'NETWORK', 'CN', 'CNY'),
  aParticipant('wallet-sg-01', 'WALLET', 'SG', 'SGD', { network: 'network-unionpay' }),
  aParticipant('wallet-sg-02', 'WALLET', 'SG', 'SGD', { network: 'network-unionpay' }),
  aParticipant('wallet-th-01', 'WALLET', 'TH', 'THB', { network: 'network-unionpay' }),
  aParticipant('wallet-cn-01', 'WALLET', 'CN', 'CNY'),
  aParticipant('acquirer-cn-01', 'ACQUIRER', 'CN', 'CNY'),
  aParticipant('acquirer-cn-02', 'ACQUIRER', 'CN', 'CNY', { connection: 'SIMULATOR' }),
  aParticipant('acquirer-th-01', 'ACQUIRER', 'TH', 'THB', { network: 'network-unionpay' }),
]
const corridors = [
  aCorridor('SG-CN'),
  aCorridor('TH-CN'),
  aCorridor('CN-TH', { direction: 'OUTBOUND' }),
  aCorridor('SG-TH', { direction: 'THIRD_MARKET', status: 'CLOSED' }),
]
const merchants = [
  aMerchant('acquirer-cn-01.M1'),
  aMerchant('acquirer-cn-01.M2', { status: 'SUSPENDED' }),
  aMerchant('acquirer-cn-02.M1'),
  aMerchant('acquirer-th-01.M1', { country: 'TH', currency: 'THB', city: 'Bangkok' }),
]

const byId = <Entity extends { readonly id: string }>(entities: readonly Entity[]) =>
  new Map(entities.map((entity) => [entity.id, entity]))

/** Reference data whose maps a test may change, as the participant subgraph's changes would. */
export interface TestReference extends Reference {
  readonly participants: Map<string, Participant>
  readonly corridors: Map<string, Corridor>
}

export const aReference = (): TestReference => ({
  participants: byId(participants),
  participantByIin: new Map(),
  projects: new Map(),
  corridors: byId(corridors),
  close: async () => {},
})

/** Answers from maps: merchants by id, codes by their text. */
export function aDirectory(codes: ReadonlyMap<string, ScannedCode> = new Map()): MerchantDirectory {
  const known = byId(merchants)
  return {
    merchant: async (id) => known.get(id) ?? null,
    scan: async (payload) => codes.get(payload) ?? refuse('CODE_UNKNOWN'),
  }
}

/** A clock that stands until it is moved. */
export function aClock(start: Date = noon) {
  let now = start
  return {
    now: () => now,
    move: (ms: number) => {
      now = new Date(now.getTime() + ms)
    },
  }
}

/** Who asks: a participant's key with all scopes but the operator's, unless `scopes` says which. */
export const as = (
  participant: string,
  scopes: readonly Scope[] = participant === 'operator'
    ? ['operator']
    : ['payments:read', 'payments:write', 'authorizations:write'],
): RequestContext => ({
  viewer: { participant, scopes: new Set(scopes), key: `key of ${participant}` },
  requestId: 'test',
})

/** Logs nothing below an error, and errors to the console. */
export const quietLog = { info: () => {}, error: console.error, warn: () => {}, debug: () => {} }
