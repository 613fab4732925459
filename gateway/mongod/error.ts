// Errors for which the hub has no MongoDB to run on.

export type MongoStartCode =
  | 'MONGODB_URI_INVALID'
  | 'MONGODB_UNREACHABLE'
  | 'MONGODB_NOT_REPLICA_SET'
  | 'MONGODB_TOO_OLD'
  | 'MONGOD_UNUSABLE'
  | 'MONGOD_NOT_FOUND'
  | 'MONGOD_PORT_TAKEN'
  | 'MONGOD_FOLDER_IN_USE'
  | 'MONGOD_FOLDER_NOT_WRITABLE'
  | 'MONGOD_DATA_INCOMPATIBLE'
  | 'MONGOD_ENDED'

/** Its message is one line for the operator: what failed, and what to do. */
export class MongoStartError extends Error {
  readonly code: MongoStartCode
  constructor(code: MongoStartCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MongoStartError'
    this.code = code
  }
}

/**
 * The most useful line of an error: the last line of a command on stderr, the cause of a network error, or
 * the message.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { stderr, code, path } = error as NodeJS.ErrnoException & { stderr?: unknown }
  if (code === 'ENOENT') return `there is no ${path}`
  const lastLine = typeof stderr === 'string' ? stderr.trim().split('\n').at(-1) : ''
  if (lastLine) return lastLine
  return error.cause instanceof Error ? error.cause.message : error.message
}
