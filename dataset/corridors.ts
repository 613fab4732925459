// The projects with partner countries, and their corridors.

import type { Direction } from '../schema/values/direction.ts'
import type { EntryMode } from '../schema/values/entry-mode.ts'
import { corridorIdOf, type ProjectId } from '../schema/values/id.ts'
import { money, type Money } from '../schema/values/money.ts'
import type { Corridor, PartnershipModel, Project } from '../subgraphs/shared/registry.ts'
import { currencyIn, mainland, offsetMinutesIn, partners, projectCountries } from './countries.ts'

/** Countries whose wallets pay in their own country through the network. */
const localCountries = ['SG', 'MY', 'TH', 'KH', 'LA', 'LK', 'NP', 'VN']

const thirdMarkets =
  'SG-MY MY-SG SG-TH TH-SG MY-TH TH-MY ID-MY MY-ID ID-SG TH-LA LA-TH TH-KH VN-KH KR-JP KR-VN HK-JP HK-TH HK-SG PH-SG AU-ID'

/** Corridors that are agreed and not open yet. */
const closed = new Set(['AU-ID'])

/** The limits per payment, and per customer and day, in CNY, by the model of the project. */
const limitsCny = { G2G: [100_000n, 200_000n], N2N: [50_000n, 100_000n], none: [35_000n, 70_000n] } as const

interface Terms {
  readonly entryModes: readonly EntryMode[]
  readonly freeUpToCny: bigint
  readonly basisPoints: number
  readonly quoteTtlSeconds: number
  readonly refundWindowDays: number
}

/**
 * Inbound: no fee up to CNY 200 and 3 % above, as published for foreign cards. The other terms are invented.
 */
const terms: Readonly<Record<Direction, Terms>> = {
  INBOUND: {
    entryModes: ['MPM_STATIC', 'MPM_DYNAMIC', 'CPM', 'IN_APP'],
    freeUpToCny: 200n,
    basisPoints: 300,
    quoteTtlSeconds: 300,
    refundWindowDays: 180,
  },
  OUTBOUND: {
    entryModes: ['MPM_STATIC', 'MPM_DYNAMIC', 'IN_APP'],
    freeUpToCny: 500n,
    basisPoints: 50,
    quoteTtlSeconds: 300,
    refundWindowDays: 90,
  },
  LOCAL: {
    entryModes: ['MPM_STATIC', 'MPM_DYNAMIC'],
    freeUpToCny: 200n,
    basisPoints: 0,
    quoteTtlSeconds: 600,
    refundWindowDays: 30,
  },
  THIRD_MARKET: {
    entryModes: ['MPM_STATIC', 'MPM_DYNAMIC'],
    freeUpToCny: 100n,
    basisPoints: 100,
    quoteTtlSeconds: 120,
    refundWindowDays: 60,
  },
}

/** Returns the 19 projects, sorted by id. */
export function makeProjects(): Project[] {
  return projectCountries
    .map(({ code, project }) => ({
      id: `${code.toLowerCase()}-${project.scheme}` as ProjectId,
      name: project.name,
      model: project.model,
      status: 'ACTIVE' as const,
      country: code,
      version: 1,
    }))
    .toSorted(byId)
}

/** Returns all corridors, sorted by id. */
export function makeCorridors(): Corridor[] {
  const projectOf = new Map(makeProjects().map((project) => [project.country, project]))
  const pairs: readonly (readonly [Direction, string, string])[] = [
    ...partners.map(({ code }) => ['INBOUND', code, mainland.code] as const),
    ...projectCountries.map(({ code }) => ['OUTBOUND', mainland.code, code] as const),
    ...localCountries.map((code) => ['LOCAL', code, code] as const),
    ...thirdMarkets.split(' ').map((pair) => ['THIRD_MARKET', pair.slice(0, 2), pair.slice(3)] as const),
  ]
  return pairs
    .map(([direction, from, to]) =>
      corridorOf(direction, from, to, projectOf.get(to === mainland.code ? from : to) ?? null),
    )
    .toSorted(byId)
}

function corridorOf(direction: Direction, from: string, to: string, project: Project | null): Corridor {
  const { entryModes, freeUpToCny, basisPoints, quoteTtlSeconds, refundWindowDays } = terms[direction]
  const [perPayment, perDay] = limitsCny[project?.model ?? 'none']
  const id = corridorIdOf(from, to)
  return {
    id,
    walletCountry: from,
    merchantCountry: to,
    direction,
    project: project?.id ?? null,
    status: closed.has(id) ? 'CLOSED' : 'OPEN',
    entryModes,
    currencies: [currencyIn(to)],
    limits: { perPayment: cny(perPayment), perDay: cny(perDay) },
    fees: { freeUpTo: cny(freeUpToCny), basisPoints },
    quoteTtlSeconds,
    authorizationTimeoutMs: 8_000,
    cancelCutoffMinutes: 30,
    refundWindowDays,
    settlementCurrency: settlementCurrency(direction, from, to, project?.model ?? null),
    settlementZone: {
      offsetMinutes: direction === 'LOCAL' ? offsetMinutesIn(to) : 480,
      cutOff: '23:00',
    },
    version: 1,
  }
}

/**
 * Central banks settle in the partner's currency and networks in USD; a corridor without a project settles in
 * CNY.
 */
function settlementCurrency(
  direction: Direction,
  from: string,
  to: string,
  model: PartnershipModel | null,
): Corridor['settlementCurrency'] {
  if (direction === 'LOCAL') return currencyIn(to)
  if (model === 'G2G') return currencyIn(to === mainland.code ? from : to)
  return model === 'N2N' ? 'USD' : 'CNY'
}

const cny = (yuan: bigint): Money => money(yuan * 100n, 'CNY')

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1)
