// Questions about many merchants: how many there are, which, and who can pay there.

import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { pagesOf, type Connection, type PageArguments } from '../shared/page.ts'
import type { Registry } from '../shared/registry.ts'
import type { Acceptance } from './acceptance.ts'
import type { CountStore } from './count-store.ts'
import { Coverage } from './coverage.ts'
import {
  chooseCities,
  chooseProfiles,
  hintsOf,
  readMerchantFilter,
  type Hints,
  type MerchantFilterInput,
} from './filter.ts'
import { memoizeWhile } from './memoize-while.ts'
import type { Merchant } from './merchant.ts'
import type { Circle, NearKey, NearRow } from './near.ts'
import type { MerchantStore } from './merchant-store.ts'
import type { ParticipantId } from '../../schema/values/id.ts'

export interface CoverageQuestion {
  /** Only merchants that this wallet can pay. */
  readonly wallet?: ParticipantId | null
  readonly where?: MerchantFilterInput | null
  /** Only merchants of these countries: none when there are none. */
  readonly countries?: readonly string[]
}

export interface MerchantsQuestion extends PageArguments {
  readonly near?: Circle | null
  readonly where?: MerchantFilterInput | null
}

interface MerchantEdge {
  readonly cursor: string
  /** Null for lists by id. */
  readonly distanceMeters: number | null
  readonly node: Merchant
}

export interface MerchantConnection extends Connection<Merchant> {
  readonly edges: readonly MerchantEdge[]
}

export interface WalletConnection extends Connection<{ readonly id: string }> {
  readonly totalCount: number
}

export interface MerchantQueries {
  coverage(question: CoverageQuestion): Promise<Coverage | Refusal>
  merchants(question: MerchantsQuestion): Promise<MerchantConnection | Refusal>
  /** All merchants of one acquirer, those that take no payments included. */
  merchantsOf(acquirer: ParticipantId, args: PageArguments): Promise<MerchantConnection | Refusal>
  /** Wallets whose customers can pay at `merchant` now, by id. */
  acceptedWallets(merchant: Merchant, args: PageArguments): WalletConnection | Refusal
}

const pageMax = 100
const byId = pagesOf('merchants', ['string'], pageMax)
const wallets = pagesOf('accepted wallets', ['string'], pageMax)
const radiusMax = 50_000

/** A cursor belongs to its circle: distances from another middle would mean nothing. */
const byDistance = ({ lat, lng, radiusMeters }: Circle) =>
  pagesOf(`merchants within ${radiusMeters} m of ${lat}, ${lng}`, ['number', 'string'], pageMax)

export function createMerchantQueries(sources: {
  readonly store: MerchantStore
  readonly counts: CountStore
  readonly acceptance: Acceptance
  readonly registry: Registry
  readonly now: () => Date
}): MerchantQueries {
  const { store, counts, acceptance, registry, now } = sources
  const kept = memoizeWhile<Coverage>(
    () => [registry.participants, registry.corridors, counts.cube, counts.cube.version],
    now,
    100,
  )
  const keptHints = memoizeWhile<{ readonly hints: Hints | null }>(
    () => [counts.cube, counts.cube.version],
    now,
    1_000,
  )

  return {
    async coverage({ wallet: id, where, countries }) {
      const asked = readMerchantFilter(where)
      if (isRefusal(asked)) return asked
      const filter = countries ? { ...asked, countries: new Set(countries) } : asked
      const wallet = id === null || id === undefined ? null : registry.participants.get(id)
      if (wallet === undefined)
        return refuse('PARTICIPANT_UNKNOWN', `there is no participant "${id}"`, ['wallet'])
      const found = filter.search && (await store.countFound(filter.search))
      const { cube } = counts
      const isPayable = wallet ? (terms: number) => acceptance.accepts(wallet, cube.terms[terms]!) : undefined
      const add = (): Coverage =>
        new Coverage(cube, {
          profiles: chooseProfiles(cube, filter, isPayable),
          cities: chooseCities(cube, filter),
          spots: found && cube.spotsFrom(found),
        })
      return found ? add() : kept(JSON.stringify([id, where, countries]), add)
    },

    async merchants({ near, where, ...args }) {
      const filter = readMerchantFilter(where)
      if (isRefusal(filter)) return filter
      const { hints } = keptHints(JSON.stringify(where), () => ({ hints: hintsOf(counts.cube, filter) }))
      if (near)
        return nearby(near, args, (circle, after, size) =>
          hints ? store.near(circle, filter, after, size) : Promise.resolve([]),
        )
      const page = byId.read(args)
      if (isRefusal(page)) return page
      const rows = hints ? await store.page(filter, hints, page.after?.[0] ?? null, page.size + 1) : []
      return withoutDistance(byId.connection(page, rows, ({ id }) => [id]))
    },

    async merchantsOf(acquirer, args) {
      const page = byId.read(args)
      if (isRefusal(page)) return page
      const rows = await store.pageOfAcquirer(acquirer, page.after?.[0] ?? null, page.size + 1)
      return withoutDistance(byId.connection(page, rows, ({ id }) => [id]))
    },

    acceptedWallets(merchant, args) {
      const page = wallets.read(args)
      if (isRefusal(page)) return page
      const all = acceptance.walletsFor(merchant)
      const [after = ''] = page.after ?? []
      const start = all.findIndex((id) => id > after)
      const rows = start < 0 ? [] : all.slice(start, start + page.size + 1).map((id) => ({ id }))
      return { ...wallets.connection(page, rows, ({ id }) => [id]), totalCount: all.length }
    },
  }
}

async function nearby(
  near: Circle,
  args: PageArguments,
  read: (near: Circle, after: NearKey | null, size: number) => Promise<readonly NearRow[]>,
): Promise<MerchantConnection | Refusal> {
  const refusal = checkCircle(near)
  if (refusal) return refusal
  const pages = byDistance(near)
  const page = pages.read(args)
  if (isRefusal(page)) return page
  const after = page.after && { meters: page.after[0], id: page.after[1] }
  const rows = await read(near, after, page.size + 1)
  const { edges, pageInfo } = pages.connection(page, rows, ({ meters, id }) => [meters, id])
  return {
    edges: edges.map(({ cursor, node: { meters, merchant } }) => {
      return { cursor, distanceMeters: Math.round(meters), node: merchant }
    }),
    pageInfo,
  }
}

function checkCircle({ lat, lng, radiusMeters }: Circle): Refusal | null {
  if (!(Math.abs(lat) <= 90)) return refuse('BAD_VALUE', '`lat` is −90 to 90', ['near', 'lat'])
  if (!(Math.abs(lng) <= 180)) return refuse('BAD_VALUE', '`lng` is −180 to 180', ['near', 'lng'])
  if (radiusMeters >= 1 && radiusMeters <= radiusMax) return null
  return refuse('BAD_VALUE', `\`radiusMeters\` is 1–${radiusMax}`, ['near', 'radiusMeters'])
}

const withoutDistance = ({ edges, pageInfo }: Connection<Merchant>): MerchantConnection => ({
  edges: edges.map((edge) => ({ ...edge, distanceMeters: null })),
  pageInfo,
})
