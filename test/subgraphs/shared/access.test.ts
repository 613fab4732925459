import { describe, expect, test } from 'vitest'
import type { CorridorId, ParticipantId } from '../../../schema/values/id.ts'
import type { Scope } from '../../../schema/values/scopes.ts'
import {
  corridorsOfNetwork,
  demandScope,
  requireScope,
  sees,
  visibilityOf,
} from '../../../subgraphs/shared/access.ts'
import { anId } from '../../fixtures/an-id.ts'
import { aCorridor, aParticipant, aRegistry } from '../../fixtures/a-registry.ts'

const as = (participant: string, ...scopes: Scope[]) => ({
  viewer: { participant: anId<ParticipantId>(participant), scopes: new Set(scopes), key: 'test' },
  requestId: 'r',
})

const registry = aRegistry({
  participants: [
    aParticipant({ id: anId('operator'), roles: ['OPERATOR'] }),
    aParticipant({
      id: anId('wallet-sg-01'),
      roles: ['WALLET'],
      country: 'SG',
      network: anId('network-unionpay'),
    }),
    aParticipant({ id: anId('acquirer-cn-01'), roles: ['ACQUIRER'], country: 'CN' }),
    aParticipant({ id: anId('both-th-01'), roles: ['WALLET', 'ACQUIRER'], country: 'TH' }),
    aParticipant({ id: anId('network-unionpay'), roles: ['NETWORK'], country: 'CN' }),
    aParticipant({ id: anId('network-th'), roles: ['NETWORK'], country: 'TH' }),
    aParticipant({ id: anId('fx-01'), roles: ['FX_PROVIDER'] }),
  ],
  corridors: ['SG-CN', 'CN-TH', 'SG-MY', 'TH-TH', 'VN-KH'].map((id) => aCorridor({ id: anId(id) })),
})

describe('a scope', () => {
  test('admits keys that have it, and the operator', () => {
    expect(requireScope(as('wallet-sg-01', 'payments:read'), 'payments:read')).toBeNull()
    expect(requireScope(as('operator', 'operator'), 'payments:read')).toBeNull()
  })

  test('refuses other keys, and names the missing scope', () => {
    expect(requireScope(as('wallet-sg-01', 'payments:read'), 'payments:write')).toMatchObject({
      code: 'FORBIDDEN',
      message: 'this takes a key with the scope "payments:write"',
    })
    expect(() => demandScope(as('wallet-sg-01'), 'operator')).toThrow('scope "operator"')
  })
})

describe('a payment', () => {
  const payment = {
    wallet: anId<ParticipantId>('wallet-sg-01'),
    acquirer: anId<ParticipantId>('acquirer-cn-01'),
    corridor: anId<CorridorId>('SG-CN'),
  }

  test.each([
    { viewer: 'wallet-sg-01', payment, seen: true },
    { viewer: 'acquirer-cn-01', payment, seen: true },
    { viewer: 'network-unionpay', payment, seen: true },
    { viewer: 'network-th', payment, seen: false },
    { viewer: 'both-th-01', payment, seen: false },
    { viewer: 'both-th-01', payment: { ...payment, wallet: anId<ParticipantId>('both-th-01') }, seen: true },
    {
      viewer: 'both-th-01',
      payment: { ...payment, acquirer: anId<ParticipantId>('both-th-01') },
      seen: true,
    },
    { viewer: 'fx-01', payment, seen: false },
    {
      viewer: 'wallet-sg-01',
      payment: {
        ...payment,
        acquirer: anId<ParticipantId>('wallet-sg-01'),
        wallet: anId<ParticipantId>('other'),
      },
      seen: false,
    },
    { viewer: 'nobody', payment, seen: false },
  ])(
    '$payment.wallet to $payment.acquirer is visible to $viewer: $seen',
    ({ viewer, payment: its, seen }) => {
      expect(sees(visibilityOf(as(viewer, 'payments:read'), registry), its)).toBe(seen)
    },
  )

  test('is visible to the operator between any participants', () => {
    expect(sees(visibilityOf(as('operator', 'operator'), registry), payment)).toBe(true)
  })

  test('is not visible through the role OPERATOR without the scope', () => {
    expect(sees(visibilityOf(as('operator', 'payments:read'), registry), payment)).toBe(false)
  })
})

describe('a network', () => {
  test('has the corridors with an end in its country or in one that it connects', () => {
    expect([...corridorsOfNetwork(anId('network-unionpay'), registry)]).toEqual(['SG-CN', 'CN-TH', 'SG-MY'])
    expect([...corridorsOfNetwork(anId('network-th'), registry)]).toEqual(['CN-TH', 'TH-TH'])
  })

  test('has a new corridor as soon as it is created', () => {
    const more = aRegistry({
      participants: [...registry.participants.values()],
      corridors: [...registry.corridors.values(), aCorridor({ id: anId('JP-TH') })],
    })
    expect(
      corridorsOfNetwork(anId('network-th'), { ...more, participants: registry.participants }),
    ).toContain('JP-TH')
  })
})
