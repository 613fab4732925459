// Where a simulated customer shops: found through the public API, as a partner's app would find it.

import type { Currency } from '../schema/values/currency.ts'
import type { Api } from './api.ts'
import { byWeight, offlineCategories, onlineCategories, type Category } from './categories.ts'
import type { EntryMode } from '../schema/values/entry-mode.ts'
import type { Direction } from '../schema/values/direction.ts'
import { Random, Weighted } from './random.ts'

export interface Shop {
  readonly id: string
  readonly currency: Currency
  readonly entryModes: readonly EntryMode[]
  /** What it sells. */
  readonly category: Category
}

/** A country that a wallet's customers can pay in. */
export interface Destination {
  readonly country: string
  readonly direction: Direction
  readonly entryModes: readonly EntryMode[]
}

/** Payments made from one page of merchants before the next is asked for. */
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

/** Documents that the simulated customers send to find their way. */
export const shoppingQueries = [viewerQuery, corridorsQuery, merchantsQuery]

const directionWeights: Readonly<Record<Direction, number>> = {
  INBOUND: 90,
  OUTBOUND: 1,
  LOCAL: 4,
  THIRD_MARKET: 2,
}
const elsewhere = byWeight(offlineCategories)
/** Only foreign wallets on the mainland find shops that sell online. */
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

/** Open corridors of the wallet that `key` belongs to, drawn by how much they are used. Throws when there are none. */
export async function findDestinations(api: Api, key: string): Promise<Weighted<Destination>> {
  const { viewer } = await api.ask<{ viewer: { participant: { country: string } } }>(key, viewerQuery, {})
  const countries = [viewer.participant.country]
  const { corridors } = await api.ask<{ corridors: Connection<CorridorNode> }>(key, corridorsQuery, {
    countries,
  })
  const open = corridors.edges.map(({ node }) => node).filter(({ status }) => status === 'OPEN')
  return new Weighted(
    open.map(({ merchantCountry, ...rest }) => ({ country: merchantCountry.code, ...rest })),
    open.map(({ direction }) => directionWeights[direction]),
  )
}

interface Page {
  /** 1, 2, 3 … within the country. */
  readonly number: number
  readonly shops: Promise<readonly Shop[]>
  left: number
}

/** Finds shops, a page of one category at a time; customers of one country share the page until they have used it up. */
export class Shops {
  readonly #api: Api
  readonly #seed: number
  readonly #pages = new Map<string, Page>()

  constructor(api: Api, seed: number) {
    this.#api = api
    this.#seed = seed
  }

  /** A shop there; null when the page has none. */
  async find(key: string, destination: Destination, random: Random): Promise<Shop | null> {
    const { country } = destination
    let page = this.#pages.get(country)
    if (!page || page.left === 0) {
      const number = (page?.number ?? 0) + 1
      const shops = this.#ask(key, destination, number)
      page = { number, shops, left: purchasesPerPage }
      this.#pages.set(country, page)
      shops.catch(() => this.#pages.delete(country))
    }
    page.left -= 1
    const shops = await page.shops
    return shops.length > 0 ? random.pick(shops) : null
  }

  /** The category is drawn for the page, not by whoever happens to ask first: so a seed shops alike each time. */
  async #ask(key: string, { country, direction }: Destination, number: number): Promise<readonly Shop[]> {
    const random = new Random(this.#seed, `traffic/pages/${country}`, number)
    const category = (direction === 'INBOUND' ? onTheMainland : elsewhere).draw(random)
    const where = { countries: [country], mccs: [category.mcc] }
    const { merchants } = await this.#api.ask<{ merchants: Connection<MerchantNode> }>(key, merchantsQuery, {
      where,
    })
    return merchants.edges
      .filter(({ node }) => node.status === 'ACTIVE')
      .map(({ node: { id, currency, entryModes } }) => ({ id, currency, entryModes, category }))
  }
}
