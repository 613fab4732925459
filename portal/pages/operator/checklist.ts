// What a participant still lacks before it may go live, what of it ends soon, and which status may come next.

export interface Missing {
  readonly kind: 'connection' | 'capability' | 'expired' | 'expiring'
  /** The capability, or those of which one is enough; empty for a connection. */
  readonly what: string
}

interface Candidate {
  readonly roles: readonly string[]
  readonly connection: string | null
  readonly capabilities: readonly {
    readonly name: string
    readonly state: string
    readonly validUntil: string | null
  }[]
}

/** The statuses to which the operator may move a participant. */
export const nextStatuses = {
  APPLIED: ['REVIEW'],
  REVIEW: ['SANDBOX', 'REJECTED'],
  REJECTED: [],
  SANDBOX: ['CERTIFYING'],
  CERTIFYING: ['LIVE'],
  LIVE: ['SUSPENDED'],
  SUSPENDED: ['LIVE', 'CLOSED'],
  CLOSED: [],
} as const

/** A role cannot do its part without a certificate of one of these capabilities. */
const needed: Readonly<Record<string, readonly string[]>> = {
  WALLET: ['MPM_PAY', 'CPM_PRESENT'],
  ACQUIRER: ['MPM_ACCEPT', 'CPM_CHARGE'],
}
const soonMs = 30 * 86_400_000

export function missingOf({ roles, connection, capabilities }: Candidate): readonly Missing[] {
  const wanted = roles.flatMap((role) => (needed[role] ? [needed[role]] : []))
  const certified = new Set(capabilities.filter(({ state }) => state === 'CERTIFIED').map(({ name }) => name))
  const missing: Missing[] = wanted
    .filter((names) => !names.some((name) => certified.has(name)))
    .map((names) => ({ kind: 'capability', what: names.join(' / ') }))
  if (wanted.length > 0 && connection === null) missing.push({ kind: 'connection', what: '' })
  for (const { name, state, validUntil } of capabilities) {
    if (state === 'EXPIRED') missing.push({ kind: 'expired', what: name })
    else if (validUntil !== null && Date.parse(validUntil) - Date.now() < soonMs)
      missing.push({ kind: 'expiring', what: name })
  }
  return missing
}
