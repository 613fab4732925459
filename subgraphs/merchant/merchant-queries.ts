// Queries over many merchants: counts, lists, and which wallets can pay.

import type { MerchantId, ParticipantId } from '../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { quoteInput } from '../../schema/values/unknown.ts'
import { pagesOf, type Connection, type PageArguments } from '../shared/page.ts'
import type { Registry } from '../shared/registry.ts'
import type { Acceptance } from './acceptance.ts'
import { coalesceReads, type CoalescedReads } from './coalesced-reads.ts'
import type { CountCube, FoundMerchants } from './count-cube.ts'
import type { CountStore } from './count-store.ts'
import { Coverage, type CountSelection } from './coverage.ts'
import { memoizeByObject, memoizeWhile } from './memoize-while.ts'
import { readMerchantFilter, type MerchantFilter, type MerchantFilterInput } from './merchant-filter.ts'
import type { MerchantStore } from './merchant-store.ts'
import type { Merchant } from './merchant.ts'
import type { Circle, NearKey, NearRow } from './near.ts'
import { countSearch, searchTerms, spotsOf } from './search-counts.ts'
import { listByNames } from './search-list.ts'
import {
  hintsOf,
  selectCities,
  selectProfiles,
  type ProfileSelection,
  type QueryHints,
  type SearchCounts,
  type WantedWord,
} from './select-counts.ts'

export interface CoverageQuestion {
  /** Only merchants that this wallet can pay. */
  readonly wallet?: ParticipantId | null
  readonly where?: MerchantFilterInput | null
  /** In place of the filter's countries; an empty list selects no merchant. */
  readonly countries?: readonly string[]
}

export interface MerchantsQuestion extends PageArguments {
  readonly near?: Circle | null
  readonly where?: MerchantFilterInput | null
}

interface MerchantEdge {
  readonly cursor: string
  /** Null in lists by id. */
  readonly distanceMeters: number | null
  readonly node: Merchant
}

export interface MerchantConnection extends Connection<Merchant> {
  readonly edges: readonly MerchantEdge[]
  /** Null in a list by distance. */
  readonly totalCount: (() => Promise<number>) | null
}

export interface WalletConnection extends Connection<{ readonly id: ParticipantId }> {
  readonly totalCount: number
}

export interface MerchantQueries {
  coverage(question: CoverageQuestion): Promise<Coverage | Refusal>
  merchants(question: MerchantsQuestion): Promise<MerchantConnection | Refusal>
  /** All merchants of one acquirer, those that take no payments included. */
  merchantsOf(acquirer: ParticipantId, args: PageArguments): Promise<MerchantConnection | Refusal>
  /** Wallets whose customers can pay at `merchant` now, in order of id. */
  acceptedWallets(merchant: Merchant, args: PageArguments): WalletConnection | Refusal
}

export interface MerchantQueriesDependencies {
  readonly store: MerchantStore
  readonly counts: CountStore
  readonly acceptance: Acceptance
  readonly registry: Registry
  readonly now: () => Date
}

const pageMax = 100
const byId = pagesOf('merchants', ['string'], pageMax)
const wallets = pagesOf('accepted wallets', ['string'], pageMax)
const radiusMax = 50_000

/** A cursor belongs to its circle: its distance means nothing in another one. */
const byDistance = ({ lat, lng, radiusMeters }: Circle) =>
  pagesOf(`merchants within ${radiusMeters} m of ${lat}, ${lng}`, ['number', 'string'], pageMax)

export function createMerchantQueries(dependencies: MerchantQueriesDependencies): MerchantQueries {
  const { counts, registry, now } = dependencies
  const rules = () => [registry.participants, registry.corridors, counts.cube]
  const version = () => `${counts.cube.asOf.getTime()} ${counts.cube.version}`
  const ofWallet = memoizeWhile<Coverage>(() => [...rules(), version()], now, 100)
  /** Without a wallet, nothing depends on certificates. */
  const ofAll = memoizeWhile<Coverage>(() => [counts.cube, version()], now, 100, Infinity)
  const known: Known = {
    countsOf: memoizeByObject(() => coalesceReads(version, 20)),
    pages: coalesceReads(version, 200),
    hints: memoizeWhile<Hinted>(() => [counts.cube, version()], now, 1_000),
    payable: memoizeWhile(() => [...rules(), counts.cube.terms.length], now, 1_000),
    selection: memoizeWhile(
      () => [...rules(), counts.cube.terms.length, counts.cube.cities.length],
      now,
      100,
    ),
    coverage: (question, compute) =>
      (isSet(question.wallet) ? ofWallet : ofAll)(JSON.stringify(question), compute),
  }
  const coverage = (question: CoverageQuestion) => queryCoverage(dependencies, known, question)
  return {
    coverage,
    merchants: (question) =>
      queryMerchants(dependencies, known, question, async () => {
        const found = await coverage({ where: question.where ?? null })
        return isRefusal(found) ? 0 : found.merchants
      }),
    merchantsOf: (acquirer, args) => queryMerchantsOf(dependencies, acquirer, args),
    acceptedWallets: (merchant, args) => queryAcceptedWallets(dependencies, merchant, args),
  }
}

const isSet = <Value>(value: Value | null | undefined): value is Value =>
  value !== null && value !== undefined

/** What many requests share. */
interface Known {
  /** Reads of MongoDB, in the numbers of a cube. */
  readonly countsOf: (cube: CountCube) => CoalescedReads<FoundMerchants | null>
  readonly pages: CoalescedReads<readonly Merchant[] | Refusal>
  readonly hints: Memoized<Hinted>
  readonly payable: Memoized<Uint8Array>
  /** They do not depend on counts. */
  readonly selection: Memoized<ProfileSelection>
  coverage(question: CoverageQuestion, compute: () => Coverage): Coverage
}

type Memoized<Result> = (key: string, compute: () => Result) => Result

/** Null hints: no merchant matches. */
interface Hinted {
  readonly hints: QueryHints | null
}

async function queryCoverage(
  { store, counts, acceptance, registry }: MerchantQueriesDependencies,
  known: Known,
  question: CoverageQuestion,
): Promise<Coverage | Refusal> {
  const { wallet: id, where, countries } = question
  const given = readMerchantFilter(where)
  if (isRefusal(given)) return given
  const filter = countries ? { ...given, countries: new Set(countries) } : given
  const wallet = isSet(id) ? registry.participants.get(id) : null
  if (wallet === undefined) {
    return refuse('PARTICIPANT_UNKNOWN', `there is no participant ${quoteInput(String(id))}`, ['wallet'])
  }
  const payableIn = (cube: CountCube): Uint8Array | null =>
    wallet &&
    known.payable(wallet.id, () =>
      Uint8Array.from(cube.terms, (terms) => (acceptance.accepts(wallet, terms) ? 1 : 0)),
    )
  /** `commonWords`: null for merchants with any words. */
  const select = (cube: CountCube, commonWords: readonly WantedWord[] | null): ProfileSelection =>
    known.selection(JSON.stringify([question, commonWords !== null]), () =>
      selectProfiles(cube, filter, payableIn(cube), commonWords ?? []),
    )
  const selectionOf = (
    cube: CountCube,
    commonWords: readonly WantedWord[] | null,
    found: FoundMerchants | null,
  ): CountSelection => {
    const { countries: within } = filter
    return {
      profiles: select(cube, commonWords),
      cities: selectCities(cube, filter),
      countries: within,
      found,
    }
  }
  if (!filter.search) {
    const { cube } = counts
    return known.coverage(question, () => new Coverage(cube, selectionOf(cube, null, null)))
  }
  const { cube: before } = counts
  const { version } = before
  const found = await findSearch(store, before, known, filter)
  if (isRefusal(found)) return found
  const coverageOf = (): Coverage => {
    const common = found.common ? [selectionOf(before, found.common, null)] : []
    return new Coverage(before, ...common, selectionOf(before, null, found.rare))
  }
  // What was read before a change is of no later version.
  return counts.cube === before && before.version === version
    ? known.coverage(question, coverageOf)
    : coverageOf()
}

/** Counts what the search of `filter` finds, in the numbers of `cube`; see `countSearch`. */
const findSearch = (
  store: MerchantStore,
  cube: CountCube,
  { countsOf }: Known,
  filter: MerchantFilter,
): Promise<SearchCounts | Refusal> =>
  countSearch(cube, filter, (search) => {
    const { rare, also, acquirers, spots } = search
    const searched = JSON.stringify([rare, also.map(({ word }) => word), acquirers, spots])
    return countsOf(cube)(searched, () => store.countFound(cube, search))
  })

/**
 * The hints for a list. A common word may be that of one country, whose merchants a query in order of id
 * would find last.
 */
async function findHints(
  { store, counts }: MerchantQueriesDependencies,
  known: Known,
  key: string,
  filter: MerchantFilter,
): Promise<QueryHints | null> {
  const { cube } = counts
  const { version } = cube
  const terms = searchTerms(filter.search ?? [], cube.commonWords)
  const hasCommon = terms.some(({ common }) => common.size > 0)
  const found = hasCommon ? await findSearch(store, cube, known, filter) : null
  const hintsNow = () => ({ hints: hintsOf(cube, filter, isRefusal(found) ? null : found) })
  const isCurrent = counts.cube === cube && cube.version === version
  return (isCurrent ? known.hints(key, hintsNow) : hintsNow()).hints
}

async function queryMerchants(
  dependencies: MerchantQueriesDependencies,
  known: Known,
  { near, where, ...args }: MerchantsQuestion,
  totalCount: () => Promise<number>,
): Promise<MerchantConnection | Refusal> {
  const { store, counts } = dependencies
  const filter = readMerchantFilter(where)
  if (isRefusal(filter)) return filter
  const rareWords = searchTerms(filter.search ?? [], counts.cube.commonWords)
    .filter(({ common }) => common.size === 0)
    .map(({ word }) => word)
  const isByNames = !near && rareWords.length > 0
  const select = () =>
    known.selection(`of a list ${JSON.stringify(where)}`, () => selectProfiles(counts.cube, filter))
  const hints = isByNames ? null : await findHints(dependencies, known, JSON.stringify(where), filter)
  if (near) {
    return queryNear(near, args, (after, size) => {
      const density = hints && counts.cube.guessDensity(near, near.radiusMeters, select().profiles)
      // Without a match, MongoDB would read all merchants of the circle.
      return density === null ? Promise.resolve([]) : store.near(near, filter, after, size, density)
    })
  }
  return pageById(args, totalCount, async (after, size) =>
    known.pages(JSON.stringify([where, after, size]), async () => {
      if (isByNames) {
        const { profiles } = select()
        const names = store.byNames(filter, rareWords, spotsOf(counts.cube, filter), after)
        return listByNames(counts.cube, profiles, names, { after, size })
      }
      return hints ? store.page(filter, hints, after, size) : []
    }),
  )
}

const queryMerchantsOf = (
  { store, counts }: MerchantQueriesDependencies,
  acquirer: ParticipantId,
  args: PageArguments,
): Promise<MerchantConnection | Refusal> =>
  pageById(
    args,
    async () => counts.cube.merchantsOf(acquirer),
    (after, size) => store.pageOfAcquirer(acquirer, after, size),
  )

function queryAcceptedWallets(
  { acceptance }: MerchantQueriesDependencies,
  merchant: Merchant,
  args: PageArguments,
): WalletConnection | Refusal {
  const page = wallets.read(args)
  if (isRefusal(page)) return page
  const all = acceptance.walletsFor(merchant)
  const [after = ''] = page.after ?? []
  const start = all.findIndex((id) => id > after)
  const rows = start < 0 ? [] : all.slice(start, start + page.size + 1).map((id) => ({ id }))
  return { ...wallets.connection(page, rows, ({ id }) => [id]), totalCount: all.length }
}

async function pageById(
  args: PageArguments,
  totalCount: () => Promise<number>,
  read: (after: MerchantId | null, size: number) => Promise<readonly Merchant[] | Refusal>,
): Promise<MerchantConnection | Refusal> {
  const page = byId.read(args)
  if (isRefusal(page)) return page
  const rows = await read((page.after?.[0] ?? null) as MerchantId | null, page.size + 1)
  if (isRefusal(rows)) return rows
  const { edges, pageInfo } = byId.connection(page, rows, ({ id }) => [id])
  return { edges: edges.map((edge) => ({ ...edge, distanceMeters: null })), pageInfo, totalCount }
}

async function queryNear(
  near: Circle,
  args: PageArguments,
  read: (after: NearKey | null, size: number) => Promise<readonly NearRow[]>,
): Promise<MerchantConnection | Refusal> {
  const refusal = checkCircle(near)
  if (refusal) return refusal
  const pages = byDistance(near)
  const page = pages.read(args)
  if (isRefusal(page)) return page
  const after = page.after && { meters: page.after[0], id: page.after[1] as MerchantId }
  const rows = await read(after, page.size + 1)
  const { edges, pageInfo } = pages.connection(page, rows, ({ meters, id }) => [meters, id])
  return {
    edges: edges.map(({ cursor, node: { meters, merchant } }) => {
      return { cursor, distanceMeters: Math.round(meters), node: merchant }
    }),
    pageInfo,
    totalCount: null,
  }
}

function checkCircle({ lat, lng, radiusMeters }: Circle): Refusal | null {
  if (!(Math.abs(lat) <= 90)) return refuse('BAD_VALUE', '`lat` is −90 to 90', ['near', 'lat'])
  if (!(Math.abs(lng) <= 180)) return refuse('BAD_VALUE', '`lng` is −180 to 180', ['near', 'lng'])
  if (radiusMeters >= 1 && radiusMeters <= radiusMax) return null
  return refuse('BAD_VALUE', `\`radiusMeters\` is 1–${radiusMax}, not ${radiusMeters}`, [
    'near',
    'radiusMeters',
  ])
}
