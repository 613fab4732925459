// What a subgraph's errors look like from outside: codes that the hub knows pass, anything else is masked and logged.
import { problems } from '../../schema/values/problems.ts'
import { engineCodes } from '../supergraph/errors.ts'
import type { RequestContext } from '../../subgraphs/shared/viewer.ts'
import type { PresentError } from '../supergraph/failures.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'

const publicCodes: ReadonlySet<unknown> = new Set([...Object.keys(problems), ...Object.keys(engineCodes)])

/** How the driver names errors of a MongoDB that cannot be reached or has no primary just now. */
const outage = /^Mongo(Network|ServerSelection|PoolCleared|PoolClosed|NotConnected|Topology)/

/** Shows an error with a public code as it is. Logs any other one in full, and gives its request id to ask by. */
export function maskErrors(logger: Logger): PresentError {
  return (error, subgraph, context) => {
    const { message, path, extensions } = error
    if (publicCodes.has(extensions?.code)) return { message, extensions: extensions! }
    const { requestId } = context as RequestContext
    const cause = (error as { originalError?: unknown }).originalError ?? error
    logger.error({ err: cause, subgraph, requestId, path }, 'a subgraph failed')
    return cause instanceof Error && outage.test(cause.name)
      ? { message: problems.UNAVAILABLE, extensions: { code: 'UNAVAILABLE', retryable: true, requestId } }
      : {
          message: engineCodes.INTERNAL_SERVER_ERROR,
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
        }
  }
}
