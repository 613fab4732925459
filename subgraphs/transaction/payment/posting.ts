// The postings of a completed payment and of its refunds. Per currency they sum to zero. Pure.

import type { ParticipantId } from '../../../schema/values/id.ts'
import { money, type Money } from '../../../schema/values/money.ts'
import { convertHalfUp, invert, rateOf } from '../../../schema/values/rate.ts'
import type { Account, Posting } from '../../log/entry.ts'
import { hubParticipant } from '../../shared/registry.ts'
import type { Price } from '../price/pricing.ts'

export interface Parties {
  readonly wallet: ParticipantId
  readonly acquirer: ParticipantId
}

/**
 * Returns the postings of a price. The wallet owes what the payer spends, the acquirer is owed what the
 * merchant receives, and the hub keeps the fee. When the currencies differ, the liquidity account exchanges
 * them at the mid rate, and the spread is the rest.
 */
export function postingsOf(
  price: Pick<Price, 'merchantAmount' | 'payerAmount' | 'fee' | 'rate'>,
  { wallet, acquirer }: Parties,
): Posting[] {
  const { merchantAmount, payerAmount, fee, rate } = price
  const entry = (account: Account, participant: ParticipantId, { minor, currency }: Money): Posting => ({
    account,
    participant,
    currency,
    minor,
  })
  const postings = [
    entry('WALLET', wallet, negative(payerAmount)),
    entry('FEE', hubParticipant, fee),
    entry('ACQUIRER', acquirer, merchantAmount),
  ]
  if (rate) {
    const mid = rateOf(rate.source, rate.target, rate.mid)
    const atMid = convertHalfUp(merchantAmount, invert(mid))
    const spread = money(payerAmount.minor - fee.minor - atMid.minor, payerAmount.currency)
    postings.push(
      entry('LIQUIDITY', hubParticipant, atMid),
      entry('LIQUIDITY', hubParticipant, negative(merchantAmount)),
      entry('SPREAD', hubParticipant, spread),
    )
  }
  return postings.filter(({ minor }) => minor !== 0n)
}

/**
 * Returns the postings of the refund that raises the refunded total from `before` to `after`: the payment's
 * postings, negated and in proportion. Each share is rounded down as a running total and the spread takes
 * the rest, so that refunds of the whole payment book back exactly what it booked.
 */
export function refundPostings(
  price: Pick<Price, 'merchantAmount' | 'payerAmount' | 'fee' | 'rate'>,
  parties: Parties,
  before: Money,
  after: Money,
): Posting[] {
  const share = (amount: Money) => shareOf(amount, price, before, after)
  const postings = postingsOf(price, parties).filter(({ account }) => account !== 'SPREAD')
  const back = postings.map((posting) => {
    const { minor } = share(money(posting.minor < 0n ? -posting.minor : posting.minor, posting.currency))
    return { ...posting, minor: posting.minor < 0n ? minor : -minor }
  })
  const { currency } = price.payerAmount
  const rest = back.reduce((sum, posting) => (posting.currency === currency ? sum + posting.minor : sum), 0n)
  const spread: Posting = { account: 'SPREAD', participant: hubParticipant, currency, minor: -rest }
  return [...back, spread].filter(({ minor }) => minor !== 0n)
}

/**
 * The part of an amount that belongs to the refund from `before` to `after`. All parts add up to the whole
 * amount.
 */
export function shareOf(
  { minor, currency }: Money,
  { merchantAmount }: Pick<Price, 'merchantAmount'>,
  before: Money,
  after: Money,
): Money {
  const runningTotal = (refunded: Money) => (minor * refunded.minor) / merchantAmount.minor
  return money(runningTotal(after) - runningTotal(before), currency)
}

export const negated = (posting: Posting): Posting => ({ ...posting, minor: -posting.minor })

const negative = ({ minor, currency }: Money): Money => money(-minor, currency)
