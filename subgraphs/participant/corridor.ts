// Corridors: filters, and how their terms change. No MongoDB, no GraphQL.

import { countryByCode } from '../../schema/values/country.ts'
import { isCurrency, type Currency } from '../../schema/values/currency.ts'
import type { Direction } from '../../schema/values/direction.ts'
import type { EntryMode } from '../../schema/values/entry-mode.ts'
import type { CorridorId, ProjectId } from '../../schema/values/id.ts'
import { parseMoney, type Money } from '../../schema/values/money.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { readCountries, readName, readNames } from '../shared/read-names.ts'
import type { Corridor, PartnershipModel, Registry } from '../shared/registry.ts'
import { unknownCurrency } from '../../schema/values/unknown.ts'

const models: Readonly<Record<PartnershipModel, true>> = { G2G: true, N2N: true }
const statuses: Readonly<Record<Corridor['status'], true>> = { OPEN: true, CLOSED: true }
const entryModes: Readonly<Record<EntryMode, true>> = {
  MPM_STATIC: true,
  MPM_DYNAMIC: true,
  CPM: true,
  IN_APP: true,
}

export interface CorridorFilterInput {
  readonly walletCountries?: readonly string[] | null
  readonly merchantCountries?: readonly string[] | null
  readonly directions?: readonly Direction[] | null
  readonly models?: readonly string[] | null
}

/** The partnership model of a corridor's project; null without a project. */
export const modelOf = ({ project }: Corridor, projects: Registry['projects']): PartnershipModel | null =>
  project === null ? null : (projects.get(project)?.model ?? null)

/** A test for corridors that match every given field. Refuses with BAD_VALUE or UNKNOWN_COUNTRY. */
export function readCorridorFilter(
  input: CorridorFilterInput | null | undefined,
  projects: Registry['projects'],
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

export interface CorridorTermsInput {
  readonly expectedVersion: number
  readonly status?: string | null
  readonly project?: ProjectId | null
  readonly entryModes?: readonly string[] | null
  readonly currencies?: readonly string[] | null
  readonly perPayment?: MoneyInput | null
  readonly perDay?: MoneyInput | null
  readonly freeUpTo?: MoneyInput | null
  readonly basisPoints?: number | null
  readonly quoteTtlSeconds?: number | null
  readonly authorizationTimeoutMs?: number | null
  readonly cancelCutoffMinutes?: number | null
  readonly refundWindowDays?: number | null
  readonly settlementCurrency?: string | null
}

/** Least and most value of each number. */
const bounds = {
  basisPoints: [0, 1000],
  quoteTtlSeconds: [60, 600],
  authorizationTimeoutMs: [1000, 60_000],
  cancelCutoffMinutes: [0, 1440],
  refundWindowDays: [0, 365],
} as const

/** Requested terms; null leaves a term as it is. */
export interface CorridorTerms extends Record<keyof typeof bounds, number | null> {
  readonly expectedVersion: number
  readonly status: Corridor['status'] | null
  readonly project: ProjectId | null
  readonly entryModes: readonly EntryMode[] | null
  readonly currencies: readonly Currency[] | null
  readonly perPayment: Money | null
  readonly perDay: Money | null
  readonly freeUpTo: Money | null
  readonly settlementCurrency: Currency | null
}

/** Refuses with BAD_VALUE, UNKNOWN_CURRENCY, or a problem of an amount. */
export function readTerms(input: CorridorTermsInput): CorridorTerms | Refusal {
  const status = input.status ? readName(input.status, statuses, ['input', 'status']) : null
  if (isRefusal(status)) return status
  const modes = readNames(input.entryModes, entryModes, ['input', 'entryModes'])
  if (isRefusal(modes)) return modes
  if (input.entryModes && !modes) return offersNone('entryModes')
  const currencies = readCurrencies(input.currencies)
  if (isRefusal(currencies)) return currencies
  const perPayment = readAmount(input.perPayment, 'perPayment')
  if (isRefusal(perPayment)) return perPayment
  const perDay = readAmount(input.perDay, 'perDay')
  if (isRefusal(perDay)) return perDay
  const freeUpTo = readAmount(input.freeUpTo, 'freeUpTo')
  if (isRefusal(freeUpTo)) return freeUpTo
  for (const [name, [least, most]] of Object.entries(bounds)) {
    const value = input[name as keyof typeof bounds]
    if (value !== null && value !== undefined && (value < least || value > most)) {
      return refuse('BAD_VALUE', `\`${name}\` is ${least}–${most}, not ${value}`, ['input', name])
    }
  }
  const settlementCurrency = input.settlementCurrency ?? null
  if (settlementCurrency !== null && !isCurrency(settlementCurrency)) {
    return unknownCurrency(settlementCurrency, ['input', 'settlementCurrency'])
  }
  return {
    expectedVersion: input.expectedVersion,
    status,
    project: input.project ?? null,
    entryModes: modes && [...modes],
    currencies,
    perPayment,
    perDay,
    freeUpTo,
    basisPoints: input.basisPoints ?? null,
    quoteTtlSeconds: input.quoteTtlSeconds ?? null,
    authorizationTimeoutMs: input.authorizationTimeoutMs ?? null,
    cancelCutoffMinutes: input.cancelCutoffMinutes ?? null,
    refundWindowDays: input.refundWindowDays ?? null,
    settlementCurrency,
  }
}

/** `corridor` with changed terms, at the next version. Amounts keep their currencies. */
export function changeTerms(
  corridor: Corridor,
  terms: CorridorTerms,
  projects: Registry['projects'],
): Corridor | Refusal {
  if (terms.expectedVersion !== corridor.version) {
    return refuse(
      'VERSION_CONFLICT',
      `${corridor.id} is at version ${corridor.version}, not ${terms.expectedVersion}`,
      ['input', 'expectedVersion'],
    )
  }
  const project = checkProject(terms.project, corridor, projects)
  if (project) return project
  const { limits, fees } = corridor
  const wrong =
    checkCurrency(terms.perPayment, limits.perPayment, 'perPayment') ??
    checkCurrency(terms.perDay, limits.perDay, 'perDay') ??
    checkCurrency(terms.freeUpTo, fees.freeUpTo, 'freeUpTo')
  if (wrong) return wrong
  const perPayment = terms.perPayment ?? limits.perPayment
  const perDay = terms.perDay ?? limits.perDay
  if (perPayment.currency === perDay.currency && perPayment.minor > perDay.minor) {
    return refuse('BAD_VALUE', 'the limit for one payment is above the limit for a day', [
      'input',
      terms.perPayment ? 'perPayment' : 'perDay',
    ])
  }
  return {
    ...corridor,
    status: terms.status ?? corridor.status,
    project: terms.project ?? corridor.project,
    entryModes: terms.entryModes ?? corridor.entryModes,
    currencies: terms.currencies ?? corridor.currencies,
    limits: { perPayment, perDay },
    fees: {
      freeUpTo: terms.freeUpTo ?? fees.freeUpTo,
      basisPoints: terms.basisPoints ?? fees.basisPoints,
    },
    quoteTtlSeconds: terms.quoteTtlSeconds ?? corridor.quoteTtlSeconds,
    authorizationTimeoutMs: terms.authorizationTimeoutMs ?? corridor.authorizationTimeoutMs,
    cancelCutoffMinutes: terms.cancelCutoffMinutes ?? corridor.cancelCutoffMinutes,
    refundWindowDays: terms.refundWindowDays ?? corridor.refundWindowDays,
    settlementCurrency: terms.settlementCurrency ?? corridor.settlementCurrency,
    version: corridor.version + 1,
  }
}

/** Terms of a new corridor unless others are given. */
const defaults = {
  status: 'CLOSED',
  quoteTtlSeconds: 300,
  authorizationTimeoutMs: 8_000,
  cancelCutoffMinutes: 30,
  refundWindowDays: 180,
  settlementZone: { offsetMinutes: 480, cutOff: '23:00' },
} as const

const mainland = 'CN'

/** Terms without a default. */
const requiredTerms = [
  'entryModes',
  'currencies',
  'perPayment',
  'perDay',
  'freeUpTo',
  'basisPoints',
  'settlementCurrency',
] as const
type RequiredTerms = { readonly [Name in (typeof requiredTerms)[number]]: NonNullable<CorridorTerms[Name]> }

/** A new corridor at version 1, for terms with `expectedVersion` 0. Refuses with NOT_FOUND or BAD_VALUE. */
export function openCorridor(
  id: CorridorId,
  terms: CorridorTerms,
  projects: Registry['projects'],
): Corridor | Refusal {
  const countries = countriesOf(id)
  if (terms.expectedVersion !== 0) {
    return refuse('NOT_FOUND', 'there is no corridor with this id: `expectedVersion` 0 adds one', [
      'input',
      'id',
    ])
  }
  if (!countries) {
    return refuse('BAD_VALUE', 'the id is two countries that the hub supports, such as "TH-CN"', [
      'input',
      'id',
    ])
  }
  const missing = requiredTerms.find((name) => terms[name] === null)
  if (missing) return refuse('BAD_VALUE', `a new corridor needs \`${missing}\``, ['input', missing])
  const required = terms as RequiredTerms
  const bare: Corridor = {
    ...defaults,
    id,
    ...countries,
    direction: directionOf(countries),
    project: null,
    entryModes: required.entryModes,
    currencies: required.currencies,
    limits: { perPayment: required.perPayment, perDay: required.perDay },
    fees: { freeUpTo: required.freeUpTo, basisPoints: required.basisPoints },
    settlementCurrency: required.settlementCurrency,
    version: 0,
  }
  return changeTerms(bare, terms, projects)
}

type Countries = Pick<Corridor, 'walletCountry' | 'merchantCountry'>

function countriesOf(id: CorridorId): Countries | null {
  const [walletCountry = '', merchantCountry = '', ...more] = id.split('-')
  const areKnown = countryByCode(walletCountry) && countryByCode(merchantCountry)
  return areKnown && more.length === 0 ? { walletCountry, merchantCountry } : null
}

function directionOf({ walletCountry, merchantCountry }: Countries): Direction {
  if (walletCountry === merchantCountry) return 'LOCAL'
  if (merchantCountry === mainland) return 'INBOUND'
  return walletCountry === mainland ? 'OUTBOUND' : 'THIRD_MARKET'
}

/** The country of a project must be one of the corridor's two countries. */
function checkProject(
  id: ProjectId | null,
  { id: corridor, walletCountry, merchantCountry }: Corridor,
  projects: Registry['projects'],
): Refusal | null {
  if (id === null) return null
  const path = ['input', 'project']
  const project = projects.get(id)
  if (!project) return refuse('NOT_FOUND', 'there is no project with this id', path)
  if ([walletCountry, merchantCountry].includes(project.country)) return null
  return refuse(
    'BAD_VALUE',
    `the project ${id} is with ${project.country}, which is not a country of ${corridor}`,
    path,
  )
}

function readAmount(input: MoneyInput | null | undefined, field: string): Money | null | Refusal {
  return input ? parseMoney(input, ['input', field]) : null
}

function checkCurrency(amount: Money | null, current: Money, field: string): Refusal | null {
  if (!amount || amount.currency === current.currency) return null
  return refuse('WRONG_CURRENCY', `\`${field}\` is in ${current.currency}, not ${amount.currency}`, [
    'input',
    field,
    'currency',
  ])
}

function readCurrencies(codes: readonly string[] | null | undefined): readonly Currency[] | null | Refusal {
  if (!codes) return null
  if (codes.length === 0) return offersNone('currencies')
  const unknown = codes.findIndex((code) => !isCurrency(code))
  if (unknown >= 0) return unknownCurrency(codes[unknown]!, ['input', 'currencies', String(unknown)])
  return [...new Set(codes.filter(isCurrency))]
}

const offersNone = (field: string): Refusal =>
  refuse('BAD_VALUE', 'a corridor needs at least one: close it to offer none', ['input', field])
