// Participants, projects and corridors: small, hot, and wanted by every subgraph, so each process keeps them in memory.
// The participant subgraph alone writes them; everybody else reads them here.
import type { ClientSession, Db } from 'mongodb'
import type { Currency } from '../../schema/values/currency.ts'
import type { Money } from '../../schema/values/money.ts'
import type { Direction } from '../../schema/values/direction.ts'
import type { EntryMode } from '../../schema/values/entry-mode.ts'
import { openMirror } from '../platform/mongo/mirror.ts'
import type { Logger } from '../platform/logger.ts'
import type { CorridorId, ParticipantId, ProjectId } from '../../schema/values/id.ts'

export type Role = 'WALLET' | 'ACQUIRER' | 'NETWORK' | 'FX_PROVIDER' | 'SETTLEMENT_AGENT' | 'OPERATOR'
export type ParticipantStatus =
  'APPLIED' | 'REVIEW' | 'REJECTED' | 'SANDBOX' | 'CERTIFYING' | 'LIVE' | 'SUSPENDED' | 'CLOSED'
export type CapabilityName =
  'MPM_PAY' | 'MPM_ACCEPT' | 'CPM_PRESENT' | 'CPM_CHARGE' | 'REFUND' | 'WEBHOOK' | 'SETTLEMENT_FILE'

export interface Capability {
  readonly name: CapabilityName
  /** Outcome of the last test. */
  readonly passed: boolean
  /** When the certificate ends; null when it was never passed. */
  readonly validUntil: Date | null
}

export interface StatusChange {
  readonly at: Date
  readonly from: ParticipantStatus | null
  readonly to: ParticipantStatus
  /** Id of the participant that made the change. */
  readonly by: ParticipantId
  readonly reason: string
}

/** Where the hub sends what waits for a participant's answer, and what it signs that with. Never shown, but for the address. */
export interface Endpoint {
  readonly url: string
  /** The newest first. All that have not ended sign: a participant that rotates has time to take up the new one. */
  readonly secrets: readonly {
    /** "whsec_" and the base64 of 32 bytes, as Standard Webhooks writes it. */
    readonly secret: string
    /** When it signs no longer, exclusive; null for the one that stays. */
    readonly notAfter: Date | null
  }[]
}

export interface Participant {
  readonly id: ParticipantId
  /** Institution identification number, 8 digits. */
  readonly iin: string | null
  readonly name: string
  readonly roles: readonly Role[]
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  readonly status: ParticipantStatus
  readonly connection: 'STREAM' | 'WEBHOOK' | 'SIMULATOR' | null
  /** Null unless the connection is WEBHOOK. */
  readonly endpoint: Endpoint | null
  readonly capabilities: readonly Capability[]
  readonly settlementCurrency: Currency
  /** Id of the network through which a foreign institution connects; null when it connects directly. */
  readonly network: string | null
  /** Oldest first. */
  readonly statusHistory: readonly StatusChange[]
  readonly version: number
}

export type PartnershipModel = 'G2G' | 'N2N'
export interface Project {
  readonly id: ProjectId
  readonly name: string
  readonly model: PartnershipModel
  readonly status: 'PLANNED' | 'PILOT' | 'ACTIVE' | 'ENDED'
  /** The partner country, ISO 3166-1 alpha-2. */
  readonly country: string
}

export interface Corridor {
  /** Wallet country, a dash, merchant country: "TH-CN". */
  readonly id: CorridorId
  readonly walletCountry: string
  readonly merchantCountry: string
  readonly direction: Direction
  /** Id of the agreement behind it. */
  readonly project: ProjectId | null
  readonly status: 'OPEN' | 'CLOSED'
  readonly entryModes: readonly EntryMode[]
  /** Currencies that merchants may be paid in. */
  readonly currencies: readonly Currency[]
  readonly limits: { readonly perPayment: Money; readonly perDay: Money }
  /** No fee up to and including `freeUpTo`; above it, `basisPoints` of the whole amount. */
  readonly fees: { readonly freeUpTo: Money; readonly basisPoints: number }
  readonly quoteTtlSeconds: number
  readonly authorizationTimeoutMs: number
  readonly cancelCutoffMinutes: number
  readonly refundWindowDays: number
  readonly settlementCurrency: Currency
  /** Minutes east of UTC of the zone that `settlementDate` is in, and the time of day there at which a date ends. */
  readonly settlementZone: { readonly offsetMinutes: number; readonly cutOff: string }
  readonly version: number
}

/** All of it, as of now, in order of id. Maps are replaced as a whole when something changes, so keep none of them across an await. */
export interface Registry {
  readonly participants: ReadonlyMap<string, Participant>
  readonly participantByIin: ReadonlyMap<string, Participant>
  readonly projects: ReadonlyMap<string, Project>
  readonly corridors: ReadonlyMap<string, Corridor>
  close(): Promise<void>
}

/** The mirror of what MongoDB holds. */
export interface MirroredRegistry extends Registry {
  /** Reads everything again now: for who has just written and wants to see it. */
  refresh(): Promise<void>
}

/** How a participant, project or corridor lies in its collection. */
export type Stored<Row extends { readonly id: string }> = Omit<Row, 'id'> & { readonly _id: string }

const collections = ['participants', 'projects', 'corridors'] as const
type CollectionName = (typeof collections)[number]

interface Rows {
  participants: ReadonlyMap<string, Participant>
  participantByIin: ReadonlyMap<string, Participant>
  projects: ReadonlyMap<string, Project>
  corridors: ReadonlyMap<string, Corridor>
}

/**
 * Loads the three collections of `db` and follows them until `close`; while they cannot be followed it says what it last
 * knew. Rejects when the first load fails.
 */
export async function openRegistry(db: Db, logger: Logger): Promise<MirroredRegistry> {
  const rows: Rows = {
    participants: new Map(),
    participantByIin: new Map(),
    projects: new Map(),
    corridors: new Map(),
  }
  const mirror = await openMirror({
    db,
    logger,
    content: 'participants and corridors',
    collections,
    async read(names, session) {
      const fresh: Partial<Rows> = {}
      if (names.has('participants')) {
        const participants = await readAll<Participant>(db, 'participants', session)
        fresh.participants = participants
        fresh.participantByIin = byIin(participants.values())
      }
      if (names.has('projects')) fresh.projects = await readAll(db, 'projects', session)
      if (names.has('corridors')) fresh.corridors = await readAll(db, 'corridors', session)
      Object.assign(rows, fresh)
    },
  })
  return {
    get participants() {
      return rows.participants
    },
    get participantByIin() {
      return rows.participantByIin
    },
    get projects() {
      return rows.projects
    },
    get corridors() {
      return rows.corridors
    },
    ...mirror,
  }
}

async function readAll<Row>(
  db: Db,
  name: CollectionName,
  session: ClientSession,
): Promise<ReadonlyMap<string, Row>> {
  const stored = await db
    .collection<{ _id: string }>(name)
    .find({}, { session, readConcern: 'majority' })
    .sort({ _id: 1 })
    .toArray()
  return new Map(stored.map(({ _id, ...row }) => [_id, { id: _id, ...row } as Row]))
}

const byIin = (participants: Iterable<Participant>): ReadonlyMap<string, Participant> =>
  new Map(
    [...participants].flatMap((participant) =>
      participant.iin === null ? [] : [[participant.iin, participant]],
    ),
  )
