import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CorridorId, ParticipantId } from '../../../../schema/values/id.ts'
import { endpointsFor } from '../../../../subgraphs/transaction/webhooks/delivery-projection.ts'
import type { WebhookEndpoint } from '../../../../subgraphs/transaction/webhooks/endpoint.ts'
import { aRegistry } from '../../../fixtures/a-programme.ts'
import { anId } from '../../../fixtures/an-id.ts'

describe('endpoints of an event', () => {
  test('are the ones whose owners may see it, for any parties', () => {
    const registry = aRegistry()
    const owners = [...registry.participants.keys(), anId<ParticipantId>('wallet-unknown')]
    const endpoints = owners.map((owner): WebhookEndpoint => ({
      _id: anId(owner),
      owner,
      url: 'https://example.com/',
      events: ['*'],
      status: 'ACTIVE',
      createdAt: new Date(),
      since: 0n,
      secrets: [],
    }))
    const party = fc.constantFrom(...owners)
    const corridor = fc.constantFrom(...registry.corridors.keys(), anId<CorridorId>('FR-DE'))
    fc.assert(
      fc.property(party, party, corridor, (payer, payee, route) => {
        const payment = { wallet: payer, acquirer: payee, corridor: route }
        const sent = endpointsFor({ _id: 1n, kind: 'SENT', payment: payment as never }, endpoints, registry)
        // The rule of visibility, written independently of the hub’s own.
        const allowed = owners.filter((owner) => {
          const roles = registry.participants.get(owner)?.roles ?? []
          const isChinese = route.startsWith('CN-') || route.endsWith('-CN')
          const isMember = ['SG', 'TH'].some((country) => route.split('-').includes(country))
          return (
            roles.includes('OPERATOR') ||
            (roles.includes('WALLET') && owner === payer) ||
            (roles.includes('ACQUIRER') && owner === payee) ||
            (roles.includes('NETWORK') && registry.corridors.has(route) && (isChinese || isMember))
          )
        })
        expect(sent.map(({ owner }) => owner).toSorted()).toEqual(allowed.toSorted())
      }),
      { numRuns: 500 },
    )
  })
})
