import { describe, expect, test } from 'vitest'
import { acceptanceOf } from '../../../subgraphs/merchant/acceptance.ts'
import {
  aCorridor,
  aMerchant,
  aParticipant,
  aRegistry,
  certified,
  mapById,
  noon,
} from '../../fixtures/merchant-world.ts'

describe('wallets that a merchant accepts', () => {
  test('are those that routing would take, by id', () => {
    const acceptance = acceptanceOf(aRegistry(), () => noon)
    const scans = aMerchant({ entryModes: ['CPM'] })
    expect(acceptance.walletsFor(aMerchant())).toEqual(['wallet-sg-01'])
    expect(acceptance.walletsFor(scans)).toEqual(['wallet-sg-01', 'wallet-th-01'])
    expect(acceptance.walletsFor({ ...scans, status: 'SUSPENDED' })).toEqual([])
    expect(acceptance.walletsFor({ ...scans, currency: 'USD' })).toEqual([])
    expect(acceptance.walletsFor({ ...scans, acquirer: 'acquirer-xx-01' })).toEqual([])
  })

  test('change as soon as a corridor or a participant does', () => {
    const registry = aRegistry()
    const acceptance = acceptanceOf(registry, () => noon)
    expect(acceptance.walletsFor(aMerchant())).toEqual(['wallet-sg-01'])
    registry.corridors = mapById([aCorridor('SG-CN', { status: 'CLOSED' })])
    expect(acceptance.walletsFor(aMerchant())).toEqual([])
    registry.corridors = aRegistry().corridors
    registry.participants = new Map([
      ...registry.participants,
      ['wallet-sg-02', aParticipant('wallet-sg-02')],
    ])
    expect(acceptance.walletsFor(aMerchant())).toEqual(['wallet-sg-01', 'wallet-sg-02'])
  })

  test('go within five seconds of a certificate’s end', () => {
    let now = noon
    const validUntil = new Date(noon.getTime() + 1_000)
    const capabilities = certified('MPM_PAY').map((one) => ({ ...one, validUntil }))
    const acquirer = aParticipant('acquirer-cn-01')
    const registry = aRegistry([acquirer, aParticipant('wallet-sg-01', { capabilities })])
    const acceptance = acceptanceOf(registry, () => now)
    expect(acceptance.walletsFor(aMerchant())).toEqual(['wallet-sg-01'])
    now = new Date(noon.getTime() + 5_000)
    expect(acceptance.walletsFor(aMerchant())).toEqual([])
  })
})
