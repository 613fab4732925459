// Quotes, takes and answers payments: asks the directory, the rules and the store in turn. One call per operation.

import { randomFillSync } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import { v7 as newUuid } from 'uuid'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { SubgraphDependencies } from '../subgraph.ts'
import { conflictOf, useOfKey, type UsedKey } from '../idempotency.ts'
import { readAnswer, readOrder, readSubmission } from './input.ts'
import type {
  Answer,
  Order,
  OrderInput,
  RespondAuthorizationInput,
  Submission,
  SubmitPaymentInput,
} from './input.ts'
import { answer, checkQuote, isRepeated, submit, type Payment, type Screening } from './payment.ts'
import { agree, checkStillOpen, makeQuote, type Place, type Quote, type Terms, type World } from './quote.ts'
import type { RateProvider } from './rates.ts'
import { defaultZone } from './settlement-date.ts'
import type { PaymentStore } from './store.ts'

export interface PaymentReceipt {
  readonly __typename: 'PaymentReceipt'
  /** The same key and input came before. */
  readonly replayed: boolean
  readonly payment: Payment
}

export interface Cashier {
  quote(wallet: string, input: OrderInput): Promise<Quote | Refusal>
  submit(wallet: string, input: SubmitPaymentInput): Promise<PaymentReceipt | Refusal>
  respond(participant: string, input: RespondAuthorizationInput): Promise<PaymentReceipt | Refusal>
  /** Answers payment `id` for its counterparty; `decide` may look at the payment and leave it unanswered by null. */
  answer(
    participant: string,
    id: string,
    decide: (payment: Payment) => Answer | null,
  ): Promise<PaymentReceipt | Refusal>
}

export interface CashierDependencies extends Pick<SubgraphDependencies, 'reference' | 'directory' | 'now'> {
  readonly store: PaymentStore
  readonly rates: RateProvider
  readonly screen: Screening
  readonly log: Pick<FastifyBaseLogger, 'error'>
}

export function createCashier(dependencies: CashierDependencies): Cashier {
  const { store, directory, reference, rates, screen, now, log } = dependencies
  const worldNow = (): World => ({ reference, rates, now: now() })

  /** The place that an order names, with whatever the code there carries. */
  const findPlace = async ({ place }: Order): Promise<Place | Refusal> => {
    if (place.kind === 'CODE') {
      const scanned = await directory.scan(place.payload)
      if (isRefusal(scanned)) return { ...scanned, path: ['input', 'payload'] }
      const { merchant, ...code } = scanned
      return { merchant, code }
    }
    const merchant = await directory.merchant(place.id)
    return merchant ? { merchant, code: null } : refuse('MERCHANT_UNKNOWN', undefined, ['input', 'merchant'])
  }

  const termsOf = async (wallet: string, { what }: Submission): Promise<Terms | Refusal> => {
    if (what.kind === 'ORDER') {
      const place = await findPlace(what.order)
      const agreed = isRefusal(place) ? place : agree(wallet, what.order, place, worldNow())
      return isRefusal(agreed) ? agreed : agreed.terms
    }
    const quote = await store.quoteById(what.id)
    const world = worldNow()
    return checkQuote(quote, wallet, world.now) ?? checkStillOpen(wallet, quote!.terms, world) ?? quote!.terms
  }

  const insert = async (payment: Payment, key: UsedKey): Promise<PaymentReceipt | Refusal> => {
    try {
      if (await store.insert(payment)) return receipt(payment, false)
    } catch (error) {
      // It may be there or not. Only a look can tell, and where none can be had the key is what the caller still has.
      log.error({ err: error, payment: payment._id }, 'the outcome of a submission is unknown; looking it up')
      return (await firstUse(key, payment._id).catch(() => null)) ?? refuse('UNAVAILABLE')
    }
    return (await firstUse(key, payment._id)) ?? whyTaken(payment)
  }

  /** What the first use of this key gave; null when the key is new. */
  const firstUse = async (key: UsedKey, own?: string): Promise<PaymentReceipt | Refusal | null> => {
    const payment = await store.byKey.load(key.id)
    if (!payment) return null
    return (
      conflictOf(
        payment.keys.find(({ id }) => id === key.id)!,
        key,
      ) ?? receipt(payment, payment._id !== own)
    )
  }

  const whyTaken = async ({ quote, wallet, reference: number }: Payment): Promise<Refusal> => {
    if (quote !== undefined && (await store.byQuote.load(quote))) {
      return refuse('QUOTE_USED', undefined, ['input', 'quote'])
    }
    if (await store.byReference.load({ wallet, reference: number })) {
      return refuse('REFERENCE_USED', undefined, ['input', 'reference'])
    }
    return refuse('UNAVAILABLE')
  }

  const cashier: Cashier = {
    async quote(wallet, input) {
      const order = checkWallet(wallet, reference) ?? readOrder(input)
      if (isRefusal(order)) return order
      const place = await findPlace(order)
      if (isRefusal(place)) return place
      const world = worldNow()
      const quote = makeQuote(newId(world.now), wallet, order, place, world)
      if (!isRefusal(quote)) await store.addQuote(quote)
      return quote
    },

    async submit(wallet, input) {
      const submission = checkWallet(wallet, reference) ?? readSubmission(input)
      if (isRefusal(submission)) return submission
      const at = now()
      const key = useOfKey(wallet, 'submitPayment', submission.idempotencyKey, input, at)
      const terms = await termsOf(wallet, submission)
      // The same request once more gets its first answer, also when the hub would no longer take it.
      if (isRefusal(terms)) return (await firstUse(key)) ?? terms
      const { authorizationTimeoutMs } = reference.corridors.get(terms.corridor)!
      const rrn = await store.nextRrn()
      const world = { id: newId(at), rrn, key, now: at, authorizationTimeoutMs, screen }
      const quoted = submission.what.kind === 'QUOTE' ? { quote: submission.what.id } : {}
      return insert(submit(wallet, { ...submission, ...quoted }, terms, world), key)
    },

    async respond(participant, input) {
      const given = readAnswer(input)
      return isRefusal(given) ? given : cashier.answer(participant, input.payment, () => given)
    },

    async answer(participant, id, decide) {
      let given: Answer | null = null
      const done = await store.move(id, (payment) => {
        given = payment.counterparty === participant ? decide(payment) : null
        if (!given) return null
        const zone = reference.corridors.get(payment.corridor)?.settlementZone ?? defaultZone
        return answer(payment, given, { now: now(), zone })
      })
      if (!done || !given) return unknownPayment
      return answered(done.before, done.after, given)
    },
  }
  return cashier
}

/** A UUID version 7 of `at`. */
function newId(at: Date): string {
  if (poolUsed === pool.length) {
    randomFillSync(pool)
    poolUsed = 0
  }
  return newUuid({ msecs: at.getTime(), random: pool.subarray(poolUsed, (poolUsed += 16)) })
}

/** Randomness is cheaper by the kilobyte. */
const pool = new Uint8Array(4096)
let poolUsed = pool.length

const receipt = (payment: Payment, replayed: boolean): PaymentReceipt => ({
  __typename: 'PaymentReceipt',
  replayed,
  payment,
})

function answered(before: Payment, after: Payment, given: Answer): PaymentReceipt | Refusal {
  if (after.status !== before.status) return receipt(after, false)
  if (isRepeated(before, given)) return receipt(after, true)
  return refuse('NOT_WAITING', `the payment is ${after.status}`, ['input', 'payment'])
}

const unknownPayment = refuse('PAYMENT_UNKNOWN', 'no payment with this id takes the caller’s answers', [
  'input',
  'payment',
])

function checkWallet(id: string, reference: SubgraphDependencies['reference']): Refusal | null {
  const isWallet = reference.participants.get(id)?.roles.includes('WALLET')
  return isWallet ? null : refuse('FORBIDDEN', 'only a wallet quotes and pays')
}
