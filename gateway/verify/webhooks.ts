// Webhooks: each endpoint has one delivery for each entry of the log that it wants and its owner may see.

import { Check } from './check.ts'
import type { Corridor, Entry, Participant } from './documents.ts'
import { Sum } from './fingerprint.ts'
import type { Published } from './projections.ts'
import type { Snapshot } from './snapshot.ts'

/** A document of `webhooks`. */
export interface Endpoint {
  readonly _id: string
  readonly owner: string
  readonly events: readonly string[]
  readonly status: string
  readonly since: bigint
}

interface Watched extends Endpoint {
  sees(entry: Entry): boolean
}

/** Deliveries are deleted after 30 days. */
const keptMs = 29 * 86_400_000
/** Deliveries of one span of positions are compared at a time, so that a difference has a place. */
const spanSize = 10_000n

export class Webhooks {
  readonly check = new Check('webhooks', 'each endpoint has one delivery for each event that is for it')
  readonly #published: Published
  readonly #from: Date
  readonly #watched: readonly Watched[]
  readonly #expected = new Map<string, Sum>()

  constructor(
    published: Published,
    endpoints: readonly Endpoint[],
    participants: ReadonlyMap<string, Participant>,
    corridors: readonly Corridor[],
    nowMs: number,
  ) {
    this.#published = published
    this.#from = new Date(nowMs - keptMs)
    this.#watched = endpoints
      .filter(({ status }) => status === 'ACTIVE')
      .map((endpoint) => ({
        ...endpoint,
        sees: visibilityOf(participants.get(endpoint.owner), participants, corridors),
      }))
  }

  addEntry(entry: Entry): void {
    const { _id, kind, at } = entry
    if (_id > this.#published.position || at < this.#from) return
    for (const endpoint of this.#watched) {
      const wants = endpoint.events.includes('*') || endpoint.events.includes(kind)
      if (wants && _id > endpoint.since && endpoint.sees(entry))
        this.#sumOf(this.#expected, endpoint._id, _id).add(`${_id}`)
    }
  }

  async finish(snapshot: Snapshot): Promise<void> {
    const stored = new Map<string, Sum>()
    const ids = this.#watched.map(({ _id }) => _id)
    interface Delivery {
      readonly _id: string
      readonly endpoint: string
      readonly position: bigint
      readonly createdAt: Date
    }
    const filter = { endpoint: { $in: ids }, createdAt: { $gte: this.#from } }
    const projection = { endpoint: 1, position: 1, createdAt: 1 }
    for await (const { endpoint, position } of snapshot.find<Delivery>('webhookDeliveries', filter, {
      projection,
    })) {
      this.#sumOf(stored, endpoint, position).add(`${position}`)
    }
    for (const key of new Set([...this.#expected.keys(), ...stored.keys()])) {
      const [found, expected] = [stored.get(key) ?? new Sum(), this.#expected.get(key) ?? new Sum()]
      this.check.checked += expected.count
      if (!found.equals(expected)) {
        this.check.fail(key, `${found.count} deliveries for ${expected.count} events from this position on`)
      }
    }
  }

  #sumOf(sums: Map<string, Sum>, endpoint: string, position: bigint): Sum {
    const key = `${endpoint}, position ${position - (position % spanSize)}`
    let sum = sums.get(key)
    if (!sum) sums.set(key, (sum = new Sum()))
    return sum
  }
}

/** A wallet sees its own payments, an acquirer those at its merchants, a network those of its corridors. */
function visibilityOf(
  owner: Participant | undefined,
  participants: ReadonlyMap<string, Participant>,
  corridors: readonly Corridor[],
): (entry: Entry) => boolean {
  if (!owner || owner.status === 'CLOSED' || owner.status === 'REJECTED') return () => false
  const { _id, roles } = owner
  if (roles.includes('OPERATOR')) return () => true
  const countries = new Set(
    [...participants.values()]
      .filter((one) => one._id === _id || one.network === _id)
      .map(({ country }) => country),
  )
  const reached = new Set(
    corridors
      .filter(
        ({ walletCountry, merchantCountry }) =>
          countries.has(walletCountry) || countries.has(merchantCountry),
      )
      .map((corridor) => corridor._id),
  )
  return ({ payment: { wallet, acquirer, corridor } }) =>
    (roles.includes('WALLET') && wallet === _id) ||
    (roles.includes('ACQUIRER') && acquirer === _id) ||
    (roles.includes('NETWORK') && reached.has(corridor))
}
