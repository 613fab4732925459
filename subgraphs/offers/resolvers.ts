// GraphQL ↔ domain. Each request has loaders of its own: what it reads once, it does not read again.

import DataLoader from 'dataloader'
import type { MerchantId, OfferId, ParticipantId } from '../../schema/values/id.ts'
import { formatAmount, parseMoney, type Money } from '../../schema/values/money.ts'
import { orThrow, ProblemError, refuse } from '../../schema/values/problems.ts'
import type { Resolvers } from '../shared/federated-schema.ts'
import { scalars } from '../shared/scalars.ts'
import {
  benefitOf,
  bestOffer,
  isFor,
  percentOf,
  readCircle,
  type Circle,
  type Offer,
  type OfferKind,
} from './offer.ts'
import type { MerchantAt, OfferStore } from './offer-store.ts'

/** The loaders of one request, and its time: a request has one present. */
export interface OffersContext {
  readonly now: Date
  readonly valid: DataLoader<MerchantAt, readonly Offer[], string>
  readonly byId: DataLoader<OfferId, Offer | null>
}

/** Merchants or offers that one call of MongoDB reads. */
const batchMax = 500

export const contextOf = (store: OfferStore, now: Date): OffersContext => ({
  now,
  valid: new DataLoader((keys: readonly MerchantAt[]) => store.valid(keys), {
    cacheKeyFn: ({ merchant, at }) => `${at.getTime()} ${merchant}`,
    maxBatchSize: batchMax,
  }),
  byId: new DataLoader((ids: readonly OfferId[]) => store.byId(ids), { maxBatchSize: batchMax }),
})

interface NearArguments {
  readonly near: Circle
  readonly wallet?: ParticipantId | null
  readonly kinds: readonly OfferKind[]
  readonly first: number
}

/** A payment as the hub sends it: its key, and what `appliedOffer` requires. */
interface PaymentReference {
  readonly createdAt: string
  readonly settlementDate: string | null
  readonly merchantAmount: { readonly amount: string; readonly currency: string }
  readonly merchant: { readonly id: MerchantId }
  readonly wallet: { readonly id: ParticipantId }
}

const shownMax = 50
const rowsMax = 100

export const createOffersResolvers = (store: OfferStore): Resolvers => ({
  DateTime: scalars.DateTime,
  LocalDate: scalars.LocalDate,
  Decimal: scalars.Decimal,
  CurrencyCode: scalars.CurrencyCode,
  Query: {
    offers: (_: unknown, args: NearArguments, { now }: OffersContext) => nearby(store, args, now),
  },
  Merchant: {
    __resolveReference: (reference: { readonly id: MerchantId }) => reference,
    async offers(
      { id }: { readonly id: MerchantId },
      { wallet = null }: { readonly wallet?: ParticipantId | null },
      { now, valid }: OffersContext,
    ) {
      const offers = await valid.load({ merchant: id, at: now })
      return offers.filter((offer) => isFor(offer, wallet)).slice(0, shownMax)
    },
  },
  Payment: {
    __resolveReference: (reference: PaymentReference) => reference,
    appliedOffer: (payment: PaymentReference, _: unknown, context: OffersContext) =>
      appliedOffer(payment, context),
  },
  Offer: {
    __resolveReference: ({ id }: { readonly id: OfferId }, { byId }: OffersContext) => byId.load(id),
    merchant: ({ merchant }: Offer) => ({ id: merchant }),
    percent: ({ gift }: Offer) => (gift.basisPoints === null ? null : percentOf(gift.basisPoints)),
    amount: ({ gift }: Offer) => gift.amount,
    wallets: ({ wallets }: Offer) => wallets?.map((id) => ({ id })) ?? null,
    benefit: (offer: Offer, { amount }: { readonly amount: { amount: string; currency: string } }) =>
      orThrow(benefitOf(offer, orThrow(parseMoney(amount, ['amount'])))),
  },
  Money: { amount: (amount: Money) => formatAmount(amount) },
})

async function nearby(store: OfferStore, { near, wallet = null, kinds, first }: NearArguments, at: Date) {
  if (first < 1 || first > rowsMax) {
    throw new ProblemError(refuse('BAD_PAGE', `\`first\` is ${first}: use 1–${rowsMax}`, ['first']))
  }
  return store.near({ circle: orThrow(readCircle(near)), wallet, kinds, at, size: first })
}

async function appliedOffer(
  { createdAt, settlementDate, merchantAmount, merchant, wallet }: PaymentReference,
  { valid }: OffersContext,
) {
  if (settlementDate === null) return null
  const at = new Date(createdAt)
  const offers = await valid.load({ merchant: merchant.id, at })
  return bestOffer(offers, { amount: orThrow(parseMoney(merchantAmount, [])), wallet: wallet.id, at })
}
