// Which way a payment goes, and why it may not. One rule for explaining routes, quoting, paying and coverage. Pure.

import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { MerchantFacts } from './merchant-directory.ts'
import type { EntryMode } from '../../schema/values/entry-mode.ts'
import type { CapabilityName, Corridor, Participant, Registry } from './registry.ts'
import type { CorridorId, ParticipantId } from '../../schema/values/id.ts'

/** The institutions on a payment's way, the payer's side first. */
export interface Hop {
  /** Id of the institution. */
  readonly participant: ParticipantId
  readonly role: 'WALLET' | 'NETWORK' | 'ACQUIRER'
}

/** A way that a payment can take. */
export interface Route {
  readonly corridor: Corridor
  readonly hops: readonly Hop[]
}

/** A corridor that was looked at, by id; `refusal` says why it was not taken. */
export interface Candidate {
  readonly corridor: CorridorId
  readonly accepted: boolean
  readonly refusal: Refusal | null
}

export interface RouteDecision {
  readonly accepted: boolean
  /** The corridor that is taken; null when none is. */
  readonly corridor: Corridor | null
  /** Empty when no corridor is taken. */
  readonly hops: readonly Hop[]
  /** Why no corridor is taken; null when one is. */
  readonly refusal: Refusal | null
  /** The corridor to the merchant's country first, if there is one; then others that leave the wallet's country, by id. */
  readonly considered: readonly Candidate[]
}

export interface RouteRequest {
  /** Undefined when there is no participant by the id that was asked for. */
  readonly wallet: Participant | undefined
  readonly acquirer: Participant | undefined
  readonly merchant: Pick<MerchantFacts, 'country' | 'currency' | 'entryModes' | 'status'>
  readonly entryMode: EntryMode
  readonly registry: Pick<Registry, 'participants' | 'corridors'>
  readonly now: Date
}

/** How many of the corridors that lead elsewhere are listed. */
const elsewhereMax = 20

/** What the payer's and the merchant's institution have to be certified for. In-app payments count as merchant-presented. */
const certificates: Readonly<
  Record<EntryMode, { readonly wallet: CapabilityName; readonly acquirer: CapabilityName }>
> = {
  MPM_STATIC: { wallet: 'MPM_PAY', acquirer: 'MPM_ACCEPT' },
  MPM_DYNAMIC: { wallet: 'MPM_PAY', acquirer: 'MPM_ACCEPT' },
  IN_APP: { wallet: 'MPM_PAY', acquirer: 'MPM_ACCEPT' },
  CPM: { wallet: 'CPM_PRESENT', acquirer: 'CPM_CHARGE' },
}

/** The way that a payment takes, or the first reason against it, in the order in which the reference lists them. */
export function findRoute(asked: RouteRequest): Route | Refusal {
  const { wallet, acquirer, merchant, entryMode, registry, now } = asked
  if (merchant.status !== 'ACTIVE') return refuse('MERCHANT_INACTIVE', `the merchant is ${merchant.status}`)
  if (!wallet) return refuse('PARTICIPANT_UNKNOWN', 'there is no such wallet')
  if (!acquirer) return refuse('PARTICIPANT_UNKNOWN', 'the merchant’s acquirer is not known')

  const hops = hopsBetween(wallet, acquirer)
  for (const hop of hops) {
    const status = registry.participants.get(hop.participant)?.status
    if (status !== 'LIVE') {
      return refuse('PARTICIPANT_NOT_LIVE', `${hop.participant} is ${status ?? 'not connected'}, not LIVE`)
    }
  }
  const corridor = registry.corridors.get(directCorridor(asked))
  if (!corridor)
    return refuse('NO_CORRIDOR', `no corridor leads from ${wallet.country} to ${merchant.country}`)
  if (corridor.status !== 'OPEN') return refuse('CORRIDOR_CLOSED', `${corridor.id} is ${corridor.status}`)

  const needed = certificates[entryMode]
  if (!isCertified(wallet, needed.wallet, now)) return notCertified(wallet, needed.wallet)
  if (!isCertified(acquirer, needed.acquirer, now)) return notCertified(acquirer, needed.acquirer)
  if (!corridor.entryModes.includes(entryMode)) {
    return refuse('ENTRY_MODE_NOT_OFFERED', `${corridor.id} does not offer ${entryMode}`)
  }
  if (!merchant.entryModes.includes(entryMode)) {
    return refuse('ENTRY_MODE_NOT_OFFERED', `the merchant does not offer ${entryMode}`)
  }
  if (!corridor.currencies.includes(merchant.currency)) {
    return refuse('CURRENCY_NOT_OFFERED', `${corridor.id} does not carry ${merchant.currency}`)
  }
  return { corridor, hops }
}

/** The same decision with every corridor that was looked at, for people who ask why. */
export function considerRoute(asked: RouteRequest): RouteDecision {
  const found = findRoute(asked)
  const route = isRefusal(found) ? null : found
  const refusal = isRefusal(found) ? found : null
  const direct = asked.registry.corridors.get(directCorridor(asked))
  const considered = direct ? [{ corridor: direct.id, accepted: route !== null, refusal }] : []
  return {
    accepted: route !== null,
    corridor: route?.corridor ?? null,
    hops: route?.hops ?? [],
    refusal,
    considered: [...considered, ...elsewhere(asked)],
  }
}

/** True when some way to start a payment at such a merchant works for this wallet. */
export const canPay = (asked: Omit<RouteRequest, 'entryMode'>): boolean =>
  asked.merchant.entryModes.some((entryMode) => !isRefusal(findRoute({ ...asked, entryMode })))

/** A network that connects both sides is on the way once. */
function hopsBetween(wallet: Participant, acquirer: Participant): readonly Hop[] {
  const hops: Hop[] = [{ participant: wallet.id, role: 'WALLET' }]
  if (wallet.network !== null) hops.push({ participant: wallet.network, role: 'NETWORK' })
  if (acquirer.network !== null && acquirer.network !== wallet.network) {
    hops.push({ participant: acquirer.network, role: 'NETWORK' })
  }
  hops.push({ participant: acquirer.id, role: 'ACQUIRER' })
  return hops
}

/** True when the last test of a capability was passed and its certificate stands at `now`. */
export function isCertified(
  { capabilities }: Pick<Participant, 'capabilities'>,
  name: CapabilityName,
  now: Date,
): boolean {
  const capability = capabilities.find((one) => one.name === name)
  return !!capability?.passed && capability.validUntil !== null && now < capability.validUntil
}

const notCertified = (participant: Participant, name: CapabilityName): Refusal =>
  refuse('NOT_CERTIFIED', `${participant.id} is not certified for ${name}`)

const directCorridor = ({ wallet, merchant }: RouteRequest): string =>
  `${wallet?.country}-${merchant.country}`

function elsewhere({ wallet, merchant, registry }: RouteRequest): Candidate[] {
  if (!wallet) return []
  return [...registry.corridors.values()]
    .filter((one) => one.walletCountry === wallet.country && one.merchantCountry !== merchant.country)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .slice(0, elsewhereMax)
    .map(({ id, merchantCountry }) => ({
      corridor: id,
      accepted: false,
      refusal: refuse(
        'NO_CORRIDOR',
        `${id} leads to ${merchantCountry}, the merchant is in ${merchant.country}`,
      ),
    }))
}
