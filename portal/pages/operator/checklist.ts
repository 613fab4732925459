// What a participant still lacks before it may go live, and what of it ends soon.

export interface Missing {
  readonly kind: 'connection' | 'capability' | 'expired' | 'expiring'
  /** The capability; empty for a connection. */
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

/** The capability without which a role cannot do its part. */
const needed: Readonly<Record<string, string>> = { WALLET: 'MPM_PAY', ACQUIRER: 'MPM_ACCEPT' }
const soonMs = 30 * 86_400_000

export function missingOf({ roles, connection, capabilities }: Candidate): readonly Missing[] {
  const wanted = roles.flatMap((role) => needed[role] ?? [])
  const certified = new Set(capabilities.filter(({ state }) => state === 'CERTIFIED').map(({ name }) => name))
  const missing: Missing[] = wanted
    .filter((name) => !certified.has(name))
    .map((what) => ({ kind: 'capability', what }))
  if (wanted.length > 0 && connection === null) missing.push({ kind: 'connection', what: '' })
  for (const { name, state, validUntil } of capabilities) {
    if (state === 'EXPIRED') missing.push({ kind: 'expired', what: name })
    else if (validUntil !== null && Date.parse(validUntil) - Date.now() < soonMs)
      missing.push({ kind: 'expiring', what: name })
  }
  return missing
}
