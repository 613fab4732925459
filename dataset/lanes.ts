// The corridors that payments take, each with its wallets and its share of all payments. The shares are
// invented.

import type { Direction } from '../schema/values/direction.ts'
import type { ParticipantId } from '../schema/values/id.ts'
import type { Corridor, Participant } from '../subgraphs/shared/registry.ts'
import { partners, projectCountries } from './countries.ts'
import { Weighted, zipf } from './random.ts'

const directionShares: Readonly<Record<Direction, number>> = {
  INBOUND: 0.84,
  OUTBOUND: 0.11,
  LOCAL: 0.03,
  THIRD_MARKET: 0.02,
}

/** The share of mainland wallets, on the scale of the inbound shares, whose sum is about 100. */
const mainlandShare = 13
const inboundShares = new Map(partners.map(({ code, inboundShare }) => [code, inboundShare]))
const outboundShares = new Map(projectCountries.map(({ code, project }) => [code, project.outboundShare]))

/** An open corridor and its wallets. */
export interface Lane {
  readonly corridor: Corridor
  /** Ids of LIVE wallets; the first wallet of a country has the most customers. */
  readonly wallets: Weighted<ParticipantId>
}

export function makeLanes(
  corridors: readonly Corridor[],
  participants: readonly Participant[],
): Weighted<Lane> {
  const open = corridors.filter(({ status }) => status === 'OPEN')
  const totals = new Map<Direction, number>()
  for (const corridor of open) {
    totals.set(corridor.direction, (totals.get(corridor.direction) ?? 0) + shareWithin(corridor))
  }
  const wallets = walletsByCountry(participants)
  return new Weighted(
    open.map((corridor) => ({ corridor, wallets: wallets.get(corridor.walletCountry)! })),
    open.map(
      (corridor) =>
        (directionShares[corridor.direction] * shareWithin(corridor)) / totals.get(corridor.direction)!,
    ),
  )
}

/** The share of a corridor in the payments of its direction, relative to the other corridors. */
const shareWithin = ({ direction, walletCountry, merchantCountry }: Corridor): number =>
  direction === 'OUTBOUND' ? outboundShares.get(merchantCountry)! : inboundShares.get(walletCountry)!

function walletsByCountry(
  participants: readonly Participant[],
): ReadonlyMap<string, Weighted<ParticipantId>> {
  const live = participants.filter(({ roles, status }) => roles.includes('WALLET') && status === 'LIVE')
  return new Map(
    [...Map.groupBy(live, ({ country }) => country)].map(([country, wallets]) => [
      country,
      new Weighted(
        wallets.map(({ id }) => id),
        zipf(wallets.length),
      ),
    ]),
  )
}

/** The relative number of payments of a wallet, by its id; 1 for a wallet outside the data set. */
export function busynessOf(wallet: string): number {
  const [, country, rank] = /^wallet-([a-z]{2})-(\d+)$/.exec(wallet) ?? []
  if (!country || !rank) return 1
  const foreign = inboundShares.get(country.toUpperCase())
  return (foreign ?? mainlandShare) / Number(rank)
}
