// Refusals in the audit log: what a caller may not read or do, what it may not send, and keys that are
// guessed. They are written after the answer, and equal ones of a minute together, so that neither a request
// nor a flood of them waits for the chain or fills the collection.

import type { Logger } from '../platform/logger.ts'
import type { AuditLog, Change } from './audit-log.ts'
import type { Viewer } from './viewer.ts'

export interface Refused {
  readonly action: 'forbiddenField' | 'refusedRequest'
  readonly target: Change['target']
  /** The code that the caller has received. */
  readonly refusal: string
  readonly requestId: string
}

export interface RefusalLog {
  /** Notes what was refused to `viewer`; the entry has the request id of the first of equal refusals. */
  note(viewer: Viewer, refused: Refused): void
  /**
   * Counts a key or token from `address` that is not valid. More than `refusedKeysMax` in a minute are noted
   * together.
   */
  refusedKey(address: string, requestId: string): void
  /** Writes what is noted, and ends. */
  close(): Promise<void>
}

/** Keys that an address may get wrong in a minute before it is noted. */
export const refusedKeysMax = 10
/** Different refusals of a minute that are noted: of one key, of all, and addresses. Others are counted. */
const ofKeyMax = 10
const notedMax = 60
const addressesMax = 20
/** Addresses that are counted in a minute. */
const countedMax = 10_000
/** Between two writes. */
const pauseMs = 1_000
const minuteMs = 60_000

interface Noted {
  readonly change: Omit<Change, 'before' | 'after'>
  /** Not yet written. */
  times: number
  isWritten: boolean
}

/** What was refused within one minute. */
class Minute {
  readonly number: number
  readonly noted = new Map<string, Noted>()
  readonly byCaller = new Map<string, number>()
  readonly refusedKeys = new Map<string, number>()
  /** Refusals beyond the bounds. */
  others = 0

  constructor(number: number) {
    this.number = number
  }

  note(caller: string, callerMax: number, change: Noted['change'], times = 1): void {
    const name = JSON.stringify([caller, change.action, change.target, change.refusal])
    const earlier = this.noted.get(name)
    if (earlier) return void (earlier.times += times)
    const ofCaller = this.byCaller.get(caller) ?? 0
    if (ofCaller >= callerMax || this.noted.size >= notedMax) return void (this.others += times)
    this.byCaller.set(caller, ofCaller + 1)
    this.noted.set(name, { change, times, isWritten: false })
  }

  /** Takes what is to be written: the first of equal refusals at once, the others when the minute is over. */
  take(isOver: boolean, now: Date): readonly (Noted['change'] & { readonly times: number })[] {
    const taken = [...this.noted.values()].flatMap((one) => {
      const { change, times, isWritten } = one
      if (times === 0 || (isWritten && !isOver)) return []
      one.times = 0
      one.isWritten = true
      return [{ ...change, at: isWritten ? now : change.at, times }]
    })
    if (!isOver || this.others === 0) return taken
    return [...taken, { ...uncounted, at: now, times: this.others }]
  }
}

/** The entry for refusals beyond the bounds. */
const uncounted = {
  actor: null,
  key: null,
  action: 'refusedRequest',
  target: 'request:others',
  refusal: 'TOO_MANY_REFUSALS',
  requestId: '',
} as const

export function openRefusalLog(audit: AuditLog, now: () => Date, logger: Pick<Logger, 'warn'>): RefusalLog {
  const minuteNow = (): number => Math.floor(now().getTime() / minuteMs)
  let minute = new Minute(minuteNow())
  let writing = Promise.resolve()

  const write = async (isClosing: boolean): Promise<void> => {
    const isOver = isClosing || minuteNow() !== minute.number
    const refusals = minute.take(isOver, now())
    if (isOver) minute = new Minute(minuteNow())
    if (refusals.length === 0) return
    await audit.entries.db.client
      .withSession((session) =>
        session.withTransaction(async () => {
          for (const { times, ...change } of refusals)
            await audit.record({ ...change, before: null, after: { times } }, session)
        }),
      )
      .catch((error: unknown) =>
        logger.warn({ err: error, lost: refusals.length }, 'refusals could not be written to the audit log'),
      )
  }
  const writingAgain = setInterval(() => (writing = writing.then(() => write(false))), pauseMs).unref()

  return {
    note({ participant, key }, refused) {
      const change = { at: now(), actor: participant, key, ...refused }
      minute.note(JSON.stringify([participant, key]), ofKeyMax, change)
    },
    refusedKey(address, requestId) {
      const { refusedKeys } = minute
      const count = (refusedKeys.get(address) ?? 0) + 1
      if (count === 1 && refusedKeys.size >= countedMax) return
      refusedKeys.set(address, count)
      if (count <= refusedKeysMax) return
      const change = {
        at: now(),
        actor: null,
        key: null,
        action: 'refusedRequest',
        target: `address:${address}`,
        refusal: 'UNAUTHENTICATED',
        requestId,
      } as const
      minute.note('addresses', addressesMax, change, count === refusedKeysMax + 1 ? count : 1)
    },
    async close() {
      clearInterval(writingAgain)
      await writing.then(() => write(true))
    },
  }
}
