// Merchants, institutions and requests for the tests of this folder; each test states what it is about, these fill the rest.

import fc from 'fast-check'
import { encodeFields } from '../../../schema/qr/index.ts'
import { money } from '../../../schema/values/money.ts'
import type { Scope } from '../../../schema/values/scopes.ts'
import type { EntryMode } from '../../../subgraphs/directory.ts'
import type { Merchant, MerchantInput, QrProduct } from '../../../subgraphs/merchant/merchant.ts'
import type { CapabilityName, Corridor, Participant, Reference } from '../../../subgraphs/reference.ts'
import type { RequestContext } from '../../../subgraphs/subgraph.ts'

export const noon = new Date('2026-03-01T12:00:00.000Z')

export const aMerchant = (over: Partial<Merchant> = {}): Merchant => {
  const { acquirer = 'acquirer-cn-01', mid = 'M000001' } = over
  return {
    id: `${acquirer}.${mid}`,
    acquirer,
    mid,
    name: 'Golden Lotus Café',
    localName: null,
    status: 'ACTIVE',
    country: 'CN',
    city: 'Shanghai',
    location: { lat: 31.2304, lng: 121.4737 },
    mcc: '5812',
    scenario: 'DINING',
    online: false,
    currency: 'CNY',
    entryModes: ['MPM_STATIC', 'MPM_DYNAMIC'],
    qrProducts: [],
    ...over,
  }
}

export const aRow = (over: Partial<MerchantInput> = {}): MerchantInput => ({
  mid: 'M000001',
  name: 'Golden Lotus Café',
  mcc: '5812',
  country: 'CN',
  city: 'Shanghai',
  location: { lat: 31.2304, lng: 121.4737 },
  ...over,
})

export const products: readonly QrProduct[] = [
  { id: 'qr-cn-001', name: 'One Code', country: 'CN', acceptsForeignWallets: true },
  { id: 'qr-cn-002', name: 'Two Code', country: 'CN', acceptsForeignWallets: false },
  { id: 'qr-th-001', name: 'Thai Code', country: 'TH', acceptsForeignWallets: true },
]

export const certified = (...names: readonly CapabilityName[]): Participant['capabilities'] =>
  names.map((name) => ({ name, passed: true, validUntil: new Date('2030-01-01') }))

export const aParticipant = (id: string, over: Partial<Participant> = {}): Participant => ({
  id,
  iin: null,
  name: id,
  roles: [id.startsWith('wallet') ? 'WALLET' : id.startsWith('acquirer') ? 'ACQUIRER' : 'NETWORK'],
  country: /-([a-z]{2})-/.exec(id)?.[1]?.toUpperCase() ?? 'CN',
  status: 'LIVE',
  endpoint: null,
  connection: 'SIMULATOR',
  capabilities: certified('MPM_PAY', 'MPM_ACCEPT', 'CPM_PRESENT', 'CPM_CHARGE'),
  settlementCurrency: 'CNY',
  network: null,
  statusHistory: [],
  version: 1,
  ...over,
})

export const aCorridor = (id: string, over: Partial<Corridor> = {}): Corridor => ({
  id,
  walletCountry: id.slice(0, 2),
  merchantCountry: id.slice(3),
  direction: 'INBOUND',
  project: null,
  status: 'OPEN',
  entryModes: ['MPM_STATIC', 'MPM_DYNAMIC', 'CPM'],
  currencies: ['CNY', 'THB', 'SGD', 'JPY'],
  limits: { perPayment: money(100_000n, 'CNY'), perDay: money(100_000n, 'CNY') },
  fees: { freeUpTo: money(20_000n, 'CNY'), basisPoints: 300 },
  quoteTtlSeconds: 120,
  authorizationTimeoutMs: 8000,
  cancelCutoffMinutes: 30,
  refundWindowDays: 90,
  settlementCurrency: 'CNY',
  settlementZone: { offsetMinutes: 480, cutOff: '23:00' },
  version: 1,
  ...over,
})

/** A reference that stays as it is; replace its maps to change it. */
export interface FixedReference extends Reference {
  participants: ReadonlyMap<string, Participant>
  corridors: ReadonlyMap<string, Corridor>
}

export function aReference(
  participants: readonly Participant[] = [
    aParticipant('acquirer-cn-01', { iin: '01030000' }),
    aParticipant('acquirer-cn-02', { iin: '01040000' }),
    aParticipant('acquirer-th-01'),
    aParticipant('network-unionpay', { iin: '00010344' }),
    aParticipant('wallet-sg-01', { network: 'network-unionpay' }),
    aParticipant('wallet-th-01', { capabilities: certified('CPM_PRESENT') }),
  ],
  corridors: readonly Corridor[] = [
    aCorridor('SG-CN', { project: 'cn-sg' }),
    aCorridor('TH-CN'),
    aCorridor('SG-TH', { status: 'CLOSED' }),
  ],
): FixedReference {
  return {
    participants: mapById(participants),
    participantByIin: new Map(participants.flatMap((one) => (one.iin === null ? [] : [[one.iin, one]]))),
    projects: new Map(),
    corridors: mapById(corridors),
    close: async () => {},
  }
}

export const mapById = <Row extends { readonly id: string }>(rows: readonly Row[]): Map<string, Row> =>
  new Map(rows.map((row) => [row.id, row]))

export const asViewer = (participant: string, ...scopes: readonly Scope[]): RequestContext => ({
  viewer: { participant, scopes: new Set(scopes), key: 'test' },
  requestId: 'test',
})

/** Tag 15 as UnionPay lays it out: of the acquirer "acquirer-cn-01". */
export const anAccount = (mid = 'M000001', iin = '01030000'): string => `${iin}00010344${mid.padEnd(15)}`

/** A code that was printed by somebody else for the merchant M000001; `over` replaces fields, undefined leaves one out. */
export const aPayload = (over: Readonly<Record<string, string | undefined>> = {}): string =>
  encodeFields(
    Object.entries({
      '00': '01',
      '15': anAccount(),
      '52': '5812',
      '53': '156',
      '58': 'CN',
      '59': 'Cafe',
      '60': 'Shanghai',
      ...over,
    })
      .toSorted(([a], [b]) => Number(a) - Number(b))
      .flatMap(([tag, value]) => (value === undefined ? [] : [{ tag, value }])),
  )

const modes: readonly EntryMode[] = ['MPM_STATIC', 'MPM_DYNAMIC', 'CPM', 'IN_APP']
const places = [
  { country: 'CN', currency: 'CNY', city: 'Shanghai', lat: 31.2304, lng: 121.4737 },
  { country: 'CN', currency: 'CNY', city: 'SHANGHAI', lat: 31.19, lng: 121.43 },
  { country: 'CN', currency: 'CNY', city: 'Beijing', lat: 39.9, lng: 116.4 },
  { country: 'TH', currency: 'THB', city: 'Bangkok', lat: 13.75, lng: 100.5 },
  { country: 'SG', currency: 'SGD', city: 'Singapore', lat: 1.29, lng: 103.85 },
] as const
const categories = [
  { mcc: '5812', scenario: 'DINING' },
  { mcc: '5411', scenario: 'RETAIL' },
  { mcc: '5815', scenario: 'ONLINE' },
] as const

/** Merchants of few kinds and places, so that many of them count as the same. */
export const someMerchant: fc.Arbitrary<Merchant> = fc
  .record({
    acquirer: fc.constantFrom('acquirer-cn-01', 'acquirer-cn-02', 'acquirer-th-01'),
    number: fc.integer({ min: 1, max: 60 }),
    place: fc.constantFrom(...places),
    category: fc.constantFrom(...categories),
    north: fc.double({ min: -0.05, max: 0.05, noNaN: true }),
    east: fc.double({ min: -0.05, max: 0.05, noNaN: true }),
    hasLocation: fc.boolean(),
    online: fc.boolean(),
    status: fc.constantFrom('ACTIVE', 'ACTIVE', 'ACTIVE', 'SUSPENDED', 'CLOSED'),
    entryModes: fc.subarray([...modes], { minLength: 1 }),
    qrProducts: fc.subarray(products.map(({ id }) => id)),
    name: fc.constantFrom('Golden Lotus', 'Lotus Café', 'Harbour Noodles', 'Night Market'),
    localName: fc.constantFrom(null, '金莲餐厅', '南京路咖啡'),
  })
  .map(({ number, place, category, north, east, hasLocation, ...rest }) => {
    const { country, currency, city, lat, lng } = place
    const mid = `M${String(number).padStart(6, '0')}`
    const location = hasLocation ? { lat: lat + north, lng: lng + east } : null
    return { ...rest, id: `${rest.acquirer}.${mid}`, mid, country, currency, city, location, ...category }
  })

/** Merchants with ids of their own. */
export const someMerchants = (
  sizes: { minLength?: number; maxLength?: number } = {},
): fc.Arbitrary<Merchant[]> => fc.uniqueArray(someMerchant, { ...sizes, selector: ({ id }) => id })
