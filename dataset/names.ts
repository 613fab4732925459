// Invented names. Each says that it is: institutions end in "(invented)", merchants in "(demo)", for theirs must fit into a
// QR code's 25 characters. Networks that exist are named as they are, with "(simulated)".

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

/** Names that have not been given yet: each call takes the next. */
export function institutionNames(seed: number): {
  readonly WALLET: () => string
  readonly ACQUIRER: () => string
} {
  const dealer = (kind: string, endings: readonly string[]): (() => string) => {
    const names = shuffled(combinations(endings), new Random(seed, `names/${kind}`))
    return () => {
      const name = names.pop()
      if (!name) throw new RangeError(`there are no more names for a ${kind}`)
      return name
    }
  }
  return { WALLET: dealer('wallet', wallets), ACQUIRER: dealer('acquirer', acquirers) }
}

/** `count` names of QR products. */
export const productNames = (seed: number, count: number): string[] => {
  const names = combinations(products)
  if (count > names.length) throw new RangeError(`there are only ${names.length} names for QR products`)
  return shuffled(names, new Random(seed, 'names/product')).slice(0, count)
}

/** The name of a merchant in Latin letters, at most 25 characters, and in the local script where there is one. */
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

/** Fisher and Yates. */
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
