// Warnings that clients can cause at any rate, of which more than one a second would add nothing.

import type { Logger } from '../../subgraphs/platform/logger.ts'

/** `unlogged` counts the lines that were left out since the last one. */
export function atMostOncePerSecond(logger: Pick<Logger, 'warn'>): (details: object, line: string) => void {
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
