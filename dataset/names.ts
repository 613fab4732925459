// Invented names. The names of institutions end in "(invented)". Those of merchants end in "(demo)", because
// they must fit into the 25 characters of a QR code. Real networks have their own name with "(simulated)".

import type { Category } from './categories.ts'
import { Random } from './random.ts'
import { flavourOf, type Flavour } from './words.ts'

const things =
  'Lantern Harbour Banyan Comet Pebble Meadow Compass Kestrel Saffron Juniper Tidal Ember Marble Orchard Falcon Willow Copper Summit Lotus Cedar Beacon Maple Coral Heron Indigo Quartz Bamboo Monsoon Atlas Velvet Prism Clover Sparrow Granite Jasmine Pagoda'.split(
    ' ',
  )
const wallets = ['Pay', 'Wallet', 'Purse', 'Tap', 'Pocket', 'Coin', 'Scan']
const acquirers = ['Merchant Services', 'Acquiring', 'Terminals', 'Checkout']
const products = [
  'One Code',
  'Union Code',
  'Counter Code',
  'Easy Code',
  'Street Code',
  'Plaza Code',
  'Lane Code',
]

/** Returns functions that give a new name at each call. */
export function institutionNames(seed: number): {
  readonly WALLET: () => string
  readonly ACQUIRER: () => string
} {
  const namesOf = (kind: string, endings: readonly string[]): (() => string) => {
    const names = shuffled(combinations(endings), new Random(seed, `names/${kind}`))
    return () => {
      const name = names.pop()
      if (!name) throw new RangeError(`all names for a ${kind} are used`)
      return name
    }
  }
  return { WALLET: namesOf('wallet', wallets), ACQUIRER: namesOf('acquirer', acquirers) }
}

/** Returns `count` names of QR products. */
export const productNames = (seed: number, count: number): string[] => {
  const names = combinations(products)
  if (count > names.length)
    throw new RangeError(`${count} names requested, only ${names.length} exist for QR products`)
  return shuffled(names, new Random(seed, 'names/product')).slice(0, count)
}

/** Draws the name of a merchant: at most 25 Latin letters, and in the local script where there is one. */
export function merchantName(
  country: string,
  category: Category,
  random: Random,
): { readonly name: string; readonly localName: string | null } {
  const flavour = flavourOf(country)
  const first = random.pick(flavour.first)
  const second = random.pick(flavour.second)
  return {
    name: `${first[0]}${flavour.joint}${second[0]} ${category.nouns.en} (demo)`,
    localName: flavour.local && localName(flavour.local, first[1], second[1], category),
  }
}

function localName(
  script: NonNullable<Flavour['local']>,
  first: string,
  second: string,
  category: Category,
): string {
  const words = first + script.joint + second
  const noun = category.nouns[script.nouns]
  const name = script.nounFirst ? noun + script.space + words : words + script.space + noun
  return name + script.mark
}

const combinations = (endings: readonly string[]): string[] =>
  things.flatMap((thing) => endings.map((ending) => `${thing} ${ending} (invented)`))

/** Shuffles by the algorithm of Fisher and Yates. */
function shuffled<T>(values: readonly T[], random: Random): T[] {
  const result = [...values]
  for (let last = result.length - 1; last > 0; last--) {
    const at = random.below(last + 1)
    const value = result[last]!
    result[last] = result[at]!
    result[at] = value
  }
  return result
}
