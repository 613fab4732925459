// How the process ends: on a signal, or because something broke that nobody caught.

export interface Shutdown {
  /** Stops the hub because of `error`, and exits with 1. */
  fail(error: unknown): void
}

export interface ShutdownOptions {
  /** Stops everything; called once. */
  readonly stop: () => Promise<void>
  /** After this long, the process exits whether `stop` has finished or not. */
  readonly withinMs: number
  readonly logger: { info(line: string): void; fatal(details: object, line: string): void }
}

/** npm passes on a ctrl-C that the terminal has sent to the hub already: so soon after the first it is the same one. */
const sameSignalMs = 500

/** SIGINT and SIGTERM stop the hub: exit 0 when it has stopped in time, 1 when not. A second one does not wait. */
export function shutDownOnSignal({ stop, withinMs, logger }: ShutdownOptions): Shutdown {
  let startedAt: number | null = null

  function shutDown(exitCode: number): void {
    startedAt = performance.now()
    setTimeout(() => {
      logger.fatal({}, `the hub did not stop within ${withinMs} ms`)
      process.exit(1)
    }, withinMs).unref()
    stop().then(
      () => process.exit(exitCode),
      (error: unknown) => {
        logger.fatal({ err: error }, 'the hub did not stop cleanly')
        process.exit(1)
      },
    )
  }

  function onSignal(signal: NodeJS.Signals): void {
    if (startedAt === null) {
      logger.info(`${signal}: stopping; once more to stop at once`)
      shutDown(0)
    } else if (performance.now() - startedAt > sameSignalMs) process.exit(130)
  }

  function fail(error: unknown): void {
    logger.fatal({ err: error }, 'the hub stops, because of what it did not expect')
    if (startedAt === null) shutDown(1)
  }

  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
  return { fail }
}
