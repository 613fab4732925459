// Whether the hub accepts a key, and until when.

interface Ends {
  readonly expiresAt: string | null
  readonly revokedAt: string | null
}

export type KeyState = 'ACTIVE' | 'EXPIRED' | 'REVOKED'

export function stateOf({ expiresAt, revokedAt }: Ends, now: number): KeyState {
  if (revokedAt !== null) return 'REVOKED'
  return expiresAt !== null && Date.parse(expiresAt) <= now ? 'EXPIRED' : 'ACTIVE'
}
