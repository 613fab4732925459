import { describe, expect, test } from 'vitest'
import type { Scope } from '../../../schema/values/scopes.ts'
import {
  corridorsOfNetwork,
  demandScope,
  requireScope,
  sees,
  visibilityOf,
} from '../../../subgraphs/shared/access.ts'
import { aCorridor, aParticipant, aRegistry } from '../../fixtures/a-registry.ts'

const as = (participant: string, ...scopes: Scope[]) => ({
  viewer: { participant, scopes: new Set(scopes), key: 'test' },
  requestId: 'r',
})

const registry = aRegistry({
  participants: [
    aParticipant({ id: 'operator', roles: ['OPERATOR'] }),
    aParticipant({ id: 'wallet-sg-01', roles: ['WALLET'], country: 'SG', network: 'network-unionpay' }),
    aParticipant({ id: 'acquirer-cn-01', roles: ['ACQUIRER'], country: 'CN' }),
    aParticipant({ id: 'both-th-01', roles: ['WALLET', 'ACQUIRER'], country: 'TH' }),
    aParticipant({ id: 'network-unionpay', roles: ['NETWORK'], country: 'CN' }),
    aParticipant({ id: 'network-th', roles: ['NETWORK'], country: 'TH' }),
    aParticipant({ id: 'fx-01', roles: ['FX_PROVIDER'] }),
  ],
  corridors: ['SG-CN', 'CN-TH', 'SG-MY', 'TH-TH', 'VN-KH'].map((id) => aCorridor({ id })),
})

describe('a scope', () => {
  test('lets its holder, and the operator, through', () => {
    expect(requireScope(as('wallet-sg-01', 'payments:read'), 'payments:read')).toBeNull()
    expect(requireScope(as('operator', 'operator'), 'payments:read')).toBeNull()
  })

  test('refuses others, and says which scope it takes', () => {
    expect(requireScope(as('wallet-sg-01', 'payments:read'), 'payments:write')).toMatchObject({
      code: 'FORBIDDEN',
      message: 'this takes a key with the scope "payments:write"',
    })
    expect(() => demandScope(as('wallet-sg-01'), 'operator')).toThrow('scope "operator"')
  })
})

describe('a payment', () => {
  const payment = { wallet: 'wallet-sg-01', acquirer: 'acquirer-cn-01', corridor: 'SG-CN' }

  test.each([
    { viewer: 'wallet-sg-01', payment, seen: true },
    { viewer: 'acquirer-cn-01', payment, seen: true },
    { viewer: 'network-unionpay', payment, seen: true },
    { viewer: 'network-th', payment, seen: false },
    { viewer: 'both-th-01', payment, seen: false },
    { viewer: 'both-th-01', payment: { ...payment, wallet: 'both-th-01' }, seen: true },
    { viewer: 'both-th-01', payment: { ...payment, acquirer: 'both-th-01' }, seen: true },
    { viewer: 'fx-01', payment, seen: false },
    {
      viewer: 'wallet-sg-01',
      payment: { ...payment, acquirer: 'wallet-sg-01', wallet: 'other' },
      seen: false,
    },
    { viewer: 'nobody', payment, seen: false },
  ])('$payment.wallet to $payment.acquirer is seen by $viewer: $seen', ({ viewer, payment: its, seen }) => {
    expect(sees(visibilityOf(as(viewer, 'payments:read'), registry), its)).toBe(seen)
  })

  test('is seen by the operator, whoever takes part', () => {
    expect(sees(visibilityOf(as('operator', 'operator'), registry), payment)).toBe(true)
  })

  test('is not seen through the role of operator without its scope', () => {
    expect(sees(visibilityOf(as('operator', 'payments:read'), registry), payment)).toBe(false)
  })
})

describe('a network', () => {
  test('has the corridors with an end in its country or in one that it connects', () => {
    expect([...corridorsOfNetwork('network-unionpay', registry)]).toEqual(['SG-CN', 'CN-TH', 'SG-MY'])
    expect([...corridorsOfNetwork('network-th', registry)]).toEqual(['CN-TH', 'TH-TH'])
  })

  test('has a new corridor as soon as there is one', () => {
    const more = aRegistry({
      participants: [...registry.participants.values()],
      corridors: [...registry.corridors.values(), aCorridor({ id: 'JP-TH' })],
    })
    expect(corridorsOfNetwork('network-th', { ...more, participants: registry.participants })).toContain(
      'JP-TH',
    )
  })
})
