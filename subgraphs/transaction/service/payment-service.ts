// Quotes, takes, answers, cancels and refunds payments: asks the directory, the rules and the store in turn. One call per
// operation.
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import type { SubgraphDependencies } from '../../shared/subgraph.ts'
import { answer, isRepeated, undeliverable } from '../payment/answer.ts'
import { cancel, mayCancel } from '../payment/cancel.ts'
import { reservationOf, overDay } from '../payment/daily-limit.ts'
import type { DailyLimits } from '../store/daily-limits.ts'
import { inquireEarly, moveDue } from '../payment/timeout.ts'
import { isKept, useOfKey, type UsedKey } from '../../shared/idempotency-key.ts'
import {
  readAnswer,
  readCancellation,
  readCharge,
  readOrder,
  readRefund,
  readSubmission,
} from './read-input.ts'
import type {
  CancelPaymentInput,
  ChargePresentedCodeInput,
  OrderInput,
  RefundPaymentInput,
  RespondAuthorizationInput,
  SubmitPaymentInput,
} from './read-input.ts'
import { newId } from '../payment/new-id.ts'
import {
  createIdempotentPayments,
  receiptOf,
  unknownPayment,
  type PaymentReceipt,
} from './idempotent-payments.ts'
import type { Payment } from '../payment/payment.ts'
import { checkCharge, readPresented } from '../payment/presented-code.ts'
import {
  agree,
  checkStillOpen,
  makeQuote,
  type PaymentTarget,
  type Quote,
  type Terms,
  type PricingWorld,
} from '../price/quote.ts'
import type { RateProvider } from '../price/rates.ts'
import type { RefundOf } from '../store/payment-loaders.ts'
import { refund } from '../payment/refund.ts'
import { defaultZone } from '../payment/settlement-date.ts'
import type { Order } from '../price/order.ts'
import type { CounterpartyAnswer, Charge, Submission } from '../payment/commands.ts'
import type { PaymentStore } from '../store/payment-store.ts'
import { checkQuote, submit, type Screening, type Submitted } from '../payment/submit.ts'
import type { Logger } from '../../platform/logger.ts'
import type { ParticipantId, PaymentId } from '../../../schema/values/id.ts'

export interface RefundReceipt {
  readonly __typename: 'RefundReceipt'
  readonly replayed: boolean
  readonly refund: RefundOf
}

export interface PaymentService {
  quote(wallet: ParticipantId, input: OrderInput): Promise<Quote | Refusal>
  submit(wallet: ParticipantId, input: SubmitPaymentInput): Promise<PaymentReceipt | Refusal>
  /** Charges a code that a customer presented, for the acquirer. */
  charge(acquirer: ParticipantId, input: ChargePresentedCodeInput): Promise<PaymentReceipt | Refusal>
  cancel(participant: ParticipantId, input: CancelPaymentInput): Promise<PaymentReceipt | Refusal>
  refund(participant: ParticipantId, input: RefundPaymentInput): Promise<RefundReceipt | Refusal>
  respond(participant: ParticipantId, input: RespondAuthorizationInput): Promise<PaymentReceipt | Refusal>
  /** Answers payment `id` for its counterparty; `decide` may look at the payment and leave it unanswered by null. */
  answer(
    participant: ParticipantId,
    id: PaymentId,
    decide: (payment: Payment) => CounterpartyAnswer | null,
  ): Promise<PaymentReceipt | Refusal>
  /** Ends payment `id`, which could not be delivered to its counterparty at all. */
  undeliverable(id: PaymentId): Promise<void>
  /** Does what is due with payment `id`; nothing when its time has not come, or somebody else has done it. */
  actOnDue(id: PaymentId): Promise<void>
  /** Asks the counterparty of a payment in doubt where it stands, if it was not asked just now: the payment after that. */
  inquire(id: PaymentId): Promise<Payment | null>
}

export interface PaymentServiceDependencies extends Pick<
  SubgraphDependencies,
  'registry' | 'directory' | 'now'
> {
  readonly store: PaymentStore
  readonly dailyLimits: DailyLimits
  readonly rates: RateProvider
  readonly screen: Screening
  readonly logger: Pick<Logger, 'error'>
}

/** What is known of a payment before it is written. */
interface Draft {
  readonly wallet: ParticipantId
  readonly submitted: Submitted
  readonly terms: Terms
}

export function createPaymentService(dependencies: PaymentServiceDependencies): PaymentService {
  const { store, dailyLimits, directory, registry, rates, screen, now, logger } = dependencies
  const idempotentPayments = createIdempotentPayments({ store, logger })
  const worldNow = (): PricingWorld => ({ registry, rates, now: now() })
  const zoneOf = ({ corridor }: Payment) => registry.corridors.get(corridor)?.settlementZone ?? defaultZone

  /** The place that an order names, with whatever the code there carries. */
  const findPlace = async ({ target }: Order): Promise<PaymentTarget | Refusal> => {
    if (target.kind === 'CODE') {
      const scanned = await directory.scan(target.payload)
      if (isRefusal(scanned)) return { ...scanned, path: ['input', 'payload'] }
      const { merchant, ...code } = scanned
      return { merchant, code }
    }
    const merchant = await directory.merchant(target.id)
    return merchant ? { merchant, code: null } : refuse('MERCHANT_UNKNOWN', undefined, ['input', 'merchant'])
  }

  const draftOf = async (wallet: ParticipantId, submission: Submission): Promise<Draft | Refusal> => {
    const { what, reference: number, customer, token } = submission
    const submitted = { reference: number, customer, token }
    if (what.kind === 'ORDER') {
      const target = await findPlace(what.order)
      const agreed = isRefusal(target) ? target : agree(wallet, what.order, target, worldNow())
      return isRefusal(agreed) ? agreed : { wallet, submitted, terms: agreed.terms }
    }
    const quote = await store.quoteById(what.id)
    const world = worldNow()
    const flaw = checkQuote(quote, wallet, world.now) ?? checkStillOpen(wallet, quote!.terms, world)
    return flaw ?? { wallet, submitted: { ...submitted, quote: what.id }, terms: quote!.terms }
  }

  const draftOfCharge = async (acquirer: ParticipantId, charge: Charge): Promise<Draft | Refusal> => {
    const merchant = await directory.merchant(charge.merchant)
    if (merchant?.acquirer !== acquirer) return refuse('MERCHANT_UNKNOWN', undefined, ['input', 'merchant'])
    const id = readPresented(charge.payload)
    if (isRefusal(id)) return id
    const code = await store.codeById(id)
    if (!code) return refuse('CODE_UNKNOWN', undefined, ['input', 'payload'])
    const { wallet, token } = code
    const order: Order = {
      target: { kind: 'MERCHANT', id: merchant.id },
      amount: charge.amount,
      tip: null,
      side: 'FIXED_MERCHANT',
      payerCurrency: null,
      entryMode: 'CPM',
    }
    const world = worldNow()
    const agreed = agree(wallet, order, { merchant, code: null }, world)
    if (isRefusal(agreed)) return agreed
    const flaw = checkCharge(code, agreed.terms, rates, world.now)
    if (flaw) return flaw
    const terminal = charge.terminal === null ? {} : { terminal: charge.terminal }
    const submitted = { reference: id, customer: token.reference, token, presentedCode: id, ...terminal }
    return { wallet, submitted, terms: agreed.terms }
  }

  /** Writes the payment that `draft` describes, under `key`; or gives what the key has got before. */
  const take = async (draft: Draft | Refusal, key: UsedKey): Promise<PaymentReceipt | Refusal> => {
    if (isRefusal(draft)) return idempotentPayments.keep(key, draft)
    const { wallet, submitted, terms } = draft
    const corridor = registry.corridors.get(terms.corridor)!
    const { customer } = submitted
    const reserved =
      customer === null
        ? null
        : reservationOf({ wallet, customer }, key.id, terms.merchantAmount, corridor, rates, key.at)
    if (isRefusal(reserved)) return idempotentPayments.keep(key, reserved)
    const used = reserved && (await dailyLimits.reserve(reserved))
    if (reserved && used !== null) return idempotentPayments.keep(key, overDay(reserved, used))

    const payment = submit(wallet, submitted, terms, {
      id: newId(key.at),
      rrn: await store.nextRrn(),
      key,
      now: key.at,
      authorizationTimeoutMs: corridor.authorizationTimeoutMs,
      screen,
      ...(reserved && { customerDay: reserved.day }),
    })
    const receipt = await idempotentPayments.insert(payment, key)
    if (reserved && isRefusal(receipt) && isKept(receipt))
      await dailyLimits.giveBack(reserved.day, reserved.hold)
    return receipt
  }

  const paymentService: PaymentService = {
    async quote(wallet, input) {
      const order = checkWallet(wallet, registry) ?? readOrder(input)
      if (isRefusal(order)) return order
      const target = await findPlace(order)
      if (isRefusal(target)) return target
      const world = worldNow()
      const quote = makeQuote(newId(world.now), wallet, order, target, world)
      if (!isRefusal(quote)) await store.addQuote(quote)
      return quote
    },

    async submit(wallet, input) {
      const submission = checkWallet(wallet, registry) ?? readSubmission(input)
      if (isRefusal(submission)) return submission
      const key = useOfKey(wallet, 'submitPayment', submission.idempotencyKey, input, now())
      return take(await draftOf(wallet, submission), key)
    },

    async charge(acquirer, input) {
      const charge = checkAcquirer(acquirer, registry) ?? readCharge(input)
      if (isRefusal(charge)) return charge
      const key = useOfKey(acquirer, 'chargePresentedCode', charge.idempotencyKey, input, now())
      return take(await draftOfCharge(acquirer, charge), key)
    },

    async cancel(participant, input) {
      const wish = readCancellation(input)
      if (isRefusal(wish)) return wish
      const key = useOfKey(participant, 'cancelPayment', wish.idempotencyKey, input, now())
      return idempotentPayments.move(key, wish.payment, (payment) => {
        if (!mayCancel(payment, participant)) return unknownPayment
        const cutoffMinutes = registry.corridors.get(payment.corridor)?.cancelCutoffMinutes ?? 0
        return cancel(payment, { now: now(), key, cutoffMinutes, zone: zoneOf(payment), note: wish.note })
      })
    },

    async refund(participant, input) {
      const order = readRefund(input)
      if (isRefusal(order)) return order
      const key = useOfKey(participant, 'refundPayment', order.idempotencyKey, input, now())
      const id = newId(key.at)
      const receipt = await idempotentPayments.move(key, order.payment, (payment) => {
        if (participant !== payment.wallet && participant !== payment.acquirer) return unknownPayment
        const windowDays = registry.corridors.get(payment.corridor)?.refundWindowDays ?? 0
        const { amount, reason, note } = order
        return refund(payment, amount, {
          id,
          now: now(),
          key,
          windowDays,
          zone: zoneOf(payment),
          reason,
          note,
        })
      })
      if (isRefusal(receipt)) return receipt
      const { replayed, payment } = receipt
      const made = payment.refunds.find((one) => one.key === key.id)!
      return { __typename: 'RefundReceipt', replayed, refund: { refund: made, payment } }
    },

    async respond(participant, input) {
      const given = readAnswer(input)
      return isRefusal(given) ? given : paymentService.answer(participant, input.payment, () => given)
    },

    async answer(participant, id, decide) {
      let given: CounterpartyAnswer | null = null
      const done = await store.move(id, (payment) => {
        given = payment.counterparty === participant ? decide(payment) : null
        return given && answer(payment, given, { now: now(), zone: zoneOf(payment) })
      })
      if (!done || !given) return unknownPayment
      return answered(done.before, done.after, given)
    },

    async undeliverable(id) {
      await store.move(id, (payment) => undeliverable(payment, now()))
    },

    async actOnDue(id) {
      await store.move(id, (payment) => moveDue(payment, now()))
    },

    async inquire(id) {
      return (await store.move(id, (payment) => inquireEarly(payment, now())))?.after ?? null
    },
  }
  return paymentService
}

function answered(before: Payment, after: Payment, given: CounterpartyAnswer): PaymentReceipt | Refusal {
  if (after.status !== before.status) return receiptOf(after, false)
  if (isRepeated(before, given)) return receiptOf(after, true)
  return refuse('NOT_WAITING', `the payment is ${after.status}`, ['input', 'payment'])
}

type Reference = SubgraphDependencies['registry']

const checkWallet = (id: ParticipantId, { participants }: Reference): Refusal | null =>
  participants.get(id)?.roles.includes('WALLET') ? null : refuse('FORBIDDEN', 'only a wallet does this')

const checkAcquirer = (id: ParticipantId, { participants }: Reference): Refusal | null =>
  participants.get(id)?.roles.includes('ACQUIRER') ? null : refuse('FORBIDDEN', 'only an acquirer does this')
