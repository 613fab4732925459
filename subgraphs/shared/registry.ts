// The registry: participants, projects and corridors. They are few and read by every request, so each process
// mirrors them in memory. Only the participant subgraph writes them; the other subgraphs read them here.

import type { ClientSession, Db } from 'mongodb'
import type { Currency } from '../../schema/values/currency.ts'
import type { Direction } from '../../schema/values/direction.ts'
import type { EntryMode } from '../../schema/values/entry-mode.ts'
import type { CorridorId, ParticipantId, ProjectId } from '../../schema/values/id.ts'
import type { Money } from '../../schema/values/money.ts'
import type { Logger } from '../platform/logger.ts'
import { openMirror } from '../platform/mongo/mirror.ts'
import type { SigningSecret } from './signing-secret.ts'

export type Role = 'WALLET' | 'ACQUIRER' | 'NETWORK' | 'FX_PROVIDER' | 'SETTLEMENT_AGENT' | 'OPERATOR'
export type ParticipantStatus =
  'APPLIED' | 'REVIEW' | 'REJECTED' | 'SANDBOX' | 'CERTIFYING' | 'LIVE' | 'SUSPENDED' | 'CLOSED'
export type CapabilityName =
  'MPM_PAY' | 'MPM_ACCEPT' | 'CPM_PRESENT' | 'CPM_CHARGE' | 'REFUND' | 'WEBHOOK' | 'SETTLEMENT_FILE'

export interface Capability {
  readonly name: CapabilityName
  /** Outcome of the last test. */
  readonly passed: boolean
  /** Expiry of the certificate; null when the test was never passed. */
  readonly validUntil: Date | null
}

export interface StatusChange {
  readonly at: Date
  readonly from: ParticipantStatus | null
  readonly to: ParticipantStatus
  /** Id of the caller's participant. */
  readonly by: ParticipantId
  readonly reason: string
}

/** The endpoint for the requests that a participant answers. The API shows its URL, never its secrets. */
export interface Endpoint {
  readonly url: string
  /**
   * Newest first. All valid ones sign, so that a participant can replace a secret without losing requests.
   */
  readonly secrets: readonly SigningSecret[]
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
  readonly network: ParticipantId | null
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
  readonly version: number
}

export interface Corridor {
  /** Wallet country, a dash, merchant country: "TH-CN". */
  readonly id: CorridorId
  readonly walletCountry: string
  readonly merchantCountry: string
  readonly direction: Direction
  /** Id of the project behind it. */
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
  /** The zone of settlement dates, in minutes east of UTC, and the time of day there at which a date ends. */
  readonly settlementZone: { readonly offsetMinutes: number; readonly cutOff: string }
  readonly version: number
}

/**
 * The present content, in order of id. A change replaces a map as a whole, so no map should be kept across an
 * await.
 */
export interface Registry {
  readonly participants: ReadonlyMap<ParticipantId, Participant>
  readonly participantByIin: ReadonlyMap<string, Participant>
  readonly projects: ReadonlyMap<ProjectId, Project>
  readonly corridors: ReadonlyMap<CorridorId, Corridor>
  close(): Promise<void>
}

export interface MirroredRegistry extends Registry {
  /** Reads everything again now. When it resolves, the registry holds what was written before the call. */
  refresh(): Promise<void>
}

/** A participant, project or corridor as a document of its collection. */
export type Stored<Row extends { readonly id: string }> = Omit<Row, 'id'> & { readonly _id: string }

const collections = ['participants', 'projects', 'corridors'] as const
type CollectionName = (typeof collections)[number]

interface Rows {
  participants: ReadonlyMap<ParticipantId, Participant>
  participantByIin: ReadonlyMap<string, Participant>
  projects: ReadonlyMap<ProjectId, Project>
  corridors: ReadonlyMap<CorridorId, Corridor>
}

/**
 * Reads the three collections of `db` and mirrors them until `close`. While changes cannot be followed, the
 * registry has the content that was read last. Rejects when the first read fails.
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

async function readAll<Row extends { readonly id: string }>(
  db: Db,
  name: CollectionName,
  session: ClientSession,
): Promise<ReadonlyMap<Row['id'], Row>> {
  const stored = await db
    .collection<{ _id: Row['id'] }>(name)
    .find({}, { session, readConcern: 'majority' })
    .sort({ _id: 1 })
    .toArray()
  return new Map(stored.map(({ _id, ...row }) => [_id as Row['id'], { id: _id, ...row } as unknown as Row]))
}

const byIin = (participants: Iterable<Participant>): ReadonlyMap<string, Participant> =>
  new Map(
    [...participants].flatMap((participant) =>
      participant.iin === null ? [] : [[participant.iin, participant]],
    ),
  )
