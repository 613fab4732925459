// The logger: JSON lines for machines, or short lines for a person at a terminal.

import { pino, type Logger } from 'pino'
import type { Config } from '../config/config.ts'

/** Writes JSON to standard output; on a terminal, short lines instead. */
export function createLogger(config: Pick<Config, 'LOG_LEVEL'>): Logger {
  const options = { level: config.LOG_LEVEL, base: null }
  return process.stdout.isTTY
    ? pino(options, { write: (line: string) => void process.stdout.write(readable(line)) })
    : pino(options)
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
