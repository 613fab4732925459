// Corridors: which ones a filter means, and how their terms change. No MongoDB, no GraphQL.

import { parseMoney, type Money } from '../../schema/values/money.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { Corridor, Direction, PartnershipModel, Project } from '../reference.ts'
import { readCountries, readName, readNames } from '../filter.ts'

const models: Readonly<Record<PartnershipModel, true>> = { G2G: true, N2N: true }
const statuses: Readonly<Record<Corridor['status'], true>> = { OPEN: true, CLOSED: true }

export interface CorridorFilterInput {
  readonly walletCountries?: readonly string[] | null
  readonly merchantCountries?: readonly string[] | null
  readonly directions?: readonly Direction[] | null
  readonly models?: readonly string[] | null
}

/** The partnership model of a corridor's project; null without a project. */
export const modelOf = (
  { project }: Corridor,
  projects: ReadonlyMap<string, Project>,
): PartnershipModel | null => (project === null ? null : (projects.get(project)?.model ?? null))

/** A test for corridors that match every given field, or why the filter means nothing. */
export function readCorridorFilter(
  input: CorridorFilterInput | null | undefined,
  projects: ReadonlyMap<string, Project>,
): ((corridor: Corridor) => boolean) | Refusal {
  const walletCountries = readCountries(input?.walletCountries, ['where', 'walletCountries'])
  if (isRefusal(walletCountries)) return walletCountries
  const merchantCountries = readCountries(input?.merchantCountries, ['where', 'merchantCountries'])
  if (isRefusal(merchantCountries)) return merchantCountries
  const wantedModels = readNames(input?.models, models, ['where', 'models'])
  if (isRefusal(wantedModels)) return wantedModels
  const directions = input?.directions?.length ? new Set(input.directions) : null
  return (corridor) => {
    const model = modelOf(corridor, projects)
    return (
      (!walletCountries || walletCountries.has(corridor.walletCountry)) &&
      (!merchantCountries || merchantCountries.has(corridor.merchantCountry)) &&
      (!directions || directions.has(corridor.direction)) &&
      (!wantedModels || (model !== null && wantedModels.has(model)))
    )
  }
}

interface MoneyInput {
  readonly amount: string
  readonly currency: string
}

export interface CorridorTerms {
  readonly expectedVersion: number
  readonly status?: string | null
  readonly perPayment?: MoneyInput | null
  readonly perDay?: MoneyInput | null
  readonly freeUpTo?: MoneyInput | null
  readonly basisPoints?: number | null
  readonly quoteTtlSeconds?: number | null
  readonly authorizationTimeoutMs?: number | null
  readonly refundWindowDays?: number | null
}

/** What each number may be, inclusive. */
const bounds = {
  basisPoints: [0, 1000],
  quoteTtlSeconds: [60, 600],
  authorizationTimeoutMs: [1000, 60_000],
  refundWindowDays: [0, 365],
} as const

/** `corridor` with other terms; what is left out stays. Amounts stay in the currency that they are in. */
export function changeTerms(corridor: Corridor, input: CorridorTerms): Corridor | Refusal {
  if (input.expectedVersion !== corridor.version) {
    return refuse('VERSION_CONFLICT', `${corridor.id} is at version ${corridor.version}`, [
      'input',
      'expectedVersion',
    ])
  }
  const status = input.status ? readName(input.status, statuses, ['input', 'status']) : corridor.status
  if (isRefusal(status)) return status
  const perPayment = readAmount(input.perPayment, corridor.limits.perPayment, 'perPayment')
  if (isRefusal(perPayment)) return perPayment
  const perDay = readAmount(input.perDay, corridor.limits.perDay, 'perDay')
  if (isRefusal(perDay)) return perDay
  const freeUpTo = readAmount(input.freeUpTo, corridor.fees.freeUpTo, 'freeUpTo')
  if (isRefusal(freeUpTo)) return freeUpTo
  for (const [name, [least, most]] of Object.entries(bounds)) {
    const value = input[name as keyof typeof bounds]
    if (value !== null && value !== undefined && (value < least || value > most)) {
      return refuse('BAD_VALUE', `\`${name}\` is ${least}–${most}, not ${value}`, ['input', name])
    }
  }
  return {
    ...corridor,
    status,
    limits: { perPayment, perDay },
    fees: { freeUpTo, basisPoints: input.basisPoints ?? corridor.fees.basisPoints },
    quoteTtlSeconds: input.quoteTtlSeconds ?? corridor.quoteTtlSeconds,
    authorizationTimeoutMs: input.authorizationTimeoutMs ?? corridor.authorizationTimeoutMs,
    refundWindowDays: input.refundWindowDays ?? corridor.refundWindowDays,
    version: corridor.version + 1,
  }
}

function readAmount(input: MoneyInput | null | undefined, present: Money, field: string): Money | Refusal {
  if (!input) return present
  const amount = parseMoney(input, ['input', field])
  if (isRefusal(amount) || amount.currency === present.currency) return amount
  return refuse('WRONG_CURRENCY', `\`${field}\` is in ${present.currency}, not ${amount.currency}`, [
    'input',
    field,
    'currency',
  ])
}
