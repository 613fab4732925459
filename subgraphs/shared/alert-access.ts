// Which alerts a participant may read: those about itself, and those about its corridors.

import type { CorridorId, ParticipantId } from '../../schema/values/id.ts'
import { corridorsOfNetwork } from './access.ts'
import type { Alert, AlertSubject } from './alert-log.ts'
import type { Registry } from './registry.ts'

/**
 * The participant, and the corridors that it takes part in: those from a wallet’s country, those to an
 * acquirer’s country, and those of a network.
 */
export function alertSubjectsOf(participant: ParticipantId, registry: Registry): ReadonlySet<AlertSubject> {
  const { roles = [], country } = registry.participants.get(participant) ?? {}
  const ofNetwork = roles.includes('NETWORK') ? corridorsOfNetwork(participant, registry) : none
  const isOwn = ({ id, walletCountry, merchantCountry }: CorridorEnds): boolean =>
    (roles.includes('WALLET') && walletCountry === country) ||
    (roles.includes('ACQUIRER') && merchantCountry === country) ||
    ofNetwork.has(id)
  const corridors = [...registry.corridors.values()].filter(isOwn)
  return new Set([
    `participant:${participant}` as const,
    ...corridors.map(({ id }) => `corridor:${id}` as const),
  ])
}

interface CorridorEnds {
  readonly id: CorridorId
  readonly walletCountry: string
  readonly merchantCountry: string
}

/**
 * True when a participant may read all payments that an alert is about, and so its figures: a wallet of a
 * corridor must not read from them how much the other wallets pay.
 */
export function seesFigures(
  { subject }: Pick<Alert, 'subject'>,
  viewer: ParticipantId,
  registry: Registry,
): boolean {
  if (subject === `participant:${viewer}`) return true
  const isNetwork = registry.participants.get(viewer)?.roles.includes('NETWORK') ?? false
  return isNetwork && corridorsOfNetwork(viewer, registry).has(idOf(subject) as CorridorId)
}

/** The id of the corridor or the participant. */
export const idOf = (subject: AlertSubject): string => subject.slice(subject.indexOf(':') + 1)

const none: ReadonlySet<CorridorId> = new Set()
