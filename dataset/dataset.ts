// The data set of the whole programme: small parts as lists, large parts as streams. The same options give
// the same bytes.

import type { QrProduct } from '../subgraphs/merchant/index.ts'
import type { Offer } from '../subgraphs/offers/index.ts'
import type { Corridor, Participant, Project } from '../subgraphs/shared/registry.ts'
import type { Rates } from './amounts.ts'
import { citiesOf, readCityTable, type CityTable } from './cities.ts'
import { makeCorridors, makeProjects } from './corridors.ts'
import { mainland, projectCountries } from './countries.ts'
import { makeMerchants, type MerchantSource } from './merchants.ts'
import { makeOffers } from './offers.ts'
import { makeParticipants } from './participants.ts'
import { makePayments, type PaymentSource, type ReportingFen } from './payments.ts'
import { makeProducts } from './products.ts'

export interface DatasetOptions {
  /** A 32-bit integer. */
  readonly seed: number
  /**
   * 1 is the whole programme: 12 million merchants. Scales merchants and payments, except the major online
   * merchants.
   */
  readonly scale: number
  /** The end of the two years of payments. */
  readonly until: Date
  /** Rates for the choice of amounts. */
  readonly rates: Rates
  /** For values that are exact. */
  readonly reportingFen: ReportingFen
  /** Left out, it is read from its package, in half a second. */
  readonly cityTable?: CityTable
}

export interface Dataset {
  readonly participants: readonly Participant[]
  readonly projects: readonly Project[]
  readonly corridors: readonly Corridor[]
  readonly products: readonly QrProduct[]
  readonly merchants: MerchantSource
  readonly payments: PaymentSource
  readonly offers: Iterable<Offer>
  readonly cityTable: CityTable
}

const scaleMin = 0.0001

/**
 * Creates the data set. Merchants and payments are computed on demand. Throws when `scale` is above 1 or
 * below 0.0001, where some countries would have no merchant.
 */
export function makeDataset(options: DatasetOptions): Dataset {
  const { seed, scale, until } = options
  if (!(scale >= scaleMin && scale <= 1))
    throw new RangeError(`scale must be from ${scaleMin} to 1, not ${scale}`)
  const participants = makeParticipants(seed, until)
  const corridors = makeCorridors()
  const products = makeProducts(seed)
  const countries = [mainland.code, ...projectCountries.map(({ code }) => code)]
  const { cityTable = readCityTable(countries) } = options
  const merchants = makeMerchants(options, citiesOf(cityTable), products)
  const payments = makePayments(options, merchants, corridors, participants)
  const offers = makeOffers(options, merchants, participants)
  const projects = makeProjects()
  return { participants, projects, corridors, products, merchants, payments, offers, cityTable }
}
