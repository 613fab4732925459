// Resolvers of the mutations that start and change payments. A resolver checks the scope and calls the
// service.

import { toSvg } from '../../../schema/qr/index.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'
import { isRefusal, orThrow } from '../../../schema/values/problems.ts'
import type { Scope } from '../../../schema/values/scopes.ts'
import { requireScope } from '../../shared/access.ts'
import { typeOr } from '../../shared/result-union.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import type { PresentedCode } from '../payment/presented-code.ts'
import type { PaymentService } from './payment-service.ts'
import type { PresentedCodeService } from './presented-code-service.ts'

export interface PaymentResolverDependencies {
  readonly paymentService: PaymentService
  readonly presentedCodeService: PresentedCodeService
}

export const paymentResolvers = ({ paymentService, presentedCodeService }: PaymentResolverDependencies) => ({
  Mutation: {
    quotePayment: mutation('payments:write', paymentService.quote),
    submitPayment: mutation('payments:write', paymentService.submit),
    cancelPayment: mutation('payments:write', paymentService.cancel),
    refundPayment: mutation('payments:write', paymentService.refund),
    respondAuthorization: mutation('authorizations:write', paymentService.respond),
    presentCode: mutation('payments:write', presentedCodeService.present),
    chargePresentedCode: mutation('payments:write', paymentService.charge),
  },
  PresentedCode: {
    id: ({ _id }: PresentedCode) => _id,
    svg: ({ payload }: PresentedCode) => toSvg(payload),
  },
  QuoteResult: { __resolveType: typeOr('Quote') },
  SubmitPaymentResult: { __resolveType: typeOr('PaymentReceipt') },
  PaymentResult: { __resolveType: typeOr('PaymentReceipt') },
  RefundResult: { __resolveType: typeOr('RefundReceipt') },
  PresentCodeResult: { __resolveType: typeOr('PresentedCode') },
})

/**
 * Runs `operation` for the caller's participant when its key has `scope`. UNAVAILABLE is thrown, so that an
 * outage has one form, whether it came before or after the write.
 */
const mutation =
  <Input, Result>(scope: Scope, operation: (participant: ParticipantId, input: Input) => Promise<Result>) =>
  async (_: unknown, { input }: { readonly input: Input }, context: RequestContext) => {
    const refusal = requireScope(context, scope)
    if (refusal) return refusal
    const result = await operation(context.viewer.participant, input)
    return isRefusal(result) && result.code === 'UNAVAILABLE' ? orThrow<Result>(result) : result
  }
