// Participants: who they are, what they may become, and which ones a filter means. No MongoDB, no GraphQL.

import { countryByCode } from '../../schema/values/country.ts'
import { isCurrency } from '../../schema/values/currency.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { Capability, CapabilityName, Participant, ParticipantStatus, Role } from '../reference.ts'
import { readCountries, readName, readNames } from '../filter.ts'

const roles: Readonly<Record<Role, true>> = {
  WALLET: true,
  ACQUIRER: true,
  NETWORK: true,
  FX_PROVIDER: true,
  SETTLEMENT_AGENT: true,
  OPERATOR: true,
}

const capabilityNames: Readonly<Record<CapabilityName, true>> = {
  MPM_PAY: true,
  MPM_ACCEPT: true,
  CPM_PRESENT: true,
  CPM_CHARGE: true,
  REFUND: true,
  WEBHOOK: true,
  SETTLEMENT_FILE: true,
}

/** Every status, and those that it may change to. */
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

/** Foreign institutions connect through UnionPay International; mainland ones, and networks, directly. */
const foreignGateway = 'network-unionpay'

/** Whether a capability holds at `now`: a certificate ends at `validUntil`, exclusive. */
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

/** A test for participants that match every given field, or why the filter means nothing. */
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

export interface Application {
  readonly id: string
  readonly name: string
  readonly roles: readonly string[]
  readonly country: string
  readonly iin?: string | null
  readonly settlementCurrency: string
}

/** The participant that an application makes, as APPLIED. `by` is the id of who entered it. */
export function apply(input: Application, by: string, now: Date): Participant | Refusal {
  if (!/^[a-z0-9-]{3,40}$/.test(input.id)) {
    return refuse('BAD_VALUE', 'an id is 3–40 of a–z, 0–9 and dashes', ['input', 'id'])
  }
  const name = input.name.trim()
  if (name.length < 1 || name.length > 120) {
    return refuse('BAD_VALUE', 'a name has 1–120 characters', ['input', 'name'])
  }
  const itsRoles = readNames(input.roles, roles, ['input', 'roles'])
  if (isRefusal(itsRoles)) return itsRoles
  if (!itsRoles) return refuse('BAD_VALUE', 'a participant has at least one role', ['input', 'roles'])
  if (!countryByCode(input.country)) {
    return refuse('UNKNOWN_COUNTRY', `"${input.country}" is not a country that the hub knows`, [
      'input',
      'country',
    ])
  }
  const iin = input.iin ?? null
  if (iin !== null && !/^\d{8}$/.test(iin)) {
    return refuse('BAD_VALUE', 'an institution identification number has 8 digits', ['input', 'iin'])
  }
  const { settlementCurrency } = input
  if (!isCurrency(settlementCurrency)) {
    return refuse('UNKNOWN_CURRENCY', `"${settlementCurrency}" is not a currency that the hub knows`, [
      'input',
      'settlementCurrency',
    ])
  }
  const takesPayments = itsRoles.has('WALLET') || itsRoles.has('ACQUIRER')
  return {
    id: input.id,
    iin,
    name,
    roles: [...itsRoles],
    country: input.country,
    status: 'APPLIED',
    connection: takesPayments ? 'SIMULATOR' : null,
    capabilities: [],
    settlementCurrency,
    network: input.country === 'CN' || itsRoles.has('NETWORK') ? null : foreignGateway,
    statusHistory: [{ at: now, from: null, to: 'APPLIED', by, reason: 'Applied' }],
    version: 1,
  }
}

export interface Certification {
  readonly capability: string
  readonly passed: boolean
  readonly validUntil?: Date | null
}

/** `participant` with the outcome of its latest test of a capability; a test that failed ends the certificate. */
export function certify(participant: Participant, input: Certification, now: Date): Participant | Refusal {
  const name = readName(input.capability, capabilityNames, ['input', 'capability'])
  if (isRefusal(name)) return name
  const validUntil = input.validUntil ?? yearAfter(now)
  if (input.passed && validUntil <= now) {
    return refuse('BAD_VALUE', 'a certificate ends in the future', ['input', 'validUntil'])
  }
  const outcome: Capability = { name, passed: input.passed, validUntil: input.passed ? validUntil : null }
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

/** `participant` in another status, with the change in its history. */
export function changeStatus(
  participant: Participant,
  input: StatusChangeInput,
  by: string,
  now: Date,
): Participant | Refusal {
  const to = readName(input.status, statusMoves, ['input', 'status'])
  if (isRefusal(to)) return to
  const reason = input.reason.trim()
  if (reason.length < 1 || reason.length > 500) {
    return refuse('BAD_VALUE', 'a reason has 1–500 characters', ['input', 'reason'])
  }
  const from = participant.status
  if (!statusMoves[from].includes(to)) {
    const allowed = statusMoves[from].join(' or ') || 'nothing'
    return refuse('STATUS_NOT_ALLOWED', `${participant.id} is ${from} and may become ${allowed}, not ${to}`, [
      'input',
      'status',
    ])
  }
  const statusHistory = [...participant.statusHistory, { at: now, from, to, by, reason }]
  return { ...participant, status: to, statusHistory, version: participant.version + 1 }
}
