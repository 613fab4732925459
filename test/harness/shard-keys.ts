// How each collection lies on a sharded cluster, and what of the present code stands in the way.
// docs/decisions/limits-of-one-log.md explains the choices.

export interface Placement {
  /** The shard key; null for a collection that stays whole, on one shard. */
  readonly key: Readonly<Record<string, 1 | 'hashed'>> | null
  /** Unique indexes that a sharded cluster does not allow here, each with what must replace it. */
  readonly obstacles?: Readonly<Record<string, string>>
}

const byHash: Placement = { key: { _id: 'hashed' } }
/** Few documents, or one writer at a time. */
const whole: Placement = { key: null }

export const placements: Readonly<Record<string, Placement>> = {
  payments: {
    key: { _id: 'hashed' },
    obstacles: {
      key: 'the keys of payments move to the collection `keys`',
      reference: 'a reference becomes a document of its own, with the id “wallet/reference”',
      presentedCode: 'the presented code is claimed in its own document',
      quote: 'the quote is claimed in its own document',
      customerDay: 'the number of the day is claimed in a document of its own, “day/number”',
    },
  },
  quotes: byHash,
  presentedCodes: {
    key: { _id: 'hashed' },
    obstacles: { key: 'the keys of presented codes move to the collection `keys`' },
  },
  keys: byHash,
  // Of version 1 of the database; a migration drops it.
  customerDays: byHash,
  // Ids begin with the acquirer, so the lists of one acquirer are on few shards.
  merchants: { key: { _id: 1 } },
  codes: { key: { acquirer: 1, idempotencyKey: 1 } },
  webhookDeliveries: byHash,
  bookings: byHash,
  positions: byHash,
  positionParts: byHash,
  activityHours: byHash,
  activityMerchants: byHash,
  activitySums: byHash,
  alerts: whole,
  alertEvents: whole,
  alertHead: whole,
  audit: byHash,
  auditHead: whole,
  imports: byHash,
  importRejects: byHash,
  keyUses: byHash,
  settlementFilePieces: byHash,
  // Its last position is unique, because batches do not overlap. A sharded archive needs a plain index.
  logArchive: { key: { _id: 1 }, obstacles: { last: 'the index becomes a plain one' } },
  // One writer appends to its end.
  log: whole,
  logState: whole,
  leases: whole,
  hubs: whole,
  places: whole,
  meta: whole,
  budgets: byHash,
  merchantState: whole,
  offers: byHash,
  subgraphs: whole,
  ticks: whole,
  counters: whole,
  participants: whole,
  projects: whole,
  corridors: whole,
  qrProducts: whole,
  coverage: whole,
  coverageProfiles: whole,
  rates: whole,
  settlementBatches: whole,
  settlementFiles: whole,
  webhooks: whole,
  apiKeys: whole,
  secrets: whole,
}

/** True when a sharded cluster can keep a unique index: it begins with the whole shard key, by ranges. */
export function canBeUnique(key: Placement['key'], index: Readonly<Record<string, unknown>>): boolean {
  if (key === null) return true
  const fields = Object.keys(index)
  return Object.entries(key).every(([field, kind], n) => kind === 1 && fields[n] === field)
}
