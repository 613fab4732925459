// Every setting, with its default and limits. Nothing else reads the environment.

import { z } from 'zod'
import type { TokenIssuer } from '../identity/token.ts'
import type { MongoOptions } from '../mongod/start.ts'
import type { Limits } from '../supergraph/index.ts'

const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max)
const text = z.string().trim().min(1)

/** One row per environment variable; an empty one counts as not set. */
const settings = z.object({
  /** `demo` seeds the demo keys and runs simulated wallets; `production` refuses both. */
  MODE: z.enum(['demo', 'production']).optional(),
  NODE_ENV: z.string().optional(),
  HOST: text.default('127.0.0.1'),
  /** 0 takes any free port. */
  PORT: integer(0, 65_535).default(4000),
  /** Web pages of other origins that may call, such as "https://portal.example", separated by commas. */
  ORIGINS: z
    .string()
    .default('')
    .transform((list) => list.split(',').filter((origin) => origin.trim() !== ''))
    .pipe(
      z.array(
        z
          .string()
          .trim()
          .regex(/^https?:\/\/[^/\s]+$/, 'takes origins such as https://portal.example'),
      ),
    )
    .transform((origins): ReadonlySet<string> => new Set(origins)),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),

  /** A replica set or sharded cluster; when not given, the hub starts a MongoDB of its own in `DATA_DIR`. */
  MONGODB_URI: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\//, 'must start with mongodb:// or mongodb+srv://')
    .optional(),
  MONGODB_DATABASE: z
    .string()
    .regex(/^[\w-]{1,63}$/, 'takes 1–63 letters, digits, dashes and underscores')
    .default('crossgate'),
  MONGOD_BINARY: text.optional(),
  DATA_DIR: text.default('.data'),

  /** Payments a second that simulated wallets make; 0 turns them off. */
  TRAFFIC: z.coerce.number().min(0).max(1000).optional(),
  /** Size of the data set that is loaded the first time; 1 is the whole programme. */
  SCALE: z.coerce.number().min(0.0001).max(1).default(0.01),
  /** The same seed and scale give the same data set. */
  SEED: integer(0, 2 ** 32 - 1).default(1),
  /** Signs cursors; hubs that share a database must share it. When not given, one is made and kept in the database. */
  CURSOR_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  /**
   * `allow` lets participants' endpoints be on private networks, and on plain HTTP. Not given, a demo hub sends webhooks to
   * this machine too, so that they can be tried out.
   */
  PRIVATE_ADDRESSES: z.enum(['allow', 'refuse']).optional(),
  /** Exchange rates as JSON, in the form that `setRates` takes; used when they are newer than those in the database. */
  RATES_FILE: text.optional(),

  /** Whose tokens are taken beside keys: all three or none. The keys' address is HTTPS, or on this machine. */
  JWT_ISSUER: text.optional(),
  JWT_AUDIENCE: text.optional(),
  JWT_JWKS_URL: z
    .string()
    .regex(/^(https:\/\/|http:\/\/(localhost|127\.[\d.]+|\[::1\])[:/])/, 'must start with https://')
    .optional(),

  /** Bytes of one request body or WebSocket message. */
  BODY_BYTES_MAX: integer(1_000, 100_000_000).default(1_000_000),
  /** Limits of a document: a longer, deeper or wider one is refused before it is planned. See `supergraph/limits.ts`. */
  CHARACTERS_MAX: integer(100, 10_000_000).default(32_768),
  TOKENS_MAX: integer(10, 1_000_000).default(4_000),
  DEPTH_MAX: integer(1, 100).default(20),
  FIELDS_MAX: integer(1, 100_000).default(2_000),
  ALIASES_MAX: integer(0, 100_000).default(200),

  /** Operations that may run at once over one WebSocket. */
  SOCKET_OPERATIONS_MAX: integer(1, 10_000).default(100),
  /** Bytes of answers to a client's own requests that may wait for it; subscriptions wait with far less. */
  SOCKET_BACKLOG_BYTES_MAX: integer(1_000, 100_000_000).default(1_000_000),
  /** How long a client may take to read what it was sent before it is given up. */
  SOCKET_BEHIND_MS: integer(10, 3_600_000).default(60_000),
  /** How often a stream in which nothing happens says how far it has come. */
  CHECKPOINT_MS: integer(10, 600_000).default(5_000),
  /** Days for which the log is kept. */
  LOG_RETENTION_DAYS: integer(1, 36_500).default(30),
  /** How long a new WebSocket may take to say who it is. */
  SOCKET_INIT_MS: integer(10, 600_000).default(3_000),
  /** How often a quiet WebSocket is asked whether it is still there. */
  SOCKET_PING_MS: integer(10, 600_000).default(30_000),
  /** How long the hub may take to stop before it is stopped. */
  SHUTDOWN_MS: integer(100, 600_000).default(10_000),
})

/** Never repeated in a message. */
const secret = new Set(['CURSOR_SECRET', 'MONGODB_URI'])

type Settings = z.output<typeof settings>

/** What the hub runs with. Named as the environment variables are, in the order of their rooms. */
export interface Config extends Readonly<Omit<Settings, 'MODE' | 'NODE_ENV' | 'TRAFFIC'>> {
  readonly MODE: 'demo' | 'production'
  readonly TRAFFIC: number
}

/** Where webhooks may be sent. */
export function webhookReach({ MODE, PRIVATE_ADDRESSES }: Config): 'PUBLIC' | 'LOOPBACK' | 'PRIVATE' {
  if (PRIVATE_ADDRESSES === 'allow') return 'PRIVATE'
  return PRIVATE_ADDRESSES === undefined && MODE === 'demo' ? 'LOOPBACK' : 'PUBLIC'
}

/** The limits of a document, as the engine takes them. */
export const documentLimits = (config: Config): Limits => ({
  charactersMax: config.CHARACTERS_MAX,
  tokensMax: config.TOKENS_MAX,
  depthMax: config.DEPTH_MAX,
  fieldsMax: config.FIELDS_MAX,
  aliasesMax: config.ALIASES_MAX,
})

/** Whose tokens are taken; null when only keys are. */
export function tokenIssuer({ JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL }: Config): TokenIssuer | null {
  if (!JWT_ISSUER || !JWT_AUDIENCE || !JWT_JWKS_URL) return null
  return { issuer: JWT_ISSUER, audience: JWT_AUDIENCE, jwksUrl: JWT_JWKS_URL }
}

/** Which MongoDB to use or to start, as `startMongo` takes it. */
export const mongoOptions = (config: Config): Omit<MongoOptions, 'logger'> => ({
  uri: config.MONGODB_URI,
  binary: config.MONGOD_BINARY,
  dataDir: config.DATA_DIR,
})

/** Everything that is wrong with the settings, one line each. */
export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID'
  constructor(mistakes: readonly string[]) {
    super(`the settings cannot be used:\n${mistakes.map((mistake) => `  ${mistake}`).join('\n')}`)
    this.name = 'ConfigError'
  }
}

/** Reads the settings once. Throws ConfigError with all mistakes together. */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const read = settings.safeParse(given)
  if (!read.success) {
    throw new ConfigError(
      read.error.issues.map(({ path, message }) => {
        const name = String(path[0])
        return `${name}=${secret.has(name) ? '…' : given[name]}: ${message}`
      }),
    )
  }
  const { MODE, NODE_ENV, TRAFFIC, ...rest } = read.data
  const issuer = [rest.JWT_ISSUER, rest.JWT_AUDIENCE, rest.JWT_JWKS_URL].filter((one) => one !== undefined)
  if (issuer.length !== 0 && issuer.length !== 3) {
    throw new ConfigError(['JWT_ISSUER, JWT_AUDIENCE and JWT_JWKS_URL are given together or not at all'])
  }
  const mode = MODE ?? (NODE_ENV === 'production' ? 'production' : 'demo')
  if (mode === 'production' && TRAFFIC) {
    throw new ConfigError([
      `TRAFFIC=${TRAFFIC}: simulated wallets pay with demo keys, which production refuses`,
    ])
  }
  return { ...rest, MODE: mode, TRAFFIC: mode === 'production' ? 0 : (TRAFFIC ?? 1) }
}
