// What the merchants of the data set give the customers of wallets: discounts, cashback and tax refunds.

import type { OfferId, ParticipantId } from '../schema/values/id.ts'
import { digitsOf, type Currency } from '../schema/values/currency.ts'
import type { Money } from '../schema/values/money.ts'
import type { Merchant } from '../subgraphs/merchant/index.ts'
import type { Offer } from '../subgraphs/offers/index.ts'
import type { Participant } from '../subgraphs/shared/registry.ts'
import { mainland } from './countries.ts'
import type { MerchantSource } from './merchants.ts'
import { Random } from './random.ts'

const dayMs = 86_400_000

export interface OffersOptions {
  readonly seed: number
  /** The present of the data set: most offers are valid then. */
  readonly until: Date
}

/** The offers of all merchants, computed at each reading in the order of the merchants. */
export const makeOffers = (
  options: OffersOptions,
  merchants: MerchantSource,
  participants: readonly Participant[],
): Iterable<Offer> => ({ [Symbol.iterator]: () => computeOffers(options, merchants, participants) })

function* computeOffers(
  { seed, until }: OffersOptions,
  merchants: MerchantSource,
  participants: readonly Participant[],
): Generator<Offer> {
  const foreign = participants
    .filter(({ roles, country }) => roles.includes('WALLET') && country !== mainland.code)
    .map(({ id }) => id)
    .toSorted()
  const random = new Random(seed, 'offers')
  const share = Math.min(0.3, merchantsMax / merchants.count)
  for (let index = 0; index < merchants.count; index++) {
    random.restart(index)
    // Before the merchant is computed, which takes longer.
    if (!random.chance(share)) continue
    const merchant = merchants.at(index)
    if (merchant.status === 'ACTIVE') yield* offersOf(merchant, { random, until, foreign })
  }
}

/** Merchants with offers, at most about. */
const merchantsMax = 100_000

interface Making {
  readonly random: Random
  readonly until: Date
  /** Wallets outside the mainland. */
  readonly foreign: readonly ParticipantId[]
}

function* offersOf(merchant: Merchant, making: Making): Generator<Offer> {
  const { random, foreign } = making
  const { country, currency, scenario } = merchant
  if (country === mainland.code && scenario === 'RETAIL' && random.chance(0.6)) {
    yield {
      ...common(merchant, making, 1),
      kind: 'TAX_REFUND',
      title: 'Tax refund in the shop for travellers',
      gift: { basisPoints: 900, amount: null },
      minimum: amountOf(200n, currency),
      maximum: null,
      // The first wallet of each country.
      wallets: foreign.filter((id) => id.endsWith('-01')),
    }
  }
  if (random.chance(0.35)) {
    const percent = 5 + random.below(4) * 5
    yield {
      ...common(merchant, making, 2),
      kind: 'DISCOUNT',
      title: `${percent} % off`,
      gift: { basisPoints: percent * 100, amount: null },
      minimum: null,
      maximum: amountOf(50n, currency),
      wallets: null,
    }
  }
  if (random.chance(0.15)) {
    yield {
      ...common(merchant, making, 3),
      kind: 'CASHBACK',
      title: 'Cashback on a larger payment',
      gift: { basisPoints: null, amount: amountOf(8n, currency) },
      minimum: amountOf(100n, currency),
      maximum: null,
      wallets: foreign.filter((id) => /-0[1-3]$/.test(id)),
    }
  }
}

type Common = 'id' | 'merchant' | 'currency' | 'validFrom' | 'validUntil' | 'location'

/** From up to four months before the present of the data set, for at most a year after it. */
function common(
  { id, currency, location }: Merchant,
  { random, until }: Making,
  number: number,
): Pick<Offer, Common> {
  const at = (days: number) => new Date(until.getTime() + days * dayMs)
  return {
    id: `${id}:${number}` as OfferId,
    merchant: id,
    currency,
    validFrom: at(-random.below(120) - 1),
    validUntil: at(random.below(360) + 5),
    location,
  }
}

/** `yuan` in the units of another currency: not by its rate, but by the number of digits of its prices. */
function amountOf(yuan: bigint, currency: Currency): Money {
  const scale = digitsOf(currency) === 0 ? 100n : 10n ** BigInt(digitsOf(currency))
  return { currency, minor: yuan * scale }
}
