// Decides how an error of a subgraph appears to clients: public codes pass, an outage has one form, and any
// other error is masked and logged.

import { problems } from '../../schema/values/problems.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { isOutage } from '../../subgraphs/platform/mongo/errors.ts'
import type { RequestContext } from '../../subgraphs/shared/viewer.ts'
import { engineCodes } from '../supergraph/errors.ts'
import type { PresentError } from '../supergraph/failures.ts'

const publicCodes: ReadonlySet<unknown> = new Set([...Object.keys(problems), ...Object.keys(engineCodes)])

/**
 * Passes an error with a public code unchanged. An outage, also of a subgraph, becomes UNAVAILABLE. Any other
 * error is logged in full, and the client gets its request id.
 */
export function maskErrors(logger: Pick<Logger, 'error' | 'warn'>): PresentError {
  const warn = atMostOncePerSecond(logger)
  return (error, subgraph, context) => {
    const { message, path, extensions } = error
    const { requestId } = context as RequestContext
    const cause = (error as { originalError?: unknown }).originalError ?? error
    if (extensions?.code !== 'UNAVAILABLE' && isOutage(error)) {
      warn({ err: cause, subgraph, requestId, path }, 'a subgraph is unavailable')
      return unavailable(subgraph, requestId)
    }
    if (publicCodes.has(extensions?.code)) return { message, extensions: extensions! }
    logger.error(
      { err: cause, subgraph, requestId, path },
      'a subgraph failed: the client has its request id',
    )
    return {
      message: engineCodes.INTERNAL_SERVER_ERROR,
      extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
    }
  }
}

/** The codes of the engine for a subgraph that fails. */
const failureCodes: ReadonlySet<unknown> = new Set(['SUBGRAPH_UNAVAILABLE', 'SUBGRAPH_RESPONSE_INVALID'])

/** Passes the errors of subgraphs of others unchanged, and logs when one of them fails. */
export function passErrors(logger: Pick<Logger, 'warn'>): PresentError {
  const warn = atMostOncePerSecond(logger)
  return (error, subgraph, context) => {
    const { message, path, extensions } = error
    if (failureCodes.has(extensions?.code)) {
      const cause = (error as { originalError?: unknown }).originalError ?? error
      const { requestId } = context as RequestContext
      warn({ err: cause, subgraph, requestId, path }, 'a subgraph is unavailable')
    }
    return { message, ...(extensions && { extensions }) }
  }
}

const unavailable = (subgraph: string, requestId: string): ReturnType<PresentError> => ({
  message: problems.UNAVAILABLE,
  extensions: { code: 'UNAVAILABLE', retryable: true, subgraph, requestId },
})

/** An outage fails every request: more lines would add nothing. `unlogged` counts the lines left out. */
function atMostOncePerSecond(logger: Pick<Logger, 'warn'>): (details: object, line: string) => void {
  let quietUntilMs = 0
  let unlogged = 0
  return (details, line) => {
    const now = performance.now()
    if (now < quietUntilMs) return void unlogged++
    logger.warn({ ...details, unlogged }, line)
    quietUntilMs = now + 1_000
    unlogged = 0
  }
}
