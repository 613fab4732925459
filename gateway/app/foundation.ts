// What every part of a process is built on.

import type { FastifyBaseLogger } from 'fastify'
import type { Db } from 'mongodb'
import { pause } from '../../subgraphs/platform/async/promise.ts'
import { isOutage } from '../../subgraphs/platform/mongo/errors.ts'
import type { RefusalLog } from '../../subgraphs/shared/refusal-log.ts'
import type { MirroredRegistry } from '../../subgraphs/shared/registry.ts'
import type { Config } from '../config/config.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { MongoStartError, reasonOf } from '../mongod/error.ts'

export interface Foundation {
  readonly config: Config
  readonly logger: FastifyBaseLogger
  readonly now: () => Date
  readonly telemetry: Telemetry
  readonly db: Db
  readonly registry: MirroredRegistry
  readonly refusals: RefusalLog
  /** Closes what is started, the last first. */
  readonly started: AsyncDisposableStack
}

/** `opened`, which is closed with the process. */
export function closeLater<Opened extends { close(): unknown }>(
  started: AsyncDisposableStack,
  opened: Opened,
): Opened {
  started.defer(async () => void (await opened.close()))
  return opened
}

/** How long a start waits for MongoDB. */
const startWithinMs = 60_000
const startAgainMs = 500

/**
 * Runs `open`, and runs it again while it fails because of an outage. So neither a MongoDB that starts later
 * than the hub, nor one that seems silent because the hub is busy with loading, ends the start.
 */
export async function whenMongoAnswers<Started>(
  logger: Pick<FastifyBaseLogger, 'warn'>,
  open: () => Promise<Started>,
): Promise<Started> {
  const untilMs = performance.now() + startWithinMs
  for (let attempt = 1; ; attempt++) {
    try {
      return await open()
    } catch (error) {
      if (!isOutage(error)) throw error
      if (performance.now() > untilMs) {
        const message = `MongoDB has not answered within ${startWithinMs / 1000} s: ${reasonOf(error)}`
        throw new MongoStartError('MONGODB_UNREACHABLE', message, { cause: error })
      }
      if (attempt === 1)
        logger.warn(
          { err: error },
          `MongoDB does not answer: the start waits for it for up to ${startWithinMs / 1000} s`,
        )
      await pause(startAgainMs)
    }
  }
}
