// The institutions: wallets, acquirers, networks and the few others that a hub has. Their names are invented and say so.

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

/** What somebody must be certified for, by role. */
const certified: Readonly<Record<Role, readonly CapabilityName[]>> = {
  WALLET: ['MPM_PAY', 'CPM_PRESENT', 'REFUND', 'SETTLEMENT_FILE'],
  ACQUIRER: ['MPM_ACCEPT', 'CPM_CHARGE', 'REFUND', 'SETTLEMENT_FILE'],
  NETWORK: ['SETTLEMENT_FILE'],
  FX_PROVIDER: [],
  SETTLEMENT_AGENT: ['SETTLEMENT_FILE'],
  OPERATOR: [],
}

const path = ['APPLIED', 'REVIEW', 'SANDBOX', 'CERTIFYING', 'LIVE', 'SUSPENDED', 'CLOSED'] as const

/** The statuses that lead to `status`, itself included. */
const wayTo = (status: ParticipantStatus): readonly ParticipantStatus[] =>
  status === 'REJECTED' ? ['APPLIED', 'REVIEW', 'REJECTED'] : path.slice(0, path.indexOf(status) + 1)

const reasons: Readonly<Record<ParticipantStatus, string>> = {
  APPLIED: 'Applied',
  REVIEW: 'Papers are complete',
  REJECTED: 'The licence does not cover cross-border payments',
  SANDBOX: 'Review passed',
  CERTIFYING: 'Sandbox tests passed',
  LIVE: 'Certified',
  SUSPENDED: 'Asked for a pause while its systems move',
  CLOSED: 'Left the programme',
}

/** Some that are not LIVE: a hub in use always has them. */
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

interface Plan {
  readonly id: string
  readonly name: string
  readonly roles: readonly Role[]
  readonly country: string
  readonly status: ParticipantStatus
}

/** Every participant, by id. Certificates end a year or more after `until`. */
export function makeParticipants(seed: number, until: Date): Participant[] {
  return plans(seed)
    .map((plan, index) => participantOf(plan, index, new Random(seed, 'participant', index), until))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

function plans(seed: number): Plan[] {
  const names = institutionNames(seed)
  const live = (country: string, role: 'WALLET' | 'ACQUIRER', count: number): Plan[] =>
    Array.from({ length: count }, (_, rank) =>
      named(numbered(role, country, rank + 1), names[role](), role, country),
    )
  const plan = [
    named('operator', 'Crossgate Operations (invented)', 'OPERATOR', mainland.code),
    named('network-unionpay', 'UnionPay International (simulated)', 'NETWORK', mainland.code),
    named('portal-demo', 'Straits QR Portal (invented)', 'NETWORK', 'SG'),
    named('fx-01', 'Silk Thread Exchange (invented)', 'FX_PROVIDER', 'HK'),
    named('settlement-01', 'Pearl River Settlement (invented)', 'SETTLEMENT_AGENT', mainland.code),
    ...projectCountries.map(({ code, project }) =>
      named(
        `network-${code.toLowerCase()}-${project.scheme}`,
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
    const before = plan.filter((one) => one.country === country && one.roles.includes(role)).length
    plan.push({ ...named(numbered(role, country, before + 1), names[role](), role, country), status })
  }
  return plan
}

const named = (id: string, name: string, role: Role, country: string): Plan => ({
  id,
  name,
  roles: [role],
  country,
  status: 'LIVE',
})

const numbered = (role: Role, country: string, number: number): string =>
  `${role.toLowerCase()}-${country.toLowerCase()}-${String(number).padStart(2, '0')}`

function participantOf(plan: Plan, index: number, random: Random, until: Date): Participant {
  const takesPayments = plan.roles.includes('WALLET') || plan.roles.includes('ACQUIRER')
  const isForeign = plan.country !== mainland.code && !plan.roles.includes('NETWORK')
  return {
    id: plan.id,
    // Numbers that begin with 9 are for use inside one country (ISO/IEC 7812), so none of these is anybody's.
    iin: takesPayments ? String(90_000_000 + index) : null,
    name: plan.name,
    roles: plan.roles,
    country: plan.country,
    status: plan.status,
    connection: takesPayments ? 'SIMULATOR' : null,
    endpoint: null,
    capabilities: capabilitiesOf(plan, random, until),
    settlementCurrency: currencyIn(plan.country),
    network: isForeign ? 'network-unionpay' : null,
    statusHistory: historyOf(plan, random, until),
    version: wayTo(plan.status).length,
  }
}

function capabilitiesOf({ roles, status }: Plan, random: Random, until: Date): Capability[] {
  const way = wayTo(status)
  if (!way.includes('CERTIFYING')) return []
  return roles
    .flatMap((role) => certified[role])
    .map((name, index) => {
      // Who is still at it has passed the first test only.
      const passed = way.includes('LIVE') || index === 0
      return { name, passed, validUntil: passed ? daysFrom(until, 400 + random.below(700)) : null }
    })
}

/** Who is or was LIVE became so before the first payment of the data, two years before `until`. */
function historyOf({ id, status }: Plan, random: Random, until: Date): StatusChange[] {
  const way = wayTo(status)
  let day = way.includes('LIVE') ? -1000 - random.below(300) : -150 - random.below(40)
  return way.map((to, step) => {
    if (to === 'SUSPENDED') day = -60 + random.below(20)
    else if (to === 'CLOSED') day = -30 + random.below(20)
    else if (step > 0) day += 10 + random.below(25)
    const from = way[step - 1] ?? null
    return { at: daysFrom(until, day), from, to, by: from === null ? id : 'operator', reason: reasons[to] }
  })
}

/** Nine in the morning of Beijing, so many days after the day of `date`. */
const daysFrom = (date: Date, days: number): Date =>
  new Date((Math.floor(date.getTime() / dayMs) + days) * dayMs + 3_600_000)
