// The process's own logger. "Log" alone always means the transaction log.

/** Writes one line: details with a message, or a message alone. The loggers of pino and fastify fit. */
export type WriteLine = (details: object | string, message?: string) => void

export interface Logger {
  readonly error: WriteLine
  readonly warn: WriteLine
  readonly info: WriteLine
  readonly debug: WriteLine
}
