// The programme's figures about connected wallets and projects. No MongoDB, no GraphQL.

import type { Participant, Project } from '../shared/registry.ts'

export interface ProgrammeFigures {
  readonly wallets: number
  readonly walletCountries: number
  readonly projects: number
  readonly projectCountries: number
}

/** Counts the wallets that are LIVE and not of the mainland. */
export function programmeFigures(
  participants: Iterable<Participant>,
  projects: Iterable<Project>,
): ProgrammeFigures {
  const wallets = [...participants].filter(
    ({ roles, status, country }) => roles.includes('WALLET') && status === 'LIVE' && country !== 'CN',
  )
  const agreements = [...projects]
  return {
    wallets: wallets.length,
    walletCountries: new Set(wallets.map(({ country }) => country)).size,
    projects: agreements.length,
    projectCountries: new Set(agreements.map(({ country }) => country)).size,
  }
}
