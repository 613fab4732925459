// Erases a customer’s pseudonym on the wallet’s request. Amounts, parties, events and postings stay, so
// books, log and settlement files do not change; what is left of a payment names no payer.

import type { Db } from 'mongodb'
import type { ParticipantId } from '../../../schema/values/id.ts'
import { openAuditLog } from '../../shared/audit-log.ts'
import type { Payment } from '../payment/payment.ts'
import type { PresentedCode } from '../payment/presented-code.ts'

export interface Erasure {
  /** Payments that no longer name the customer. */
  readonly payments: number
  /** Payments that still do, because they have not ended or their day’s limit still counts. */
  readonly left: number
}

/** A payment keeps its customer this long: by then it has ended, and its day in every zone. */
const keptMs = 2 * 86_400_000

/**
 * Erases `customer`, a pseudonym or the reference of an account token, from everything of `wallet`. The
 * audit log gets the number of payments, and not the pseudonym. Repeating it is harmless.
 */
export async function eraseCustomer(
  db: Db,
  wallet: ParticipantId,
  customer: string,
  requestId: string,
  now: Date,
): Promise<Erasure> {
  const payments = db.collection<Payment>('payments')
  const codes = db.collection<PresentedCode>('presentedCodes')
  const names = { wallet, $or: [{ customer }, { 'token.reference': customer }] }
  const before = new Date(now.getTime() - keptMs)
  const ended = { ...names, due: null, createdAt: { $lt: before } }
  const { modifiedCount } = await payments.updateMany(ended, {
    $set: { customer: null, token: null },
    $unset: { customerDay: '' },
  })
  await codes.deleteMany({ wallet, 'token.reference': customer, expiresAt: { $lt: before } })
  const left = await payments.countDocuments(names)
  const audit = await openAuditLog(db)
  await db.client.withSession((session) =>
    session.withTransaction(() =>
      audit.record(
        {
          at: now,
          actor: null,
          key: null,
          action: 'eraseCustomer',
          target: `participant:${wallet}`,
          before: null,
          after: { payments: modifiedCount, left },
          requestId,
        },
        session,
      ),
    ),
  )
  return { payments: modifiedCount, left }
}
