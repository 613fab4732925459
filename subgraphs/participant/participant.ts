// Participants: applications, certificates, changes of status, and filters. No MongoDB, no GraphQL.

import { countryByCode } from '../../schema/values/country.ts'
import { isCurrency } from '../../schema/values/currency.ts'
import type { ParticipantId } from '../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { readCountries, readName, readNames } from '../shared/read-names.ts'
import {
  hubParticipant,
  type Capability,
  type CapabilityName,
  type Participant,
  type ParticipantStatus,
  type Registry,
  type Role,
} from '../shared/registry.ts'
import { unknownCountry, unknownCurrency } from '../../schema/values/unknown.ts'

const roles: Readonly<Record<Role, true>> = {
  WALLET: true,
  ACQUIRER: true,
  NETWORK: true,
  FX_PROVIDER: true,
  SETTLEMENT_AGENT: true,
  OPERATOR: true,
}

/** Every capability, and the roles that can be certified for it. */
const rolesOfCapability: Readonly<Record<CapabilityName, readonly Role[]>> = {
  MPM_PAY: ['WALLET'],
  MPM_ACCEPT: ['ACQUIRER'],
  CPM_PRESENT: ['WALLET'],
  CPM_CHARGE: ['ACQUIRER'],
  REFUND: ['WALLET', 'ACQUIRER'],
  WEBHOOK: Object.keys(roles) as Role[],
  SETTLEMENT_FILE: Object.keys(roles) as Role[],
}

/**
 * A participant with one of these roles needs one of these certificates to go LIVE. Other roles need none.
 */
const certificatesToGoLive: readonly (readonly [Role, readonly CapabilityName[]])[] = [
  ['WALLET', ['MPM_PAY', 'CPM_PRESENT']],
  ['ACQUIRER', ['MPM_ACCEPT', 'CPM_CHARGE']],
]

/** Every status, and the statuses that may follow it. */
export const statusMoves: Readonly<Record<ParticipantStatus, readonly ParticipantStatus[]>> = {
  APPLIED: ['REVIEW'],
  REVIEW: ['SANDBOX', 'REJECTED'],
  REJECTED: [],
  SANDBOX: ['CERTIFYING'],
  CERTIFYING: ['LIVE'],
  LIVE: ['SUSPENDED'],
  SUSPENDED: ['LIVE', 'CLOSED'],
  CLOSED: [],
}

/** The state of a capability at `now`. A certificate has expired at `validUntil`. */
export function stateOf({ passed, validUntil }: Capability, now: Date): 'CERTIFIED' | 'EXPIRED' | 'FAILED' {
  if (!passed) return 'FAILED'
  return validUntil !== null && now < validUntil ? 'CERTIFIED' : 'EXPIRED'
}

export interface ParticipantFilterInput {
  readonly roles?: readonly string[] | null
  readonly countries?: readonly string[] | null
  readonly statuses?: readonly string[] | null
  readonly search?: string | null
}

/** A test for participants that match every given field. Refuses with BAD_VALUE or UNKNOWN_COUNTRY. */
export function readParticipantFilter(
  input: ParticipantFilterInput | null | undefined,
): ((participant: Participant) => boolean) | Refusal {
  const wantedRoles = readNames(input?.roles, roles, ['where', 'roles'])
  if (isRefusal(wantedRoles)) return wantedRoles
  const wantedCountries = readCountries(input?.countries, ['where', 'countries'])
  if (isRefusal(wantedCountries)) return wantedCountries
  const wantedStatuses = readNames(input?.statuses, statusMoves, ['where', 'statuses'])
  if (isRefusal(wantedStatuses)) return wantedStatuses
  const wantedWords = wordsOf(input?.search ?? '')
  return (participant) =>
    (!wantedRoles || participant.roles.some((role) => wantedRoles.has(role))) &&
    (!wantedCountries || wantedCountries.has(participant.country)) &&
    (!wantedStatuses || wantedStatuses.has(participant.status)) &&
    (wantedWords.length === 0 || hasWords(participant.name, wantedWords))
}

const hasWords = (name: string, wanted: readonly string[]): boolean => {
  const words = wordsOf(name)
  return wanted.every((beginning) => words.some((word) => word.startsWith(beginning)))
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []

export interface ApplicationInput {
  readonly id: ParticipantId
  readonly name: string
  readonly roles: readonly string[]
  readonly country: string
  readonly iin?: string | null
  readonly settlementCurrency: string
  readonly network?: ParticipantId | null
}

/** The content of an application. */
export type Application = Pick<
  Participant,
  'id' | 'name' | 'roles' | 'country' | 'iin' | 'settlementCurrency' | 'network'
>

/** Refuses with BAD_VALUE, UNKNOWN_COUNTRY, UNKNOWN_CURRENCY or PARTICIPANT_UNKNOWN. */
export function readApplication(
  input: ApplicationInput,
  participants: Registry['participants'],
): Application | Refusal {
  if (!/^[a-z0-9-]{3,40}$/.test(input.id)) {
    return refuse('BAD_VALUE', 'an id has 3–40 characters: a–z, 0–9 and dashes', ['input', 'id'])
  }
  const name = input.name.trim()
  if (name.length < 1 || name.length > 120 || /\p{Cc}/u.test(name)) {
    return refuse('BAD_VALUE', 'a name has 1–120 characters, none of them a control character', [
      'input',
      'name',
    ])
  }
  const requestedRoles = readNames(input.roles, roles, ['input', 'roles'])
  if (isRefusal(requestedRoles)) return requestedRoles
  if (!requestedRoles) return refuse('BAD_VALUE', 'a participant has at least one role', ['input', 'roles'])
  const { country, settlementCurrency } = input
  if (!countryByCode(country)) return unknownCountry(country, ['input', 'country'])
  const iin = input.iin ?? null
  if (iin !== null && !/^\d{8}$/.test(iin)) {
    return refuse('BAD_VALUE', 'an institution identification number has 8 digits', ['input', 'iin'])
  }
  if (!isCurrency(settlementCurrency)) {
    return unknownCurrency(settlementCurrency, ['input', 'settlementCurrency'])
  }
  const network = input.network ?? null
  if (network !== null && !participants.get(network)?.roles.includes('NETWORK')) {
    return refuse('PARTICIPANT_UNKNOWN', 'there is no network with this id', ['input', 'network'])
  }
  return { id: input.id, name, roles: [...requestedRoles], country, iin, settlementCurrency, network }
}

/** A new participant with the status APPLIED. `by` is the participant that enters the application. */
export function apply(application: Application, by: ParticipantId, now: Date): Participant {
  return {
    ...application,
    status: 'APPLIED',
    connection: takesPayments(application) ? 'SIMULATOR' : null,
    endpoint: null,
    capabilities: [],
    statusHistory: [{ at: now, from: null, to: 'APPLIED', by, reason: 'Applied' }],
    version: 1,
  }
}

/** The operator of an empty hub, which is LIVE at once: there is no other participant to admit it. */
export const firstOperator = (
  fields: Pick<Participant, 'name' | 'country' | 'settlementCurrency'>,
  now: Date,
): Participant => ({
  ...fields,
  id: hubParticipant,
  iin: null,
  roles: ['OPERATOR'],
  status: 'LIVE',
  connection: null,
  endpoint: null,
  capabilities: [],
  network: null,
  statusHistory: [
    { at: now, from: null, to: 'LIVE', by: hubParticipant, reason: 'First operator of the hub' },
  ],
  version: 1,
})

/** True for participants that answer requests of payments, and therefore need a connection. */
export const takesPayments = (participant: Pick<Participant, 'roles'>): boolean =>
  participant.roles.includes('WALLET') || participant.roles.includes('ACQUIRER')

/** Null while a participant may still change. Refuses for REJECTED and CLOSED participants. */
export function checkNotGone({ id, status }: Participant): Refusal | null {
  if (status !== 'REJECTED' && status !== 'CLOSED') return null
  return refuse('STATUS_NOT_ALLOWED', `${id} is ${status} and can no longer change`, ['input', 'participant'])
}

export interface CertificationInput {
  readonly capability: string
  readonly passed: boolean
  readonly validUntil?: Date | null
  readonly report?: string | null
}

/** The outcome of a certification. */
export interface Certification {
  readonly name: CapabilityName
  readonly passed: boolean
  /** Expiry of the certificate; null for a year from now. */
  readonly validUntil: Date | null
  /** SHA-256 of the report that it stands on; null without one. */
  readonly report: string | null
}

/** Refuses with BAD_VALUE. */
export function readCertification(input: CertificationInput): Certification | Refusal {
  const name = readName(input.capability, rolesOfCapability, ['input', 'capability'])
  if (isRefusal(name)) return name
  const report = input.report ?? null
  if (report !== null && !/^[0-9a-f]{64}$/.test(report)) {
    return refuse('BAD_VALUE', 'a report is named by its SHA-256, 64 hexadecimal digits', ['input', 'report'])
  }
  return { name, passed: input.passed, validUntil: input.validUntil ?? null, report }
}

/** `participant` with the outcome of a certification. A failed one revokes the certificate. */
export function certify(
  participant: Participant,
  { name, passed, validUntil, report }: Certification,
  now: Date,
): Participant | Refusal {
  const gone = checkNotGone(participant)
  if (gone) return gone
  if (!rolesOfCapability[name].some((role) => participant.roles.includes(role))) {
    return refuse(
      'BAD_VALUE',
      `${name} is for ${rolesOfCapability[name].join(' and ')}, but ${participant.id} is ${participant.roles.join(' and ')}`,
      ['input', 'capability'],
    )
  }
  const end = validUntil ?? yearAfter(now)
  if (passed && end <= now) {
    return refuse('BAD_VALUE', `a certificate expires in the future, not at ${end.toISOString()}`, [
      'input',
      'validUntil',
    ])
  }
  const outcome: Capability = { name, passed, validUntil: passed ? end : null, report }
  const others = participant.capabilities.filter((capability) => capability.name !== name)
  return { ...participant, capabilities: [...others, outcome], version: participant.version + 1 }
}

function yearAfter(now: Date): Date {
  const then = new Date(now)
  then.setUTCFullYear(then.getUTCFullYear() + 1)
  return then
}

export interface StatusChangeInput {
  readonly status: string
  readonly reason: string
}

/** Refuses with BAD_VALUE. */
export function readStatusChange(
  input: StatusChangeInput,
): { readonly to: ParticipantStatus; readonly reason: string } | Refusal {
  const to = readName(input.status, statusMoves, ['input', 'status'])
  if (isRefusal(to)) return to
  const reason = input.reason.trim()
  if (reason.length >= 1 && reason.length <= 500) return { to, reason }
  return refuse('BAD_VALUE', 'a reason has 1–500 characters', ['input', 'reason'])
}

/**
 * `participant` with another status and the change in its history. `by` is the participant that makes the
 * change.
 */
export function changeStatus(
  participant: Participant,
  { to, reason }: { readonly to: ParticipantStatus; readonly reason: string },
  {
    by,
    now,
    isProduction,
  }: { readonly by: ParticipantId; readonly now: Date; readonly isProduction: boolean },
): Participant | Refusal {
  const { id, status: from } = participant
  if (!statusMoves[from].includes(to)) {
    const allowed = statusMoves[from].join(' or ') || 'nothing'
    return refuse('STATUS_NOT_ALLOWED', `${id} is ${from} and may become ${allowed}, not ${to}`, statusPath)
  }
  const obstacle = to === 'LIVE' ? obstacleToLive(participant, now, isProduction) : null
  if (obstacle) return obstacle
  const statusHistory = [...participant.statusHistory, { at: now, from, to, by, reason }]
  return { ...participant, status: to, statusHistory, version: participant.version + 1 }
}

function obstacleToLive(participant: Participant, now: Date, isProduction: boolean): Refusal | null {
  const certified = new Set(
    participant.capabilities
      .filter((capability) => stateOf(capability, now) === 'CERTIFIED')
      .map(({ name }) => name),
  )
  const lacking = certificatesToGoLive.find(
    ([role, names]) => participant.roles.includes(role) && !names.some((name) => certified.has(name)),
  )
  if (lacking) {
    const [role, names] = lacking
    return refuse(
      'NOT_CERTIFIED',
      `${participant.id} is ${role} and needs a valid certificate of ${names.join(' or ')} to go LIVE`,
      statusPath,
    )
  }
  if (isProduction && participant.connection === 'SIMULATOR') {
    return refuse('SIMULATOR_NOT_ALLOWED', `${participant.id} is connected to the simulator`, statusPath)
  }
  return null
}

const statusPath = ['input', 'status']
