import { describe, expect, test } from 'vitest'
import { createAcceptance } from '../../../subgraphs/merchant/acceptance.ts'
import { anId } from '../../fixtures/an-id.ts'
import { aMerchant, noon } from '../../fixtures/a-merchant.ts'
import { mapById } from '../../fixtures/map-by-id.ts'
import {
  aPayableCorridor,
  aPayableParticipant,
  aPayableRegistry,
  certified,
} from '../../fixtures/a-payable-registry.ts'

describe('wallets that a merchant accepts', () => {
  test('are those that routing accepts, in order of id', () => {
    const acceptance = createAcceptance(aPayableRegistry(), () => noon)
    const scanning = aMerchant({ entryModes: ['CPM'] })
    expect(acceptance.walletsFor(aMerchant())).toEqual(['wallet-sg-01'])
    expect(acceptance.walletsFor(scanning)).toEqual(['wallet-sg-01', 'wallet-th-01'])
    expect(acceptance.walletsFor({ ...scanning, status: 'SUSPENDED' })).toEqual([])
    expect(acceptance.walletsFor({ ...scanning, currency: 'USD' })).toEqual([])
    expect(acceptance.walletsFor({ ...scanning, acquirer: anId('acquirer-xx-01') })).toEqual([])
  })

  test('change as soon as a corridor or a participant does', () => {
    const registry = aPayableRegistry()
    const acceptance = createAcceptance(registry, () => noon)
    expect(acceptance.walletsFor(aMerchant())).toEqual(['wallet-sg-01'])
    registry.corridors = mapById([aPayableCorridor('SG-CN', { status: 'CLOSED' })])
    expect(acceptance.walletsFor(aMerchant())).toEqual([])
    registry.corridors = aPayableRegistry().corridors
    registry.participants = new Map([
      ...registry.participants,
      [anId('wallet-sg-02'), aPayableParticipant('wallet-sg-02')],
    ])
    expect(acceptance.walletsFor(aMerchant())).toEqual(['wallet-sg-01', 'wallet-sg-02'])
  })

  test('change within five seconds of the expiry of a certificate', () => {
    let now = noon
    const validUntil = new Date(noon.getTime() + 1_000)
    const capabilities = certified('MPM_PAY').map((one) => ({ ...one, validUntil }))
    const acquirer = aPayableParticipant('acquirer-cn-01')
    const registry = aPayableRegistry([acquirer, aPayableParticipant('wallet-sg-01', { capabilities })])
    const acceptance = createAcceptance(registry, () => now)
    expect(acceptance.walletsFor(aMerchant())).toEqual(['wallet-sg-01'])
    now = new Date(noon.getTime() + 5_000)
    expect(acceptance.walletsFor(aMerchant())).toEqual([])
  })
})
