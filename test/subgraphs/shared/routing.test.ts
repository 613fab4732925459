import { describe, expect, test } from 'vitest'
import { money } from '../../../schema/values/money.ts'
import type { CapabilityName, Corridor, Participant } from '../../../subgraphs/shared/registry.ts'
import { canPay, considerRoute, findRoute, type RouteRequest } from '../../../subgraphs/shared/routing.ts'
import { anId } from '../../fixtures/an-id.ts'

const noon = new Date('2026-03-01T12:00:00Z')
const all: readonly CapabilityName[] = ['MPM_PAY', 'MPM_ACCEPT', 'CPM_PRESENT', 'CPM_CHARGE']
const certified = (names: readonly CapabilityName[], validUntil: Date | null = new Date('2027-01-01')) =>
  names.map((name) => ({ name, passed: validUntil !== null, validUntil }))

const aParticipant = (id: string, over: Partial<Participant> = {}): Participant => ({
  id: anId(id),
  iin: null,
  name: id,
  roles: [],
  country: 'SG',
  status: 'LIVE',
  endpoint: null,
  connection: 'SIMULATOR',
  capabilities: certified(all),
  settlementCurrency: 'CNY',
  network: null,
  statusHistory: [],
  version: 1,
  ...over,
})

const aCorridor = (id: string, over: Partial<Corridor> = {}): Corridor => ({
  id: anId(id),
  walletCountry: id.slice(0, 2),
  merchantCountry: id.slice(3),
  direction: 'INBOUND',
  project: null,
  status: 'OPEN',
  entryModes: ['MPM_STATIC', 'MPM_DYNAMIC', 'CPM'],
  currencies: ['CNY'],
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

const byId = <T extends { id: string }>(rows: readonly T[]) =>
  new Map<T['id'], T>(rows.map((row) => [row.id, row]))

interface World {
  wallet?: Partial<Participant>
  acquirer?: Partial<Participant>
  network?: Partial<Participant>
  corridors?: readonly Corridor[]
  merchant?: Partial<RouteRequest['merchant']>
  entryMode?: RouteRequest['entryMode']
}

function aRequest(world: World = {}): RouteRequest {
  const wallet = aParticipant('wallet-sg-01', { network: anId('network-unionpay'), ...world.wallet })
  const acquirer = aParticipant('acquirer-cn-01', { country: 'CN', ...world.acquirer })
  const network = aParticipant('network-unionpay', { country: 'CN', capabilities: [], ...world.network })
  return {
    wallet,
    acquirer,
    merchant: {
      country: 'CN',
      currency: 'CNY',
      status: 'ACTIVE',
      entryModes: ['MPM_STATIC', 'CPM', 'IN_APP'],
      ...world.merchant,
    },
    entryMode: world.entryMode ?? 'MPM_STATIC',
    registry: {
      participants: byId([wallet, acquirer, network]),
      corridors: byId(world.corridors ?? [aCorridor('SG-CN'), aCorridor('SG-TH'), aCorridor('MY-CN')]),
    },
    now: noon,
  }
}

describe('routing a payment', () => {
  test('uses the corridor between the two countries and lists every institution on the way', () => {
    expect(considerRoute(aRequest())).toMatchObject({
      accepted: true,
      corridor: { id: 'SG-CN' },
      refusal: null,
      hops: [
        { participant: 'wallet-sg-01', role: 'WALLET' },
        { participant: 'network-unionpay', role: 'NETWORK' },
        { participant: 'acquirer-cn-01', role: 'ACQUIRER' },
      ],
      considered: [
        { corridor: 'SG-CN', accepted: true, refusal: null },
        { corridor: 'SG-TH', accepted: false, refusal: { code: 'NO_CORRIDOR' } },
      ],
    })
  })

  test('passes a network that connects both sides once', () => {
    const route = findRoute(aRequest({ acquirer: { network: anId('network-unionpay') } }))
    expect(route).toMatchObject({ hops: [{ role: 'WALLET' }, { role: 'NETWORK' }, { role: 'ACQUIRER' }] })
  })

  const expired = certified(['MPM_PAY', 'MPM_ACCEPT', 'CPM_PRESENT', 'CPM_CHARGE'], noon)
  const closed = [aCorridor('SG-CN', { status: 'CLOSED' })]
  test.each<World & { when: string; code: string; says: string }>([
    {
      when: 'the merchant is closed',
      merchant: { status: 'CLOSED' },
      code: 'MERCHANT_INACTIVE',
      says: 'CLOSED',
    },
    {
      when: 'the wallet is suspended',
      wallet: { status: 'SUSPENDED' },
      code: 'PARTICIPANT_NOT_LIVE',
      says: 'wallet-sg-01 is SUSPENDED',
    },
    {
      when: 'the acquirer is in the sandbox',
      acquirer: { status: 'SANDBOX' },
      code: 'PARTICIPANT_NOT_LIVE',
      says: 'acquirer-cn-01',
    },
    {
      when: 'the network in between is suspended',
      network: { status: 'SUSPENDED' },
      code: 'PARTICIPANT_NOT_LIVE',
      says: 'network-unionpay',
    },
    {
      when: 'the network in between is not connected',
      wallet: { network: anId('network-x') },
      code: 'PARTICIPANT_NOT_LIVE',
      says: 'network-x is not connected',
    },
    {
      when: 'only other corridors exist',
      corridors: [aCorridor('SG-TH')],
      code: 'NO_CORRIDOR',
      says: 'SG to CN',
    },
    { when: 'the corridor is closed', corridors: closed, code: 'CORRIDOR_CLOSED', says: 'SG-CN' },
    {
      when: 'the wallet never passed MPM_PAY',
      wallet: { capabilities: certified(['CPM_PRESENT']) },
      code: 'NOT_CERTIFIED',
      says: 'wallet-sg-01 is not certified for MPM_PAY',
    },
    {
      when: 'the wallet failed MPM_PAY',
      wallet: { capabilities: certified(['MPM_PAY'], null) },
      code: 'NOT_CERTIFIED',
      says: 'MPM_PAY',
    },
    {
      when: 'the wallet’s certificate ends this very instant',
      wallet: { capabilities: expired },
      code: 'NOT_CERTIFIED',
      says: 'MPM_PAY',
    },
    {
      when: 'the acquirer’s certificate has ended',
      acquirer: { capabilities: expired },
      code: 'NOT_CERTIFIED',
      says: 'acquirer-cn-01 is not certified for MPM_ACCEPT',
    },
    {
      when: 'the wallet may pay but not present codes',
      wallet: { capabilities: certified(['MPM_PAY']) },
      entryMode: 'CPM',
      code: 'NOT_CERTIFIED',
      says: 'CPM_PRESENT',
    },
    {
      when: 'the acquirer may accept but not charge presented codes',
      acquirer: { capabilities: certified(['MPM_ACCEPT']) },
      entryMode: 'CPM',
      code: 'NOT_CERTIFIED',
      says: 'CPM_CHARGE',
    },
    {
      when: 'the corridor has no in-app payments',
      entryMode: 'IN_APP',
      code: 'ENTRY_MODE_NOT_OFFERED',
      says: 'SG-CN does not offer IN_APP',
    },
    {
      when: 'the merchant has no dynamic codes',
      entryMode: 'MPM_DYNAMIC',
      code: 'ENTRY_MODE_NOT_OFFERED',
      says: 'the merchant does not offer MPM_DYNAMIC',
    },
    {
      when: 'the merchant prices in a currency that the corridor does not carry',
      merchant: { currency: 'USD' },
      code: 'CURRENCY_NOT_OFFERED',
      says: 'USD',
    },
    {
      when: 'two things are wrong, by the one that is listed first',
      wallet: { status: 'SUSPENDED' },
      corridors: closed,
      merchant: { currency: 'USD' },
      code: 'PARTICIPANT_NOT_LIVE',
      says: 'wallet-sg-01',
    },
  ])('is refused when $when', ({ code, says, ...world }) => {
    const decision = considerRoute(aRequest(world))
    expect(decision).toMatchObject({ accepted: false, corridor: null, hops: [], refusal: { code } })
    expect(decision.refusal?.message).toContain(says)
    const direct = decision.considered.filter(({ corridor }) => corridor === 'SG-CN')
    expect(direct.every((one) => !one.accepted && one.refusal === decision.refusal)).toBe(true)
  })

  test.each(['wallet', 'acquirer'] as const)('is refused when there is no such %s', (side) => {
    expect(considerRoute({ ...aRequest(), [side]: undefined })).toMatchObject({
      accepted: false,
      refusal: { code: 'PARTICIPANT_UNKNOWN' },
    })
  })

  test('needs a merchant-presented certificate for in-app payments', () => {
    const corridors = [aCorridor('SG-CN', { entryModes: ['IN_APP'] })]
    const only = certified(['MPM_PAY', 'MPM_ACCEPT'])
    const world = { corridors, entryMode: 'IN_APP' as const, acquirer: { capabilities: only } }
    expect(findRoute(aRequest({ ...world, wallet: { capabilities: only } }))).toHaveProperty('corridor')
    const other = { capabilities: certified(['CPM_PRESENT']) }
    expect(findRoute(aRequest({ ...world, wallet: other }))).toMatchObject({ code: 'NOT_CERTIFIED' })
  })

  test('lists at most twenty corridors to other countries, by id', () => {
    const others = Array.from({ length: 25 }, (_, n) => aCorridor(`SG-${String.fromCharCode(89 - n)}Z`))
    const { considered } = considerRoute(aRequest({ corridors: [...others, aCorridor('SG-CN')] }))
    expect(considered).toHaveLength(21)
    expect(considered[0]?.corridor).toBe('SG-CN')
    const rest = considered.slice(1).map(({ corridor }) => corridor)
    expect(rest).toEqual(rest.toSorted())
    expect(rest[0]).toBe('SG-AZ')
  })
})

describe('a wallet can pay at a merchant', () => {
  test('when both sides offer at least one entry mode', () => {
    const presentOnly = { capabilities: certified(['CPM_PRESENT']) }
    expect(canPay(aRequest({ wallet: presentOnly }))).toBe(true)
    expect(canPay(aRequest({ wallet: presentOnly, merchant: { entryModes: ['MPM_STATIC'] } }))).toBe(false)
    expect(canPay(aRequest({ merchant: { entryModes: [] } }))).toBe(false)
  })
})
