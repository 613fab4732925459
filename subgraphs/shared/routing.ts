// Routing: the corridor of a payment and the institutions on its way, or the reason that there is none. One
// rule serves route explanations, quotes, payments and coverage. Pure.

import type { EntryMode } from '../../schema/values/entry-mode.ts'
import { corridorIdOf, type CorridorId, type ParticipantId } from '../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { MerchantFacts } from './merchant-directory.ts'
import type { CapabilityName, Corridor, Participant, Registry } from './registry.ts'

/** An institution on the way of a payment. */
export interface Hop {
  /** Id of the institution. */
  readonly participant: ParticipantId
  readonly role: 'WALLET' | 'NETWORK' | 'ACQUIRER'
}

/** The way of a payment. */
export interface Route {
  readonly corridor: Corridor
  /** The payer's side first. */
  readonly hops: readonly Hop[]
}

/** A corridor that was considered; `refusal` is the reason against it. */
export interface Candidate {
  readonly corridor: CorridorId
  readonly accepted: boolean
  readonly refusal: Refusal | null
}

export interface RouteDecision {
  readonly accepted: boolean
  /** The corridor of the payment; null when it has none. */
  readonly corridor: Corridor | null
  /** The payer's side first; empty without a corridor. */
  readonly hops: readonly Hop[]
  /** The reason that there is no corridor; null when there is one. */
  readonly refusal: Refusal | null
  /**
   * The corridor to the merchant's country first, if there is one; then other corridors of the wallet's
   * country, by id.
   */
  readonly considered: readonly Candidate[]
}

export interface RouteRequest {
  /** Undefined when there is no participant with the requested id. */
  readonly wallet: Participant | undefined
  readonly acquirer: Participant | undefined
  readonly merchant: Pick<MerchantFacts, 'country' | 'currency' | 'entryModes' | 'status'>
  readonly entryMode: EntryMode
  readonly registry: Pick<Registry, 'participants' | 'corridors'>
  readonly now: Date
}

/** Maximum of listed corridors to other countries. */
const elsewhereMax = 20

/**
 * The capabilities that the wallet and the acquirer need for each entry mode. In-app payments count as
 * merchant-presented.
 */
const certificates: Readonly<
  Record<EntryMode, { readonly wallet: CapabilityName; readonly acquirer: CapabilityName }>
> = {
  MPM_STATIC: { wallet: 'MPM_PAY', acquirer: 'MPM_ACCEPT' },
  MPM_DYNAMIC: { wallet: 'MPM_PAY', acquirer: 'MPM_ACCEPT' },
  IN_APP: { wallet: 'MPM_PAY', acquirer: 'MPM_ACCEPT' },
  CPM: { wallet: 'CPM_PRESENT', acquirer: 'CPM_CHARGE' },
}

/**
 * Finds the way of a payment, or returns the first reason against it, in the order in which the reference
 * lists them.
 */
export function findRoute(request: RouteRequest): Route | Refusal {
  const { wallet, acquirer, merchant, entryMode, registry, now } = request
  if (merchant.status !== 'ACTIVE') return refuse('MERCHANT_INACTIVE', `the merchant is ${merchant.status}`)
  if (!wallet) return refuse('PARTICIPANT_UNKNOWN', 'there is no such wallet')
  if (!acquirer) return refuse('PARTICIPANT_UNKNOWN', 'there is no such acquirer')

  const hops = hopsBetween(wallet, acquirer)
  for (const hop of hops) {
    const status = registry.participants.get(hop.participant)?.status
    if (status !== 'LIVE') {
      return refuse('PARTICIPANT_NOT_LIVE', `${hop.participant} is ${status ?? 'not connected'}, not LIVE`)
    }
  }
  const corridor = directCorridor(request)
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

/** Makes the same decision and lists every corridor that was considered, to explain it. */
export function considerRoute(request: RouteRequest): RouteDecision {
  const found = findRoute(request)
  const route = isRefusal(found) ? null : found
  const refusal = isRefusal(found) ? found : null
  const direct = directCorridor(request)
  const considered = direct ? [{ corridor: direct.id, accepted: route !== null, refusal }] : []
  return {
    accepted: route !== null,
    corridor: route?.corridor ?? null,
    hops: route?.hops ?? [],
    refusal,
    considered: [...considered, ...corridorsElsewhere(request)],
  }
}

/** True when this wallet can pay such a merchant in at least one entry mode. */
export const canPay = (request: Omit<RouteRequest, 'entryMode'>): boolean =>
  request.merchant.entryModes.some((entryMode) => !isRefusal(findRoute({ ...request, entryMode })))

/** A network of both sides is one hop. */
function hopsBetween(wallet: Participant, acquirer: Participant): readonly Hop[] {
  const hops: Hop[] = [{ participant: wallet.id, role: 'WALLET' }]
  if (wallet.network !== null) hops.push({ participant: wallet.network, role: 'NETWORK' })
  if (acquirer.network !== null && acquirer.network !== wallet.network) {
    hops.push({ participant: acquirer.network, role: 'NETWORK' })
  }
  hops.push({ participant: acquirer.id, role: 'ACQUIRER' })
  return hops
}

/** True when the last test of the capability was passed and its certificate has not expired at `now`. */
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

const directCorridor = ({ wallet, merchant, registry }: RouteRequest): Corridor | undefined =>
  wallet && registry.corridors.get(corridorIdOf(wallet.country, merchant.country))

function corridorsElsewhere({ wallet, merchant, registry }: RouteRequest): Candidate[] {
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
