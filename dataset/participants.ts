// The institutions of the data set: wallets, acquirers, networks and others. Their names are invented and
// marked as such.

import type { ParticipantId } from '../schema/values/id.ts'
import type {
  Capability,
  CapabilityName,
  Participant,
  ParticipantStatus,
  Role,
  StatusChange,
} from '../subgraphs/shared/registry.ts'
import { currencyIn, mainland, partners, projectCountries } from './countries.ts'
import { institutionNames } from './names.ts'
import { Random } from './random.ts'

const dayMs = 86_400_000

const idOf = (text: string) => text as ParticipantId
const operator = idOf('operator')
const unionPay = idOf('network-unionpay')

/** The capabilities that a role must be certified for. */
const certified: Readonly<Record<Role, readonly CapabilityName[]>> = {
  WALLET: ['MPM_PAY', 'CPM_PRESENT', 'REFUND', 'SETTLEMENT_FILE'],
  ACQUIRER: ['MPM_ACCEPT', 'CPM_CHARGE', 'REFUND', 'SETTLEMENT_FILE'],
  NETWORK: ['SETTLEMENT_FILE'],
  FX_PROVIDER: [],
  SETTLEMENT_AGENT: ['SETTLEMENT_FILE'],
  OPERATOR: [],
}

const path = ['APPLIED', 'REVIEW', 'SANDBOX', 'CERTIFYING', 'LIVE', 'SUSPENDED', 'CLOSED'] as const

/** The statuses up to and including `status`. */
const statusesUpTo = (status: ParticipantStatus): readonly ParticipantStatus[] =>
  status === 'REJECTED' ? ['APPLIED', 'REVIEW', 'REJECTED'] : path.slice(0, path.indexOf(status) + 1)

const reasons: Readonly<Record<ParticipantStatus, string>> = {
  APPLIED: 'Applied',
  REVIEW: 'All documents received',
  REJECTED: 'The licence does not cover cross-border payments',
  SANDBOX: 'Review passed',
  CERTIFYING: 'Sandbox tests passed',
  LIVE: 'Certified',
  SUSPENDED: 'Requested a pause for a migration of its systems',
  CLOSED: 'Left the programme',
}

/** Institutions that are not LIVE, as every hub in use has them. */
const unfinished: readonly (readonly [
  country: string,
  role: 'WALLET' | 'ACQUIRER',
  status: ParticipantStatus,
])[] = [
  ['DE', 'WALLET', 'APPLIED'],
  ['CH', 'WALLET', 'APPLIED'],
  ['IN', 'WALLET', 'REVIEW'],
  ['SA', 'WALLET', 'REVIEW'],
  ['GE', 'WALLET', 'SANDBOX'],
  ['PE', 'WALLET', 'SANDBOX'],
  ['FR', 'WALLET', 'CERTIFYING'],
  ['TH', 'WALLET', 'SUSPENDED'],
  ['PH', 'WALLET', 'SUSPENDED'],
  ['ZA', 'WALLET', 'REJECTED'],
  ['JP', 'WALLET', 'CLOSED'],
  ['VN', 'ACQUIRER', 'SANDBOX'],
  ['CN', 'ACQUIRER', 'SUSPENDED'],
]

interface ParticipantPlan {
  readonly id: ParticipantId
  readonly name: string
  readonly roles: readonly Role[]
  readonly country: string
  readonly status: ParticipantStatus
}

/** Returns all participants, sorted by id. Certificates expire a year or more after `until`. */
export function makeParticipants(seed: number, until: Date): Participant[] {
  return plans(seed)
    .map((plan, index) => participantOf(plan, index, new Random(seed, 'participant', index), until))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

function plans(seed: number): ParticipantPlan[] {
  const names = institutionNames(seed)
  const live = (country: string, role: 'WALLET' | 'ACQUIRER', count: number): ParticipantPlan[] =>
    Array.from({ length: count }, (_, rank) =>
      named(numbered(role, country, rank + 1), names[role](), role, country),
    )
  const plan = [
    named(operator, 'Crossgate Operations (invented)', 'OPERATOR', mainland.code),
    named(unionPay, 'UnionPay International (simulated)', 'NETWORK', mainland.code),
    named(idOf('portal-demo'), 'Straits QR Portal (invented)', 'NETWORK', 'SG'),
    named(idOf('fx-01'), 'Silk Thread Exchange (invented)', 'FX_PROVIDER', 'HK'),
    named(idOf('settlement-01'), 'Pearl River Settlement (invented)', 'SETTLEMENT_AGENT', mainland.code),
    ...projectCountries.map(({ code, project }) =>
      named(
        idOf(`network-${code.toLowerCase()}-${project.scheme}`),
        `${project.name.replace(' (illustrative)', '')} (simulated)`,
        'NETWORK',
        code,
      ),
    ),
    ...live(mainland.code, 'WALLET', mainland.wallets),
    ...live(mainland.code, 'ACQUIRER', mainland.acquirers),
    ...partners.flatMap(({ code, wallets }) => live(code, 'WALLET', wallets)),
    ...projectCountries.flatMap(({ code, project }) => live(code, 'ACQUIRER', project.acquirers)),
  ]
  for (const [country, role, status] of unfinished) {
    const before = plan.filter((other) => other.country === country && other.roles.includes(role)).length
    plan.push({ ...named(numbered(role, country, before + 1), names[role](), role, country), status })
  }
  return plan
}

const named = (id: ParticipantId, name: string, role: Role, country: string): ParticipantPlan => ({
  id,
  name,
  roles: [role],
  country,
  status: 'LIVE',
})

const numbered = (role: Role, country: string, number: number): ParticipantId =>
  idOf(`${role.toLowerCase()}-${country.toLowerCase()}-${String(number).padStart(2, '0')}`)

function participantOf(plan: ParticipantPlan, index: number, random: Random, until: Date): Participant {
  const takesPayments = plan.roles.includes('WALLET') || plan.roles.includes('ACQUIRER')
  const isForeign = plan.country !== mainland.code && !plan.roles.includes('NETWORK')
  return {
    id: plan.id,
    // Numbers with a leading 9 are assigned within one country (ISO/IEC 7812), so no institution has these.
    iin: takesPayments ? String(90_000_000 + index) : null,
    name: plan.name,
    roles: plan.roles,
    country: plan.country,
    status: plan.status,
    connection: takesPayments ? 'SIMULATOR' : null,
    endpoint: null,
    capabilities: capabilitiesOf(plan, random, until),
    settlementCurrency: currencyIn(plan.country),
    network: isForeign ? unionPay : null,
    statusHistory: historyOf(plan, random, until),
    version: statusesUpTo(plan.status).length,
  }
}

function capabilitiesOf({ roles, status }: ParticipantPlan, random: Random, until: Date): Capability[] {
  const statuses = statusesUpTo(status)
  if (!statuses.includes('CERTIFYING')) return []
  return roles
    .flatMap((role) => certified[role])
    .map((name, index) => {
      // A participant that is still certifying has passed only the first test.
      const passed = statuses.includes('LIVE') || index === 0
      return { name, passed, validUntil: passed ? daysFrom(until, 400 + random.below(700)) : null }
    })
}

/**
 * The status changes. A participant that is or was LIVE became so before the first payment, two years before
 * `until`.
 */
function historyOf({ id, status }: ParticipantPlan, random: Random, until: Date): StatusChange[] {
  const statuses = statusesUpTo(status)
  let day = statuses.includes('LIVE') ? -1000 - random.below(300) : -150 - random.below(40)
  return statuses.map((to, step) => {
    if (to === 'SUSPENDED') day = -60 + random.below(20)
    else if (to === 'CLOSED') day = -30 + random.below(20)
    else if (step > 0) day += 10 + random.below(25)
    const from = statuses[step - 1] ?? null
    return { at: daysFrom(until, day), from, to, by: from === null ? id : operator, reason: reasons[to] }
  })
}

/** 09:00 Beijing time, `days` days after the day of `date`. */
const daysFrom = (date: Date, days: number): Date =>
  new Date((Math.floor(date.getTime() / dayMs) + days) * dayMs + 3_600_000)
