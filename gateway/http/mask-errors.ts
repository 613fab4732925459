// Decides how an error of a subgraph appears to clients: public codes pass, an outage has one form, and any
// other error is masked and logged.

import { problems } from '../../schema/values/problems.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { isOutage } from '../../subgraphs/platform/mongo/errors.ts'
import type { RequestContext } from '../../subgraphs/shared/viewer.ts'
import { engineCodes } from '../supergraph/errors.ts'
import type { PresentError } from '../supergraph/failures.ts'
import { atMostOncePerSecond } from './at-most-once.ts'

const publicCodes: ReadonlySet<unknown> = new Set([...Object.keys(problems), ...Object.keys(engineCodes)])

/**
 * Passes an error with a public code unchanged. An outage, also of a subgraph, becomes UNAVAILABLE. Any other
 * error is logged in full, and the client gets its request id.
 *
 * A joined subgraph has codes of its own, which pass too. When it refuses a document of the hub, its SDL has
 * changed since it was joined: that is SUBGRAPH_RESPONSE_INVALID, because the client has made no mistake.
 */
export function maskErrors(
  logger: Pick<Logger, 'error' | 'warn'>,
  isJoined: (subgraph: string) => boolean = () => false,
): PresentError {
  const warn = atMostOncePerSecond(logger)
  return (error, subgraph, context) => {
    const { message, path, extensions } = error
    const { requestId } = context as RequestContext
    const cause = (error as { originalError?: unknown }).originalError ?? error
    if (extensions?.code !== 'UNAVAILABLE' && isOutage(error)) {
      warn({ err: cause, subgraph, requestId, path }, 'a subgraph is unavailable')
      const { status, reason } = extensions ?? {}
      return unavailable({
        subgraph,
        requestId,
        ...(status !== undefined && { status }),
        ...(reason !== undefined && { reason }),
      })
    }
    if (isJoined(subgraph) && documentCodes.has(extensions?.code)) {
      warn({ subgraph, requestId, message }, 'a joined subgraph refuses a document of the hub: join it again')
      return {
        message: `The subgraph "${subgraph}" has changed since it was joined.`,
        extensions: { code: 'SUBGRAPH_RESPONSE_INVALID', subgraph },
      }
    }
    if (isJoined(subgraph) && isOwnCode(extensions?.code))
      return { message: message.slice(0, messageMax), extensions: { code: extensions!.code, subgraph } }
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

/** Codes by which a GraphQL server refuses a document. */
const documentCodes: ReadonlySet<unknown> = new Set(['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED'])
const messageMax = 500

/** Whether a joined subgraph has given its error a code of its own, which clients may read. */
const isOwnCode = (code: unknown): boolean =>
  typeof code === 'string' &&
  code !== 'INTERNAL_SERVER_ERROR' &&
  !publicCodes.has(code) &&
  /^[A-Z][A-Z0-9_]{0,63}$/.test(code)
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

const unavailable = (details: Record<string, unknown>): ReturnType<PresentError> => ({
  message: problems.UNAVAILABLE,
  extensions: { code: 'UNAVAILABLE', retryable: true, ...details },
})
