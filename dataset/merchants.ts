// The merchants, made one at a time from their index: none is kept, and any can be made again.
import type { Merchant, QrProduct } from '../subgraphs/merchant/index.ts'
import { byWeight, offlineCategories, onlineCategories, type Category } from './categories.ts'
import { placeIn, type Cities } from './cities.ts'
import { currencyIn, mainland, projectCountries } from './countries.ts'
import { merchantName } from './names.ts'
import type { EntryMode } from '../schema/values/entry-mode.ts'
import { apportion, Random, Weighted, zipf } from './random.ts'

/** As the programme reports, August and September 2025, at scale 1; the major online merchants are few and never scaled. */
const mainlandActive = 1_350_000
const foreignActive = 11_000_000
const onlineActive = 168

/** One merchant in so many takes no payments; it comes on top of those that do. */
const inactiveEvery = 200

export interface MerchantSource {
  /** How many there are, inactive ones included. */
  readonly count: number
  /** The same merchant whenever it is asked for. Throws when `index` is not of 0 to `count` − 1. */
  at(index: number): Merchant
  /** What the merchant at `index` sells: much cheaper than the whole merchant. */
  categoryAt(index: number): Category
  /** All of them, by index: the acquirer's merchants lie together. */
  [Symbol.iterator](): IterableIterator<Merchant>
  /** Index of an active merchant of `country`; an acquirer's first merchants are drawn most. */
  draw(country: string, kind: 'offline' | 'online', random: Random): number
}

/** An acquirer's merchants, one after the other. */
interface Block {
  readonly acquirer: string
  readonly country: string
  readonly kind: 'offline' | 'online'
  /** Index of its first merchant. */
  readonly start: number
  readonly count: number
}

/** What a place offers at the till: printed codes nearly always, scanners at the larger ones. */
const offlineModes = new Weighted<readonly EntryMode[]>(
  [['MPM_STATIC'], ['MPM_STATIC', 'MPM_DYNAMIC'], ['MPM_STATIC', 'MPM_DYNAMIC', 'CPM']],
  [0.3, 0.4, 0.3],
)
const onlineModes: readonly EntryMode[] = ['MPM_DYNAMIC', 'IN_APP']

const categories = { offline: byWeight(offlineCategories), online: byWeight(onlineCategories) }

/** `cities` must have every country that has merchants; `products` are those of the mainland. */
export function makeMerchants(
  { seed, scale }: { readonly seed: number; readonly scale: number },
  cities: Cities,
  products: readonly QrProduct[],
): MerchantSource {
  const blocks = layOut(scale)
  const last = blocks.at(-1)!
  const count = last.start + last.count
  const stickers = stickersByAcquirer(products)
  const random = new Random(seed, 'merchants')

  const make = (block: Block, place: number): Merchant => {
    const { acquirer, country, kind } = block
    random.restart(block.start + place)
    const category = categories[kind].draw(random)
    const mid = (kind === 'online' ? 'W' : 'M') + String(place + 1).padStart(6, '0')
    const city = cities.get(country)!.draw(random)
    return {
      id: `${acquirer}.${mid}`,
      acquirer,
      mid,
      ...merchantName(country, category, random),
      status: isActive(place) ? 'ACTIVE' : random.chance(0.5) ? 'SUSPENDED' : 'CLOSED',
      country,
      city: city.name,
      location: kind === 'online' ? null : placeIn(city, random),
      mcc: category.mcc,
      scenario: category.scenario,
      online: kind === 'online',
      currency: currencyIn(country),
      entryModes: kind === 'online' ? onlineModes : offlineModes.draw(random),
      qrProducts: stickers.get(acquirer)?.draw(random) ?? [],
    }
  }
  const blockAt = (index: number): Block => {
    const block = blocks.findLast(({ start }) => start <= index)
    if (!block || index >= count) throw new RangeError(`there is no merchant ${index} of ${count}`)
    return block
  }
  const byCountry = new Map(
    [...Map.groupBy(blocks, ({ country, kind }) => `${country}/${kind}`)].map(([key, some]) => [
      key,
      new Weighted(
        some,
        some.map((block) => block.count),
      ),
    ]),
  )

  return {
    count,
    at(index) {
      const block = blockAt(index)
      return make(block, index - block.start)
    },
    categoryAt(index) {
      const { kind } = blockAt(index)
      random.restart(index)
      return categories[kind].draw(random)
    },
    *[Symbol.iterator]() {
      for (const block of blocks) {
        for (let place = 0; place < block.count; place++) yield make(block, place)
      }
    },
    draw(country, kind, chance) {
      const some = byCountry.get(`${country}/${kind}`)
      if (!some) throw new RangeError(`there are no ${kind} merchants in ${country}`)
      const { start, count: size } = some.draw(chance)
      const place = Math.floor(size * chance.next() ** 2)
      return start + (isActive(place) ? place : place - 1)
    },
  }
}

const isActive = (place: number): boolean => place % inactiveEvery !== inactiveEvery - 1

/** How many merchants it takes so that `active` of them are. */
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

/**
 * A mainland acquirer prints a few sorts of stickers, each with one, two or three products of its own. Abroad the scheme is
 * the sticker.
 */
function stickersByAcquirer(
  products: readonly QrProduct[],
): ReadonlyMap<string, Weighted<readonly string[]>> {
  const ranks = [...Array(mainland.acquirers).keys()]
  return new Map(
    ranks.map((rank) => {
      const own = products.flatMap(({ id }, index) => (index % mainland.acquirers === rank ? [id] : []))
      const sorts: string[][] = []
      while (own.length > 0) sorts.push(own.splice(0, 1 + (sorts.length % 3)))
      return [acquirerId(mainland.code, rank), new Weighted(sorts, zipf(sorts.length))]
    }),
  )
}

const acquirerId = (country: string, rank: number): string =>
  `acquirer-${country.toLowerCase()}-${String(rank + 1).padStart(2, '0')}`
