// Finds shops for simulated customers through the public API, as a partner's app does.

import type { Currency } from '../schema/values/currency.ts'
import type { Direction } from '../schema/values/direction.ts'
import type { EntryMode } from '../schema/values/entry-mode.ts'
import type { Api } from './api.ts'
import { byWeight, offlineCategories, onlineCategories, type Category } from './categories.ts'
import { Random, Weighted } from './random.ts'

export interface Shop {
  readonly id: string
  readonly currency: Currency
  readonly entryModes: readonly EntryMode[]
  /** The goods that it sells. */
  readonly category: Category
}

/** A country in which a wallet's customers can pay. */
export interface Destination {
  readonly country: string
  readonly direction: Direction
  readonly entryModes: readonly EntryMode[]
}

/** The number of purchases at the shops of one page, before the next page is requested. */
const purchasesPerPage = 50

const corridorsQuery = `query TrafficCorridors($countries: [CountryCode!]) {
  corridors(where: { walletCountries: $countries }, first: 500) {
    edges { node { direction status entryModes merchantCountry { code } } }
  }
}`
const viewerQuery = 'query TrafficViewer { viewer { participant { country } } }'
const merchantsQuery = `query TrafficMerchants($where: MerchantFilter) {
  merchants(where: $where, first: 100) { edges { node { id status currency entryModes } } }
}`

/** The queries of the simulated customers. */
export const shoppingQueries = [viewerQuery, corridorsQuery, merchantsQuery]

const directionWeights: Readonly<Record<Direction, number>> = {
  INBOUND: 90,
  OUTBOUND: 1,
  LOCAL: 4,
  THIRD_MARKET: 2,
}
const elsewhere = byWeight(offlineCategories)
/** Only foreign wallets on the mainland pay at online shops. */
const onTheMainland = byWeight([...offlineCategories, ...onlineCategories])

interface Connection<Node> {
  readonly edges: readonly { readonly node: Node }[]
}
interface CorridorNode extends Omit<Destination, 'country'> {
  readonly status: string
  readonly merchantCountry: { readonly code: string }
}
interface MerchantNode extends Omit<Shop, 'category'> {
  readonly status: string
}

/**
 * Finds the open corridors of the wallet with this key, weighted by their payments. Throws when there are
 * none.
 */
export async function findDestinations(api: Api, key: string): Promise<Weighted<Destination>> {
  const { viewer } = await api.request<{ viewer: { participant: { country: string } } }>(key, viewerQuery, {})
  const countries = [viewer.participant.country]
  const { corridors } = await api.request<{ corridors: Connection<CorridorNode> }>(key, corridorsQuery, {
    countries,
  })
  const open = corridors.edges.map(({ node }) => node).filter(({ status }) => status === 'OPEN')
  return new Weighted(
    open.map(({ merchantCountry, ...rest }) => ({ country: merchantCountry.code, ...rest })),
    open.map(({ direction }) => directionWeights[direction]),
  )
}

interface ShopPage {
  /** 1, 2, 3 … within the country. */
  readonly number: number
  readonly shops: Promise<readonly Shop[]>
  /** Purchases until the next page is requested. */
  purchasesLeft: number
}

/** Finds shops by pages of one category. The customers in one country share a page. */
export class Shops {
  readonly #api: Api
  readonly #seed: number
  readonly #pages = new Map<string, ShopPage>()

  constructor(api: Api, seed: number) {
    this.#api = api
    this.#seed = seed
  }

  /** Finds a shop in the country; null when the page is empty. */
  async find(key: string, destination: Destination, random: Random): Promise<Shop | null> {
    const { country } = destination
    let page = this.#pages.get(country)
    if (!page || page.purchasesLeft === 0) {
      const number = (page?.number ?? 0) + 1
      const shops = this.#request(key, destination, number)
      page = { number, shops, purchasesLeft: purchasesPerPage }
      this.#pages.set(country, page)
      shops.catch(() => this.#pages.delete(country))
    }
    page.purchasesLeft -= 1
    const shops = await page.shops
    return shops.length > 0 ? random.pick(shops) : null
  }

  /**
   * Requests a page. Its category depends only on the seed and the page number, so that a seed can be
   * repeated.
   */
  async #request(key: string, { country, direction }: Destination, number: number): Promise<readonly Shop[]> {
    const random = new Random(this.#seed, `traffic/pages/${country}`, number)
    const category = (direction === 'INBOUND' ? onTheMainland : elsewhere).draw(random)
    const where = { countries: [country], mccs: [category.mcc] }
    const { merchants } = await this.#api.request<{ merchants: Connection<MerchantNode> }>(
      key,
      merchantsQuery,
      {
        where,
      },
    )
    return merchants.edges
      .filter(({ node }) => node.status === 'ACTIVE')
      .map(({ node: { id, currency, entryModes } }) => ({ id, currency, entryModes, category }))
  }
}
