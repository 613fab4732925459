// Why the hub has no MongoDB to run on, in one line that says what to do.

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

/** The message is for the operator: one line, what is wrong and what to do. */
export class MongoStartError extends Error {
  readonly code: MongoStartCode
  constructor(code: MongoStartCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MongoStartError'
    this.code = code
  }
}

/** The line of an error that says most: a command's last line on stderr, a network error's cause, or its message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { stderr, code, path } = error as NodeJS.ErrnoException & { stderr?: unknown }
  if (code === 'ENOENT') return `there is no ${path}`
  const said = typeof stderr === 'string' ? stderr.trim().split('\n').at(-1) : ''
  if (said) return said
  return error.cause instanceof Error ? error.cause.message : error.message
}
