// Ends the process: on a signal, or after an error that was not caught.

export interface Shutdown {
  /** Closes the hub because of `error`, and exits with 1. */
  fail(error: unknown): void
}

export interface ShutdownOptions {
  /** Closes everything; called once. */
  readonly close: () => Promise<void>
  /** After this long, the process exits even if `close` has not finished. */
  readonly withinMs: number
  readonly logger: { info(line: string): void; fatal(details: object, line: string): void }
}

/**
 * npm repeats a ctrl-C that the terminal has already sent to the hub: a signal so soon after the first is the
 * same one.
 */
const sameSignalMs = 500

/**
 * SIGINT and SIGTERM close the hub: exit 0 when it closes in time, otherwise 1. A second signal exits at
 * once, with 130.
 */
export function shutDownOnSignal({ close, withinMs, logger }: ShutdownOptions): Shutdown {
  let startedAtMs: number | null = null

  function shutDown(exitCode: number): void {
    startedAtMs = performance.now()
    setTimeout(() => {
      logger.fatal(
        {},
        `the hub did not stop within SHUTDOWN_MS=${withinMs}: it exits now, with work unfinished`,
      )
      process.exit(1)
    }, withinMs).unref()
    close().then(
      () => process.exit(exitCode),
      (error: unknown) => {
        logger.fatal({ err: error }, 'the hub did not stop cleanly')
        process.exit(1)
      },
    )
  }

  function onSignal(signal: NodeJS.Signals): void {
    if (startedAtMs === null) {
      logger.info(`${signal}: stopping; send it again to stop at once`)
      shutDown(0)
    } else if (performance.now() - startedAtMs > sameSignalMs) process.exit(130)
  }

  function fail(error: unknown): void {
    logger.fatal({ err: error }, 'the hub stops because of an unexpected error')
    if (startedAtMs === null) shutDown(1)
  }

  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
  return { fail }
}
