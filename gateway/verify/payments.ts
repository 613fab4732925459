// What each payment must be by itself: legal moves, balanced postings, refunds, keys, deadlines.

import { Check } from './check.ts'
import { openStatuses, type Amount, type Booking, type Event, type Payment } from './documents.ts'
import { RepeatFilter } from './fingerprint.ts'
import { wrongMove } from './moves.ts'
import type { Snapshot } from './snapshot.ts'

/** How long after its deadline a payment may still wait: the hub was down, or is busy. */
const overdueMs = 60_000
/** No wait of an open payment is longer than a day. */
const longestWaitMs = 25 * 3_600_000

export interface PaymentChecks {
  readonly checks: readonly Check[]
  /** Reads one document of `payments`. */
  visit(payment: Payment): void
  /** Decides by queries which keys, quotes, codes and references were used twice. */
  finish(snapshot: Snapshot): Promise<void>
}

/** `nowMs` is the time by the clock of MongoDB. */
export function createPaymentChecks(nowMs: number): PaymentChecks {
  const moves = new Check('moves', 'payments make legal moves only, and none out of a final status')
  const postings = new Check('postings', 'the postings of each event sum to zero in each currency')
  const refunds = new Check('refunds', 'refunds never exceed their payment')
  const keys = new Check('keys', 'an idempotency key has one effect')
  const quotes = new Check('quotes', 'a quote, presented code or reference is used once')
  const deadlines = new Check('deadlines', 'no open payment is far beyond its deadline')
  const used = new UsedOnce(keys, quotes)
  return {
    checks: [moves, postings, refunds, keys, quotes, deadlines],
    visit(payment) {
      for (const { id } of payment.keys) used.add('keys.id', id)
      if (payment.status === undefined) return
      const { _id } = payment
      const wrong = wrongMove(payment)
      moves.expect(wrong === null, _id, () => wrong!)
      checkPostings(postings, payment)
      checkRefunds(refunds, payment)
      checkKeys(keys, payment)
      if (payment.quote !== undefined) used.add('quote', payment.quote)
      if (payment.presentedCode !== undefined) used.add('presentedCode', payment.presentedCode)
      used.add('reference', `${payment.wallet}\n${payment.reference}`)
      checkDeadline(deadlines, payment, nowMs)
    },
    finish: (snapshot) => used.finish(snapshot),
  }
}

function checkPostings(check: Check, { _id, events, refunds, ...terms }: Payment): void {
  for (const event of events) {
    if (event.booking) checkBalance(check, _id, event.booking)
    const needsBooking =
      (event.to === 'COMPLETED' && event.from !== 'COMPLETED') ||
      (event.to === 'CANCELLING' && event.from === 'COMPLETED')
    if (!needsBooking) continue
    const sign = event.to === 'COMPLETED' ? 1n : -1n
    const { merchantAmount, payerAmount, fee } = terms
    const holds =
      event.booking !== undefined &&
      sumOf(event.booking, 'ACQUIRER', merchantAmount.currency) === sign * merchantAmount.minor &&
      sumOf(event.booking, 'WALLET', payerAmount.currency) === -sign * payerAmount.minor &&
      sumOf(event.booking, 'FEE', fee.currency) === sign * fee.minor
    check.expect(holds, _id, () => `event ${event.sequence} does not book the amounts of the payment`)
  }
  for (const { _id: id, events: own, merchantAmount, payerAmount } of refunds) {
    const booking = own.find((event) => event.booking)?.booking
    if (booking) checkBalance(check, id, booking)
    const holds =
      booking !== undefined &&
      sumOf(booking, 'ACQUIRER', merchantAmount.currency) === -merchantAmount.minor &&
      sumOf(booking, 'WALLET', payerAmount.currency) === payerAmount.minor
    check.expect(holds, id, () => 'the refund does not book its amounts')
  }
}

function checkBalance(check: Check, id: string, { postings }: Booking): void {
  const currencies = new Set(postings.map(({ currency }) => currency))
  for (const currency of currencies) {
    let sum = 0n
    for (const posting of postings) if (posting.currency === currency) sum += posting.minor
    check.expect(sum === 0n, id, () => `postings sum to ${sum} in ${currency}`)
  }
}

const sumOf = ({ postings }: Booking, account: string, currency: string): bigint =>
  postings.reduce(
    (sum, posting) =>
      posting.account === account && posting.currency === currency ? sum + posting.minor : sum,
    0n,
  )

function checkRefunds(check: Check, { _id, refunds, refunded, merchantAmount, payerAmount }: Payment): void {
  const total = (of: 'merchantAmount' | 'payerAmount', { currency }: Amount): bigint | null =>
    refunds.every((refund) => refund[of].currency === currency)
      ? refunds.reduce((sum, refund) => sum + refund[of].minor, 0n)
      : null
  const merchant = total('merchantAmount', merchantAmount)
  const payer = total('payerAmount', payerAmount)
  check.expect(
    merchant !== null &&
      payer !== null &&
      merchant === refunded.minor &&
      merchant <= merchantAmount.minor &&
      payer <= payerAmount.minor,
    _id,
    () => `refunds of ${merchant} and a total of ${refunded.minor}, of ${merchantAmount.minor} minor units`,
  )
}

/** Each key of a payment did what it names: one submission, one refund a key, at most one cancellation. */
function checkKeys(check: Check, { _id, keys, refunds, events }: Payment): void {
  const by = (operation: string) =>
    keys.filter(({ id }) => id.split('/')[1] === operation).map(({ id }) => id)
  const submissions = ['submitPayment', 'chargePresentedCode', 'importPayments'].flatMap(by)
  check.expect(submissions.length === 1, _id, () => `was submitted by ${submissions.length} keys`)
  const ofRefunds = refunds.map(({ key }) => key)
  const refunded = events.filter(({ kind }) => kind === 'REFUNDED').length
  check.expect(
    by('refundPayment').toSorted().join('\n') === ofRefunds.toSorted().join('\n') &&
      refunded === refunds.length,
    _id,
    () => `has ${refunds.length} refunds, ${refunded} refund events and ${by('refundPayment').length} keys`,
  )
  const cancels = events.filter(({ kind }: Event) => kind === 'CANCEL_REQUESTED').length
  check.expect(
    cancels === by('cancelPayment').length,
    _id,
    () => `was cancelled ${cancels} times by other keys`,
  )
}

function checkDeadline(check: Check, { _id, status, due, updatedAt }: Payment, nowMs: number): void {
  if (!openStatuses.has(status)) {
    if (due !== undefined) check.fail(_id, `is ${status}, and still has a deadline`)
    return
  }
  const dueMs = due?.getTime()
  check.expect(
    dueMs !== undefined && dueMs > nowMs - overdueMs && dueMs - updatedAt.getTime() < longestWaitMs,
    _id,
    () => `is ${status} since ${updatedAt.toISOString()}, due ${due?.toISOString() ?? 'never'}`,
  )
}

type Field = 'keys.id' | 'quote' | 'presentedCode' | 'reference'

/** Finds texts that several payments have, without holding them: a filter suspects, and a query decides. */
class UsedOnce {
  readonly #filter = new RepeatFilter()
  readonly #suspects: { readonly field: Field; readonly value: string }[] = []
  readonly #checks: Readonly<Record<Field, Check>>

  constructor(keys: Check, quotes: Check) {
    this.#checks = { 'keys.id': keys, quote: quotes, presentedCode: quotes, reference: quotes }
  }

  add(field: Field, value: string): void {
    this.#checks[field].checked++
    if (this.#filter.add(`${field} ${value}`)) this.#suspects.push({ field, value })
  }

  async finish(snapshot: Snapshot): Promise<void> {
    const payments = snapshot.now('payments')
    for (const { field, value } of this.#suspects) {
      const [wallet, reference] = value.split('\n')
      const filter = field === 'reference' ? { wallet, reference } : { [field]: value }
      const found = await payments
        .find(filter, { projection: { _id: 1 } })
        .limit(2)
        .toArray()
      if (found.length < 2) continue
      const ids = found.map(({ _id }) => String(_id)).join(' and ')
      this.#checks[field].fail(value.replace('\n', ' '), `${field} of ${ids}`)
    }
  }
}
