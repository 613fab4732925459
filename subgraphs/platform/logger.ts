// The logger of the process. “Log” alone always means the transaction log.

/**
 * Writes one line: details with a message, or a message alone. The loggers of pino and fastify have this
 * type.
 */
export type WriteLine = (details: object | string, message?: string) => void

export interface Logger {
  readonly error: WriteLine
  readonly warn: WriteLine
  readonly info: WriteLine
  readonly debug: WriteLine
}
