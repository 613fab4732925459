// The merchants of the data set. Each is computed from its index on demand; none is stored.

import type { EntryMode } from '../schema/values/entry-mode.ts'
import type { MerchantId, ParticipantId, QrProductId } from '../schema/values/id.ts'
import type { Merchant, QrProduct } from '../subgraphs/merchant/index.ts'
import { byWeight, offlineCategories, onlineCategories, type Category } from './categories.ts'
import { placeIn, type Cities } from './cities.ts'
import { currencyIn, mainland, projectCountries } from './countries.ts'
import { merchantName } from './names.ts'
import { apportion, Random, Weighted, zipf } from './random.ts'

/**
 * As the programme reports in August and September 2025, at scale 1. The few major online merchants are not
 * scaled.
 */
const mainlandActive = 1_350_000
const foreignActive = 11_000_000
const onlineActive = 168

/** One merchant in 200 is inactive; the inactive ones are added to the active ones. */
const inactiveEvery = 200

export interface MerchantSource {
  /** The number of merchants, including inactive ones. */
  readonly count: number
  /** The merchant at `index`, the same at every call. Throws when `index` is not from 0 to `count` − 1. */
  at(index: number): Merchant
  /** The category of the merchant at `index`; much faster than computing the merchant. */
  categoryAt(index: number): Category
  /** All merchants by index; those of one acquirer are adjacent. */
  [Symbol.iterator](): IterableIterator<Merchant>
  /**
   * Draws the index of an active merchant of `country`; the first merchants of an acquirer are the most
   * frequent.
   */
  draw(country: string, kind: 'offline' | 'online', random: Random): number
}

/** The merchants of one acquirer, with adjacent indexes. */
interface Block {
  readonly acquirer: ParticipantId
  readonly country: string
  readonly kind: 'offline' | 'online'
  /** The index of the first merchant. */
  readonly start: number
  readonly count: number
}

/** The entry modes of shops: all have printed codes, and some have scanners. */
const offlineModes = new Weighted<readonly EntryMode[]>(
  [['MPM_STATIC'], ['MPM_STATIC', 'MPM_DYNAMIC'], ['MPM_STATIC', 'MPM_DYNAMIC', 'CPM']],
  [0.3, 0.4, 0.3],
)
const onlineModes: readonly EntryMode[] = ['MPM_DYNAMIC', 'IN_APP']

const categories = { offline: byWeight(offlineCategories), online: byWeight(onlineCategories) }

/**
 * Creates the merchants. `cities` must have every country with merchants; `products` are those of the
 * mainland.
 */
export function makeMerchants(
  { seed, scale }: { readonly seed: number; readonly scale: number },
  cities: Cities,
  products: readonly QrProduct[],
): MerchantSource {
  return new ComputedMerchants(new Random(seed, 'merchants'), layOut(scale), cities, products)
}

class ComputedMerchants implements MerchantSource {
  readonly count: number
  readonly #random: Random
  readonly #blocks: readonly Block[]
  /** By country and kind, weighted by size. */
  readonly #blocksByPlace: ReadonlyMap<string, Weighted<Block>>
  readonly #cities: Cities
  readonly #stickers: ReadonlyMap<ParticipantId, Weighted<readonly QrProductId[]>>

  constructor(random: Random, blocks: readonly Block[], cities: Cities, products: readonly QrProduct[]) {
    const last = blocks.at(-1)!
    this.count = last.start + last.count
    this.#random = random
    this.#blocks = blocks
    this.#blocksByPlace = weightedByPlace(blocks)
    this.#cities = cities
    this.#stickers = stickersByAcquirer(products)
  }

  at(index: number): Merchant {
    const block = this.#blockAt(index)
    return this.#merchant(block, index - block.start)
  }

  categoryAt(index: number): Category {
    const { kind } = this.#blockAt(index)
    this.#random.restart(index)
    return categories[kind].draw(this.#random)
  }

  *[Symbol.iterator](): IterableIterator<Merchant> {
    for (const block of this.#blocks) {
      for (let rank = 0; rank < block.count; rank++) yield this.#merchant(block, rank)
    }
  }

  draw(country: string, kind: Block['kind'], random: Random): number {
    const blocks = this.#blocksByPlace.get(`${country}/${kind}`)
    if (!blocks) throw new RangeError(`there are no ${kind} merchants in ${country}`)
    const { start, count } = blocks.draw(random)
    const rank = Math.floor(count * random.next() ** 2)
    return start + (isActive(rank) ? rank : rank - 1)
  }

  #blockAt(index: number): Block {
    const block = this.#blocks.findLast(({ start }) => start <= index)
    if (!block || index >= this.count) {
      throw new RangeError(`the index of a merchant must be below ${this.count}, not ${index}`)
    }
    return block
  }

  #merchant(block: Block, rank: number): Merchant {
    const random = this.#random
    const { acquirer, country, kind } = block
    random.restart(block.start + rank)
    const category = categories[kind].draw(random)
    const mid = (kind === 'online' ? 'W' : 'M') + String(rank + 1).padStart(6, '0')
    const city = this.#cities.get(country)!.draw(random)
    return {
      id: `${acquirer}.${mid}` as MerchantId,
      acquirer,
      mid,
      ...merchantName(country, category, random),
      status: isActive(rank) ? 'ACTIVE' : random.chance(0.5) ? 'SUSPENDED' : 'CLOSED',
      country,
      city: city.name,
      location: kind === 'online' ? null : placeIn(city, random),
      mcc: category.mcc,
      scenario: category.scenario,
      online: kind === 'online',
      currency: currencyIn(country),
      entryModes: kind === 'online' ? onlineModes : offlineModes.draw(random),
      qrProducts: this.#stickers.get(acquirer)?.draw(random) ?? [],
    }
  }
}

function weightedByPlace(blocks: readonly Block[]): ReadonlyMap<string, Weighted<Block>> {
  const groups = Map.groupBy(blocks, ({ country, kind }) => `${country}/${kind}`)
  return new Map(
    [...groups].map(([place, group]) => [
      place,
      new Weighted(
        group,
        group.map(({ count }) => count),
      ),
    ]),
  )
}

const isActive = (rank: number): boolean => rank % inactiveEvery !== inactiveEvery - 1

/** The number of merchants of which `active` are active. */
const withInactive = (active: number): number =>
  active + Math.floor(Math.max(0, active - 1) / (inactiveEvery - 1))

function layOut(scale: number): Block[] {
  const blocks: Block[] = []
  const add = (country: string, kind: Block['kind'], acquirers: number, active: number): void =>
    apportion(active, zipf(acquirers)).forEach((share, rank) => {
      const before = blocks.at(-1)
      const start = before ? before.start + before.count : 0
      const acquirer = acquirerId(country, rank)
      if (share > 0) blocks.push({ acquirer, country, kind, start, count: withInactive(share) })
    })
  add(mainland.code, 'online', mainland.acquirers, onlineActive)
  add(mainland.code, 'offline', mainland.acquirers, Math.round(mainlandActive * scale))
  const foreign = apportion(
    Math.round(foreignActive * scale),
    projectCountries.map(({ project }) => project.merchantShare),
  )
  projectCountries.forEach(({ code, project }, index) =>
    add(code, 'offline', project.acquirers, foreign[index]!),
  )
  return blocks
}

/** The stickers of mainland acquirers: each sticker has one, two or three of the acquirer's products. */
function stickersByAcquirer(
  products: readonly QrProduct[],
): ReadonlyMap<ParticipantId, Weighted<readonly QrProductId[]>> {
  const ranks = [...Array(mainland.acquirers).keys()]
  return new Map(
    ranks.map((rank) => {
      const own = products.flatMap(({ id }, index) => (index % mainland.acquirers === rank ? [id] : []))
      const stickers: QrProductId[][] = []
      while (own.length > 0) stickers.push(own.splice(0, 1 + (stickers.length % 3)))
      return [acquirerId(mainland.code, rank), new Weighted(stickers, zipf(stickers.length))]
    }),
  )
}

const acquirerId = (country: string, rank: number): ParticipantId =>
  `acquirer-${country.toLowerCase()}-${String(rank + 1).padStart(2, '0')}` as ParticipantId
