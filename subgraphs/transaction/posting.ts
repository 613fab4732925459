// The double entry that a completed payment carries. Per currency its postings sum to zero. Pure.

import { money, type Money } from '../../schema/values/money.ts'
import { convertHalfUp, invert, rateOf } from '../../schema/values/rate.ts'
import type { Account, Posting } from '../log.ts'
import type { Price } from './pricing.ts'

export interface Parties {
  readonly wallet: string
  readonly acquirer: string
}

/** Keeps the fee, liquidity and spread accounts. */
export const hubParticipant = 'operator'

/**
 * The wallet owes what the payer spends; the acquirer is owed what the merchant gets; the fee stays with the hub. Where
 * currencies differ, the liquidity account takes the payer's currency at the mid rate and gives the merchant's, and the
 * rest is spread.
 */
export function postingsOf(
  price: Pick<Price, 'merchantAmount' | 'payerAmount' | 'fee' | 'rate'>,
  { wallet, acquirer }: Parties,
): Posting[] {
  const { merchantAmount, payerAmount, fee, rate } = price
  const entry = (account: Account, participant: string, { minor, currency }: Money): Posting => ({
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

const negative = ({ minor, currency }: Money): Money => money(-minor, currency)
