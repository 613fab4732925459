// The logger: JSON lines for machines, or short lines for a person at a terminal.

import { pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino'
import { isOutage } from '../../subgraphs/platform/mongo/errors.ts'
import { tracing } from '../../subgraphs/platform/tracing.ts'
import type { Config } from '../config/config.ts'
import { OutageLines } from './outage-lines.ts'

/** Writes JSON to standard output; on a terminal, short lines instead. `to` takes the lines of a test. */
export function createLogger(config: Pick<Config, 'LOG_LEVEL'>, to?: DestinationStream): Logger {
  const options = {
    level: config.LOG_LEVEL,
    base: null,
    mixin: traceIds,
    hooks: { logMethod: boundOutages() },
  }
  if (to) return pino(options, to)
  return process.stdout.isTTY
    ? pino(options, { write: (line: string) => void process.stdout.write(readable(line)) })
    : pino(options)
}

/** Lines with the error of an outage are of one kind when they have one message. */
function boundOutages(): NonNullable<NonNullable<LoggerOptions['hooks']>['logMethod']> {
  const lines = new OutageLines()
  return function (call, method) {
    const [details, message] = call as unknown as [{ err?: unknown } | string, string?]
    if (typeof details === 'string' || !isOutage(details.err)) return method.apply(this, call)
    lines.take(String(message), (unlogged) =>
      method.call(this, unlogged === 0 ? details : { ...details, unlogged }, String(message)),
    )
  }
}

/** Of the request in which a line is written, so that the line and its trace lead to each other. */
function traceIds(): object {
  const span = tracing?.current()
  // A new object: pino adds the details of the line to it.
  if (!span) return {}
  const { traceId, spanId } = span.spanContext()
  return { traceId, spanId }
}

interface Line {
  readonly level: number
  readonly time: number
  readonly msg?: string
  readonly err?: { readonly stack?: string; readonly message?: string }
}

const levels: Readonly<Record<number, string>> = { 40: 'warning: ', 50: 'error: ', 60: 'fatal: ' }

function readable(line: string): string {
  const { level, time, msg = '', err, ...rest } = JSON.parse(line) as Line
  const clock = new Date(time).toTimeString().slice(0, 8)
  const details = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : ''
  return `${clock} ${levels[level] ?? ''}${msg}${details}${err ? `\n${err.stack ?? err.message}` : ''}\n`
}
