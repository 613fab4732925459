// Every setting, with its description, default and limits. No other file reads the environment.

import { z } from 'zod'
import type { TokenIssuer } from '../identity/token.ts'
import type { MongoOptions } from '../mongod/start.ts'
import type { Limits } from '../supergraph/index.ts'

const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max)
const text = z.string().trim().min(1)

/** A list that is separated by commas; `read` receives the groups of `pattern`. */
const namedList = <Item>(pattern: RegExp, takes: string, read: (...groups: (string | undefined)[]) => Item) =>
  z
    .string()
    .default('')
    .transform((list) => list.split(',').flatMap((item) => item.trim() || []))
    .pipe(z.array(z.string().regex(pattern, takes)))
    .transform((items): readonly Item[] => items.map((item) => read(...pattern.exec(item)!.slice(1))))

/** A header of the client’s request that one subgraph or, where `only` is null, each of them receives. */
export interface ForwardedHeader {
  readonly name: string
  readonly only: string | null
}

/**
 * One member per environment variable, in the order of `docs/operating.md`. An empty variable counts as not
 * set.
 */
const settings = z.object({
  MODE: z.enum(['demo', 'production']).optional().meta({
    description: '`demo` adds demo keys, data and simulated wallets; `production` has none of them.',
    unset: '`production` if `NODE_ENV` is `production`, otherwise `demo`',
  }),
  NODE_ENV: z.string().optional().meta({ description: 'Selects the mode when `MODE` is not set.' }),
  HOST: text.default('127.0.0.1').describe('The address on which the hub listens.'),
  PORT: integer(0, 65_535)
    .default(4000)
    .describe('The port on which the hub listens; 0 takes any free port.'),
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
    .transform((origins): ReadonlySet<string> => new Set(origins))
    .meta({
      description:
        'Origins of web pages that may call, separated by commas, such as `https://portal.example`.',
      unset: 'only pages of the hub itself',
    }),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('The least severe level that is logged.'),

  MONGODB_URI: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\//, 'must start with mongodb:// or mongodb+srv://')
    .optional()
    .meta({
      description: 'A replica set or sharded cluster to use.',
      unset: 'the hub starts a MongoDB of its own in `DATA_DIR`',
    }),
  MONGODB_DATABASE: z
    .string()
    .regex(/^[\w-]{1,63}$/, 'takes 1–63 letters, digits, dashes and underscores')
    .default('crossgate')
    .describe('The database; 1–63 letters, digits, dashes and underscores.'),
  MONGOD_BINARY: text.optional().meta({
    description: 'The `mongod` to start when `MONGODB_URI` is not set.',
    unset: 'found on the `PATH`, or fetched once',
  }),
  DATA_DIR: text.default('.data').describe('The folder for the data of a MongoDB that the hub starts.'),

  TRAFFIC: z.coerce.number().min(0).max(1000).optional().meta({
    description: 'Payments a second made by simulated wallets; 0 turns them off. Not for production.',
    unset: '1 in demo mode',
  }),
  SCALE: z.coerce
    .number()
    .min(0.0001)
    .max(1)
    .default(0.01)
    .describe('The share of the programme that the first start of a demo loads; 1 loads all of it.'),
  SEED: integer(0, 2 ** 32 - 1)
    .default(1)
    .describe('Selects the data set: the same seed and scale give the same data.'),
  CURSOR_SECRET: z.string().min(32, 'must have at least 32 characters').optional().meta({
    description: 'Signs cursors; hubs over one database need the same one. At least 32 characters.',
    unset: 'generated once and stored in the database',
  }),
  PRIVATE_ADDRESSES: z.enum(['allow', 'refuse']).optional().meta({
    description: '`allow` permits endpoints on private networks and over plain HTTP.',
    unset: '`refuse`; a demo hub also calls loopback addresses',
  }),
  RATES_FILE: text.optional().meta({
    description:
      'A JSON file of exchange rates, in the form that `setRates` takes; used if newer than the stored ones.',
    unset: 'the stored rates, at first the built-in ones',
  }),

  JWT_ISSUER: text.optional().meta({
    description:
      'The issuer of the tokens that are accepted beside API keys. All three `JWT_…` settings or none.',
    unset: 'no tokens',
  }),
  JWT_AUDIENCE: text
    .optional()
    .meta({ description: 'The audience that a token must name.', unset: 'no tokens' }),
  JWT_JWKS_URL: z
    .string()
    .regex(/^(https:\/\/|http:\/\/(localhost|127\.[\d.]+|\[::1\])[:/])/, 'must start with https://')
    .optional()
    .meta({ description: 'The address of the issuer’s keys: HTTPS, or loopback.', unset: 'no tokens' }),

  API_KEYS: namedList(
    /^(\w[\w.-]{0,63}):([\w.~+/-]{16,256}=*)$/,
    'takes NAME:KEY pairs, with at least 16 characters in a key',
    (name, key): [string, string] => [key!, name!],
  )
    .transform((pairs): ReadonlyMap<string, string> => new Map(pairs))
    .meta({
      description:
        '`gateway` only: keys that are accepted, as `NAME:KEY,NAME:KEY`; the name is for log lines.',
      unset: 'every caller is accepted, unless the `JWT_…` settings are there',
    }),
  FORWARD_HEADERS: namedList(
    /^(?:(\w[\w.-]*):)?([A-Za-z0-9!#$%&'*+.^_`|~-]+)$/,
    'takes names of headers, or SUBGRAPH:HEADER',
    (only, name): ForwardedHeader => ({ name: name!.toLowerCase(), only: only ?? null }),
  ).meta({
    description:
      '`gateway` only: headers of a request that subgraphs receive, such as `accept-language,offers:authorization`.',
    unset: 'none but `x-request-id`',
  }),

  BODY_BYTES_MAX: integer(1_000, 100_000_000)
    .default(1_000_000)
    .describe('The most bytes of a request body or a WebSocket message.'),
  CHARACTERS_MAX: integer(100, 10_000_000).default(32_768).describe('The most characters of a document.'),
  TOKENS_MAX: integer(10, 1_000_000).default(4_000).describe('The most lexical tokens of a document.'),
  DEPTH_MAX: integer(1, 100).default(20).describe('The most levels of nested fields in a document.'),
  FIELDS_MAX: integer(1, 100_000)
    .default(2_000)
    .describe('The most fields of a document, each use of a fragment counted.'),
  ALIASES_MAX: integer(0, 100_000)
    .default(30)
    .describe('The most aliases of a document, each use of a fragment counted.'),

  DIRECTIVES_MAX: integer(0, 100_000)
    .default(200)
    .describe('The most directives of a document, each use of a fragment counted.'),
  COST_MAX: integer(1, 1_000_000_000)
    .default(20_000)
    .describe('The most that one operation may cost, by `@cost` and `@listSize`.'),
  COST_PER_MINUTE: integer(1, 1_000_000_000).optional().meta({
    description: 'What the operations of one caller may cost in a minute, at each hub.',
    unset: 'any amount',
  }),
  INTROSPECTION: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Whether `__schema` and `__type` are answered.'),
  SUGGESTIONS: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Whether errors suggest names of the schema (“Did you mean”).'),
  PERSISTED_QUERIES: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Whether clients may register a document under its SHA-256 (APQ).'),
  TRUSTED_DOCUMENTS: text.optional().meta({
    description: 'A manifest of documents that clients name by id; `npm run operations` makes it.',
    unset: 'no documents',
  }),
  DOCUMENTS: z
    .enum(['any', 'trusted'])
    .default('any')
    .describe('Which documents are run; `trusted` runs those of `TRUSTED_DOCUMENTS` alone.'),

  COMPRESS_FROM_BYTES: integer(0, 1_000_000_000)
    .default(4_096)
    .describe('The size from which a response is compressed for clients that accept brotli or gzip.'),

  REQUEST_TIMEOUT_MS: integer(100, 600_000)
    .default(5_000)
    .describe('The time in which a query or mutation is answered; a field that is late is UNAVAILABLE.'),
  SOCKET_OPERATIONS_MAX: integer(1, 10_000)
    .default(100)
    .describe('The most concurrent operations of one WebSocket.'),
  SOCKET_BACKLOG_BYTES_MAX: integer(1_000, 100_000_000)
    .default(1_000_000)
    .describe('The most unread bytes of responses to one WebSocket; a subscription is limited to far fewer.'),
  SOCKET_BEHIND_MS: integer(10, 3_600_000)
    .default(60_000)
    .describe('How long a client may leave sent data unread before it is disconnected.'),
  CHECKPOINT_MS: integer(10, 600_000)
    .default(5_000)
    .describe('The time between checkpoints of a stream without events.'),
  LOG_RETENTION_DAYS: integer(1, 36_500)
    .default(30)
    .describe('Days until log entries move to the archive and their cursors expire.'),
  SOCKET_INIT_MS: integer(10, 600_000)
    .default(3_000)
    .describe('The time in which a new WebSocket must send `connection_init`.'),
  SOCKET_PING_MS: integer(10, 600_000)
    .default(30_000)
    .describe('The time between pings of a WebSocket and between comments of an event stream.'),
  SHUTDOWN_MS: integer(100, 600_000)
    .default(10_000)
    .describe('The time that a stop may take before the process is ended.'),
})

/** Never repeated in a message. */
const secret = new Set(['API_KEYS', 'CURSOR_SECRET', 'MONGODB_URI'])

type Settings = z.output<typeof settings>

/** One setting as the documentation shows it. */
export interface SettingDescription {
  readonly name: string
  readonly description: string
  /** The value when the variable is not set, or a sentence about it; null when there is none. */
  readonly unset: string | null
  /** The values that are accepted, such as "0–65535" or "`demo`, `production`"; null for any text. */
  readonly accepts: string | null
}

/** All settings, in the order of the documentation. */
export function describeSettings(): readonly SettingDescription[] {
  const { properties = {} } = z.toJSONSchema(settings, { io: 'input' })
  return Object.entries(properties as Record<string, SettingSchema>).map(([name, schema]) => ({
    name,
    description: schema.description,
    unset: schema.unset ?? (schema.default === undefined ? null : `\`${schema.default}\``),
    accepts: acceptedBy(schema),
  }))
}

interface SettingSchema {
  readonly description: string
  readonly unset?: string
  readonly default?: string | number
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
}

function acceptedBy({ enum: choices, minimum, maximum }: SettingSchema): string | null {
  if (choices) return choices.map((choice) => `\`${choice}\``).join(', ')
  return minimum === undefined ? null : `${minimum}–${maximum}`
}

/** The settings of a hub, under the names of the environment variables. */
export interface Config extends Readonly<Omit<Settings, 'MODE' | 'NODE_ENV' | 'TRAFFIC'>> {
  readonly MODE: 'demo' | 'production'
  readonly TRAFFIC: number
}

/** The addresses to which webhooks may be sent. */
export function webhookReach({ MODE, PRIVATE_ADDRESSES }: Config): 'PUBLIC' | 'LOOPBACK' | 'PRIVATE' {
  if (PRIVATE_ADDRESSES === 'allow') return 'PRIVATE'
  return PRIVATE_ADDRESSES === undefined && MODE === 'demo' ? 'LOOPBACK' : 'PUBLIC'
}

/** The limits of a document, in the form of the engine. */
const documentLimits = (config: Config): Partial<Limits> => ({
  charactersMax: config.CHARACTERS_MAX,
  tokensMax: config.TOKENS_MAX,
  depthMax: config.DEPTH_MAX,
  fieldsMax: config.FIELDS_MAX,
  aliasesMax: config.ALIASES_MAX,
  directivesMax: config.DIRECTIVES_MAX,
})

/** The settings of the engine that are about what documents may be, and what they reveal. */
export const documentOptions = (config: Config) => ({
  limits: documentLimits(config),
  introspection: config.INTROSPECTION === 'on',
  suggestions: config.SUGGESTIONS === 'on',
})

/** The issuer whose tokens are accepted; null when only API keys are. */
export function tokenIssuer({ JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL }: Config): TokenIssuer | null {
  if (!JWT_ISSUER || !JWT_AUDIENCE || !JWT_JWKS_URL) return null
  return { issuer: JWT_ISSUER, audience: JWT_AUDIENCE, jwksUrl: JWT_JWKS_URL }
}

/** The MongoDB to use or to start, in the form of `startMongo`. */
export const mongoOptions = (config: Config): Omit<MongoOptions, 'logger'> => ({
  uri: config.MONGODB_URI,
  binary: config.MONGOD_BINARY,
  dataDir: config.DATA_DIR,
})

/** All invalid settings, one line each. */
export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID'
  constructor(mistakes: readonly string[]) {
    super(`the settings are invalid:\n${mistakes.map((mistake) => `  ${mistake}`).join('\n')}`)
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
    throw new ConfigError(['JWT_ISSUER, JWT_AUDIENCE and JWT_JWKS_URL must be set together or not at all'])
  }
  if (rest.DOCUMENTS === 'trusted' && rest.TRUSTED_DOCUMENTS === undefined)
    throw new ConfigError(['DOCUMENTS=trusted: set TRUSTED_DOCUMENTS to the manifest of what may be run'])
  const mode = MODE ?? (NODE_ENV === 'production' ? 'production' : 'demo')
  if (mode === 'production' && TRAFFIC) {
    throw new ConfigError([`TRAFFIC=${TRAFFIC}: must be 0 in production, which has no simulated wallets`])
  }
  return { ...rest, MODE: mode, TRAFFIC: mode === 'production' ? 0 : (TRAFFIC ?? 1) }
}
