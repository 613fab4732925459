// Queries over many merchants: counts, lists, and which wallets can pay.

import type { MerchantId, ParticipantId } from '../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { quoteInput } from '../../schema/values/unknown.ts'
import { pagesOf, type Connection, type PageArguments } from '../shared/page.ts'
import type { Registry } from '../shared/registry.ts'
import type { Acceptance } from './acceptance.ts'
import { coalesceReads, type CoalescedReads } from './coalesced-reads.ts'
import type { CountCube, FoundCount } from './count-cube.ts'
import type { CountStore } from './count-store.ts'
import { Coverage } from './coverage.ts'
import { memoizeWhile } from './memoize-while.ts'
import { readMerchantFilter, type MerchantFilter, type MerchantFilterInput } from './merchant-filter.ts'
import type { MerchantStore } from './merchant-store.ts'
import type { Merchant } from './merchant.ts'
import type { Circle, NearKey, NearRow } from './near.ts'
import { countSearch, searchTerms } from './search-counts.ts'
import { hintsOf, selectCities, selectProfiles, type QueryHints, type SearchCounts } from './select-counts.ts'

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
  const memoizedPayable = memoizeWhile<Uint8Array>(
    () => [registry.participants, registry.corridors, counts.cube, counts.cube.terms.length],
    now,
    1_000,
  )
  const memoizedCoverage = memoizeWhile<Coverage>(
    () => [registry.participants, registry.corridors, counts.cube, counts.cube.version],
    now,
    100,
  )
  /** Without a wallet, nothing depends on certificates. */
  const memoizedForAll = memoizeWhile<Coverage>(() => [counts.cube, counts.cube.version], now, 100, Infinity)
  const coverage = (question: CoverageQuestion) => {
    const memoized = (question.wallet ?? null) === null ? memoizedForAll : memoizedCoverage
    return queryCoverage(dependencies, reads, memoized, memoizedPayable, question)
  }
  const version = () => `${counts.cube.asOf.getTime()} ${counts.cube.version}`
  const reads: Reads = { counts: coalesceReads(version, 20), pages: coalesceReads(version, 200) }
  const memoizedHints = memoizeWhile<Hinted>(() => [counts.cube, counts.cube.version], now, 1_000)
  return {
    coverage,
    merchants: (question) =>
      queryMerchants(dependencies, reads, memoizedHints, question, async () => {
        const found = await coverage({ where: question.where ?? null })
        return isRefusal(found) ? 0 : found.merchants
      }),
    merchantsOf: (acquirer, args) => queryMerchantsOf(dependencies, acquirer, args),
    acceptedWallets: (merchant, args) => queryAcceptedWallets(dependencies, merchant, args),
  }
}

/** Reads of MongoDB that many requests share. */
interface Reads {
  readonly counts: CoalescedReads<FoundCount[] | null>
  readonly pages: CoalescedReads<readonly Merchant[]>
}

type Memoized<Result> = (key: string, compute: () => Result) => Result

/** Null hints: no merchant matches. */
interface Hinted {
  readonly hints: QueryHints | null
}

async function queryCoverage(
  { store, counts, acceptance, registry }: MerchantQueriesDependencies,
  reads: Reads,
  memoized: Memoized<Coverage>,
  memoizedPayable: Memoized<Uint8Array>,
  { wallet: id, where, countries }: CoverageQuestion,
): Promise<Coverage | Refusal> {
  const given = readMerchantFilter(where)
  if (isRefusal(given)) return given
  const filter = countries ? { ...given, countries: new Set(countries) } : given
  const wallet = id === null || id === undefined ? null : registry.participants.get(id)
  if (wallet === undefined) {
    return refuse('PARTICIPANT_UNKNOWN', `there is no participant ${quoteInput(String(id))}`, ['wallet'])
  }
  const payableIn = (cube: CountCube): Uint8Array | null =>
    wallet &&
    memoizedPayable(wallet.id, () =>
      Uint8Array.from(cube.terms, (terms) => (acceptance.accepts(wallet, terms) ? 1 : 0)),
    )
  const key = JSON.stringify([id, where, countries])
  if (filter.search) {
    const { cube: before } = counts
    const { version } = before
    const found = await findSearch(store, before, reads, filter)
    if (isRefusal(found)) return found
    const coverageOf = (): Coverage => {
      const { cube } = counts
      const payable = payableIn(cube)
      const cities = selectCities(cube, filter)
      const shared = { cities, countries: filter.countries }
      return new Coverage(
        cube,
        ...(found.common
          ? [{ ...shared, profiles: selectProfiles(cube, filter, payable, found.common), spots: null }]
          : []),
        { ...shared, profiles: selectProfiles(cube, filter, payable), spots: cube.spotsFrom(found.rare) },
      )
    }
    // What was read before a change is of no later version.
    return counts.cube === before && before.version === version ? memoized(key, coverageOf) : coverageOf()
  }
  return memoized(key, () => {
    const { cube } = counts
    return new Coverage(cube, {
      profiles: selectProfiles(cube, filter, payableIn(cube)),
      cities: selectCities(cube, filter),
      countries: filter.countries,
      spots: null,
    })
  })
}

/** Counts what the search of `filter` finds; see `countSearch`. */
const findSearch = (
  store: MerchantStore,
  cube: CountCube,
  { counts }: Reads,
  filter: MerchantFilter,
): Promise<SearchCounts | Refusal> =>
  countSearch(cube, filter, (search) => {
    const { rare, also, spots } = search
    const searched = JSON.stringify([rare, also.map(({ word }) => word), spots])
    return counts(searched, () => store.countFound(search))
  })

/**
 * The hints for a list. A common word may be that of one country, whose merchants a query in order of id
 * would find last.
 */
async function findHints(
  { store, counts }: MerchantQueriesDependencies,
  reads: Reads,
  memoized: Memoized<Hinted>,
  key: string,
  filter: MerchantFilter,
): Promise<QueryHints | null> {
  const { cube } = counts
  const { version } = cube
  const terms = searchTerms(filter.search ?? [], cube.commonWords)
  const hasCommon = terms.some(({ common }) => common.size > 0)
  const found = hasCommon ? await findSearch(store, cube, reads, filter) : null
  const hintsNow = () => ({ hints: hintsOf(counts.cube, filter, isRefusal(found) ? null : found) })
  const isCurrent = counts.cube === cube && cube.version === version
  return (isCurrent ? memoized(key, hintsNow) : hintsNow()).hints
}

async function queryMerchants(
  dependencies: MerchantQueriesDependencies,
  reads: Reads,
  memoized: Memoized<Hinted>,
  { near, where, ...args }: MerchantsQuestion,
  totalCount: () => Promise<number>,
): Promise<MerchantConnection | Refusal> {
  const { store } = dependencies
  const filter = readMerchantFilter(where)
  if (isRefusal(filter)) return filter
  const hints = await findHints(dependencies, reads, memoized, JSON.stringify(where), filter)
  if (near) {
    return queryNear(near, args, (after, size) =>
      hints ? store.near(near, filter, after, size) : Promise.resolve([]),
    )
  }
  return pageById(args, totalCount, async (after, size) => {
    if (!hints) return []
    return reads.pages(JSON.stringify([where, after, size]), () => store.page(filter, hints, after, size))
  })
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
  read: (after: MerchantId | null, size: number) => Promise<readonly Merchant[]>,
): Promise<MerchantConnection | Refusal> {
  const page = byId.read(args)
  if (isRefusal(page)) return page
  const rows = await read((page.after?.[0] ?? null) as MerchantId | null, page.size + 1)
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
