// Decides how an error of a subgraph appears to clients: public codes pass, any other error is masked and
// logged.

import { problems } from '../../schema/values/problems.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { isOutage } from '../../subgraphs/platform/mongo/errors.ts'
import type { RequestContext } from '../../subgraphs/shared/viewer.ts'
import { engineCodes } from '../supergraph/errors.ts'
import type { PresentError } from '../supergraph/failures.ts'

const publicCodes: ReadonlySet<unknown> = new Set([...Object.keys(problems), ...Object.keys(engineCodes)])

/**
 * Passes an error with a public code unchanged. Logs any other one in full, and gives the client its request
 * id.
 */
export function maskErrors(logger: Logger): PresentError {
  return (error, subgraph, context) => {
    const { message, path, extensions } = error
    if (publicCodes.has(extensions?.code)) return { message, extensions: extensions! }
    const { requestId } = context as RequestContext
    const cause = (error as { originalError?: unknown }).originalError ?? error
    logger.error(
      { err: cause, subgraph, requestId, path },
      'a subgraph failed: the client has its request id',
    )
    return isOutage(cause)
      ? { message: problems.UNAVAILABLE, extensions: { code: 'UNAVAILABLE', retryable: true, requestId } }
      : {
          message: engineCodes.INTERNAL_SERVER_ERROR,
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
        }
  }
}
