// Refusals in the audit log: fields that a caller requested and may not read. They are written after the
// answer, in groups and equal ones together, so that neither a request nor a flood of them waits for the
// chain.

import type { Logger } from '../platform/logger.ts'
import type { AuditLog, Change } from './audit-log.ts'
import type { Viewer } from './viewer.ts'

export interface RefusalLog {
  /** Notes the fields, as "Type.field"; the entry has the request id of the first of equal refusals. */
  forbidden(viewer: Viewer, requestId: string, fields: Iterable<string>): void
  /** Writes what is noted, and ends. */
  close(): Promise<void>
}

interface Refusal {
  readonly change: Omit<Change, 'before' | 'after'>
  times: number
}

/** Different refusals that are noted between two writes, at most; the others are counted in a log line. */
const notedMax = 200
/** Between two writes. */
const pauseMs = 1_000

export function openRefusalLog(audit: AuditLog, now: () => Date, logger: Pick<Logger, 'warn'>): RefusalLog {
  let noted = new Map<string, Refusal>()
  let omitted = 0
  let writing = Promise.resolve()

  const write = async (): Promise<void> => {
    if (noted.size === 0) return
    const refusals = [...noted.values()]
    noted = new Map()
    if (omitted > 0) logger.warn({ omitted }, 'refusals were left out of the audit log: there were too many')
    omitted = 0
    await audit.entries.db.client
      .withSession((session) =>
        session.withTransaction(async () => {
          for (const { change, times } of refusals)
            await audit.record({ ...change, before: null, after: { times } }, session)
        }),
      )
      .catch((error: unknown) =>
        logger.warn({ err: error, lost: refusals.length }, 'refusals could not be written to the audit log'),
      )
  }
  const writingAgain = setInterval(() => (writing = writing.then(write)), pauseMs).unref()

  return {
    forbidden({ participant, key }, requestId, fields) {
      for (const field of fields) {
        const name = `${participant} ${key} ${field}`
        const earlier = noted.get(name)
        if (earlier) earlier.times++
        else if (noted.size >= notedMax) omitted++
        else {
          const change = {
            at: now(),
            actor: participant,
            key,
            action: 'forbiddenField',
            target: `field:${field}`,
            refusal: 'UNAUTHORIZED_FIELD_OR_TYPE',
            requestId,
          } as const
          noted.set(name, { change, times: 1 })
        }
      }
    },
    async close() {
      clearInterval(writingAgain)
      await writing.then(write)
    },
  }
}
