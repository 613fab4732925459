// Participants, projects and corridors as tests need them: say what the test is about, the rest is filled in.

import { countries } from '../../schema/values/country.ts'
import { money } from '../../schema/values/money.ts'
import type { Corridor, Participant, Project, Reference } from '../../subgraphs/reference.ts'

export const aParticipant = (its: Partial<Participant> = {}): Participant => ({
  id: 'wallet-sg-01',
  iin: null,
  name: 'Merlion Pay',
  roles: ['WALLET'],
  country: 'SG',
  status: 'LIVE',
  connection: null,
  endpoint: null,
  capabilities: [],
  settlementCurrency: 'CNY',
  network: null,
  statusHistory: [],
  version: 1,
  ...its,
})

export const aProject = (its: Partial<Project> = {}): Project => ({
  id: 'sg-sgqr',
  name: 'SGQR link',
  model: 'N2N',
  status: 'ACTIVE',
  country: 'SG',
  ...its,
})

/** Its countries and direction follow from its id. */
export function aCorridor({ id = 'SG-CN', ...its }: Partial<Corridor> = {}): Corridor {
  const [walletCountry = '', merchantCountry = ''] = id.split('-')
  const currency = countries.find(({ code }) => code === merchantCountry)?.currency ?? 'CNY'
  return {
    id,
    walletCountry,
    merchantCountry,
    direction: directionOf(walletCountry, merchantCountry),
    project: null,
    status: 'OPEN',
    entryModes: ['MPM_STATIC', 'MPM_DYNAMIC'],
    currencies: [currency],
    limits: { perPayment: money(5_000_00n, 'CNY'), perDay: money(20_000_00n, 'CNY') },
    fees: { freeUpTo: money(200_00n, 'CNY'), basisPoints: 300 },
    quoteTtlSeconds: 120,
    authorizationTimeoutMs: 8000,
    cancelCutoffMinutes: 30,
    refundWindowDays: 90,
    settlementCurrency: 'CNY',
    settlementZone: { offsetMinutes: 480, cutOff: '23:00' },
    version: 1,
    ...its,
  }
}

function directionOf(walletCountry: string, merchantCountry: string): Corridor['direction'] {
  if (walletCountry === merchantCountry) return 'LOCAL'
  if (merchantCountry === 'CN') return 'INBOUND'
  return walletCountry === 'CN' ? 'OUTBOUND' : 'THIRD_MARKET'
}

/** A reference that stands still. */
export function aReference(rows: {
  readonly participants?: readonly Participant[]
  readonly projects?: readonly Project[]
  readonly corridors?: readonly Corridor[]
}): Reference {
  const byId = <Row extends { readonly id: string }>(all: readonly Row[] = []) =>
    new Map(all.map((row) => [row.id, row]))
  return {
    participants: byId(rows.participants),
    participantByIin: new Map(
      (rows.participants ?? []).flatMap((one) => (one.iin === null ? [] : [[one.iin, one]])),
    ),
    projects: byId(rows.projects),
    corridors: byId(rows.corridors),
    close: async () => {},
  }
}
