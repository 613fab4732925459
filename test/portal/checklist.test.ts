import { describe, expect, test } from 'vitest'
import { missingOf, nextStatuses } from '../../portal/pages/operator/checklist.ts'
import { statusMoves } from '../../subgraphs/participant/participant.ts'

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString()
const certified = (name: string, validUntil: string | null = inDays(300)) => ({
  name,
  state: 'CERTIFIED',
  validUntil,
})

describe('the checklist of a participant', () => {
  test.each([
    {
      of: 'a wallet that applied',
      roles: ['WALLET'],
      connection: null,
      capabilities: [],
      missing: ['capability MPM_PAY / CPM_PRESENT', 'connection '],
    },
    {
      of: 'a wallet that presents codes alone',
      roles: ['WALLET'],
      connection: 'STREAM',
      capabilities: [certified('CPM_PRESENT')],
      missing: [],
    },
    {
      of: 'an acquirer whose certificate ends in a week',
      roles: ['ACQUIRER'],
      connection: 'STREAM',
      capabilities: [certified('MPM_ACCEPT', inDays(7))],
      missing: ['expiring MPM_ACCEPT'],
    },
    {
      of: 'an acquirer whose certificate has ended',
      roles: ['ACQUIRER'],
      connection: 'STREAM',
      capabilities: [{ name: 'MPM_ACCEPT', state: 'EXPIRED', validUntil: inDays(-1) }],
      missing: ['capability MPM_ACCEPT / CPM_CHARGE', 'expired MPM_ACCEPT'],
    },
    { of: 'a network', roles: ['NETWORK'], connection: null, capabilities: [], missing: [] },
  ])('has what is missing of $of', ({ missing, ...participant }) => {
    expect(missingOf(participant).map(({ kind, what }) => `${kind} ${what}`)).toEqual(missing)
  })

  test('offers the statuses that the hub allows next', () => {
    expect(nextStatuses).toEqual(statusMoves)
  })
})
