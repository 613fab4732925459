// Every setting, with its description, default and limits. No other file reads the environment.

import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { createSecretBox, plainSecrets, type SecretBox } from '../../subgraphs/shared/secret-box.ts'
import type { CallerLimitsOptions } from '../identity/caller-limits.ts'
import type { SubgraphName } from '../../subgraphs/shared/subgraph.ts'
import type { TlsFiles } from '../protocol/tls.ts'
import type { TokenIssuer } from '../identity/token.ts'
import type { MongoOptions } from '../mongod/start.ts'
import type { AllowedOrigins } from '../protocol/cors.ts'
import type { Limits } from '../supergraph/index.ts'
import type { TracingOptions } from '../telemetry/tracing.ts'

/** User and password in a URL. */
function userOf(url: string): string {
  const { username, password } = new URL(url)
  return username + password
}

const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max)
const text = z.string().trim().min(1)

/** What a process runs: the gateway, one subgraph, or, when it is null, all of the hub. */
export type Role = 'gateway' | SubgraphName

/** The ports of processes that run on one machine. */
const ports: Readonly<Record<Role, number>> = {
  gateway: 4000,
  participant: 4001,
  merchant: 4002,
  transaction: 4003,
  analytics: 4004,
}
export const isRole = (name: string): name is Role => Object.hasOwn(ports, name)

const list = (entries: string): string[] =>
  entries
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')

/** The processes of a subgraph. */
const addressesOf = (name: SubgraphName) =>
  z
    .string()
    .default(`http://127.0.0.1:${ports[name]}`)
    .transform(list)
    .pipe(z.array(z.string().regex(/^https?:\/\/[^/\s]+$/, 'takes addresses such as http://10.0.0.7:4002')))
    .transform((addresses): readonly string[] => addresses)
    .describe(`The processes of the ${name} subgraph, separated by commas.`)
/** A list that is separated by commas; `read` receives the groups of `pattern`. */
const namedList = <Item>(pattern: RegExp, takes: string, read: (...groups: (string | undefined)[]) => Item) =>
  z
    .string()
    .default('')
    .transform(list)
    .pipe(z.array(z.string().regex(pattern, takes)))
    .transform((items): readonly Item[] => items.map((item) => read(...pattern.exec(item)!.slice(1))))

/** A header of the client’s request that one subgraph or, where `only` is null, each of them receives. */
export interface ForwardedHeader {
  readonly name: string
  readonly only: string | null
}

const httpUrl = z
  .string()
  .regex(/^https?:\/\//, 'must start with http:// or https://')
  .refine((url) => URL.canParse(url), 'must be a URL')

/** `NAME=VALUE,NAME=VALUE`, values percent-encoded, as OpenTelemetry takes it. */
const namedValues = namedList(
  /^([^=\s]+)\s*=\s*((?:[^%\s]|%[0-9A-Fa-f]{2})(?:[^%]|%[0-9A-Fa-f]{2})*)?$/,
  'takes NAME=VALUE pairs, separated by commas',
  (name, value): [string, string] => [name!, decodeURIComponent(value ?? '')],
).transform((entries): Readonly<Record<string, string>> => Object.fromEntries(entries))

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
  PORT: integer(0, 65_535).optional().meta({
    description: 'The port on which the process listens; 0 takes any free port.',
    unset: '4000; for the participant, merchant, transaction and analytics subgraphs 4001 to 4004',
  }),
  ORIGINS: z
    .string()
    .default('')
    .transform(list)
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
  ORIGIN_HEADERS: z
    .string()
    .default('')
    .transform((names) => list(names.toLowerCase()))
    .pipe(z.array(z.string().regex(/^[\w-]+$/, 'takes names of headers, separated by commas')))
    .meta({
      description: 'Headers that pages of `ORIGINS` may send beside those that clients usually do.',
      unset: 'none',
    }),
  PUBLIC_URL: z
    .string()
    .regex(/^https?:\/\/[^/\s?#]+(\/[\w.~-]+)*$/, 'takes a URL such as https://pay.example/hub')
    .optional()
    .meta({
      description:
        'The URL of the hub as its clients see it, behind a proxy: its pages may open WebSockets, and its path is served.',
      unset: 'the address of the request',
    }),
  TLS_CERT_FILE: text.optional().meta({
    description:
      'A PEM file with the certificate of the hub, and those of its issuers; read again when it changes.',
    unset: 'plain HTTP, behind a proxy that ends TLS',
  }),
  TLS_KEY_FILE: text.optional().meta({
    description: 'A PEM file with the private key of `TLS_CERT_FILE`; both or none.',
    unset: 'plain HTTP',
  }),
  TLS_CLIENT_CERTIFICATES: z
    .enum(['off', 'request'])
    .default('off')
    .describe(
      'Whether the hub requests certificates of clients, to which keys and tokens can be bound (RFC 8705).',
    ),
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

  PARTICIPANT_URLS: addressesOf('participant'),
  MERCHANT_URLS: addressesOf('merchant'),
  TRANSACTION_URLS: addressesOf('transaction'),
  ANALYTICS_URLS: addressesOf('analytics'),
  CALL_SECRETS: z
    .string()
    .transform(list)
    .pipe(z.array(z.string().min(32, 'takes secrets of at least 32 characters')).min(1))
    .transform((secrets): readonly string[] => secrets)
    .optional()
    .meta({
      description:
        'Sign the calls to processes of subgraphs, separated by commas: the first signs, and all verify. At least 32 characters each.',
      unset: 'generated once and stored in the database',
    }),

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
  SECRETS_KEY: z
    .string()
    .default('')
    .transform(list)
    .pipe(z.array(z.string().regex(/^[A-Za-z0-9+/]{43}=$/, 'takes the base64 of 32 random bytes')))
    .transform((keys) => keys.map((key) => Buffer.from(key, 'base64')))
    .meta({
      description:
        'Encrypts the stored secrets: the base64 of 32 bytes, or several separated by commas, the newest first.',
      unset: 'secrets are stored as they are, which production refuses',
    }),
  SECRETS_KEY_FILE: text.optional().meta({
    description: 'A file with the value of `SECRETS_KEY`, a key a line.',
    unset: '`SECRETS_KEY`',
  }),
  UNSAFE: z
    .string()
    .default('')
    .transform(list)
    .pipe(z.array(z.enum(['demo-data', 'own-mongod', 'open-mongodb', 'plain-secrets'])))
    .transform((dangers): ReadonlySet<string> => new Set(dangers))
    .meta({
      description:
        'What production starts with nevertheless, separated by commas: `demo-data`, `own-mongod`, `open-mongodb`, `plain-secrets`.',
      unset: 'nothing',
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
  SUBGRAPHS_FILE: text.optional().meta({
    description: 'A JSON file of subgraphs to join by their URLs; followed while the hub runs.',
    unset: 'none; the operator can join subgraphs by `joinSubgraph`',
  }),
  OFFERS: z.enum(['start', 'off']).optional().meta({
    description: '`start` runs the offers subgraph as a process of the hub, and joins it.',
    unset: '`start` in demo mode, otherwise `off`',
  }),

  OUTLET_URL: z
    .string()
    .regex(
      /^((nats|tls):\/\/[^\s/,]+(,(nats|tls):\/\/[^\s/,]+)*|kafkas?:\/\/[^\s/,?]+(\?mechanism=(PLAIN|SCRAM-SHA-(256|512)))?(,kafkas?:\/\/[^\s/,?]+)*)$/,
      'takes a URL such as nats://user:password@nats-1:4222 or kafkas://user:password@broker-1:9093?mechanism=PLAIN',
    )
    .optional()
    .meta({
      description:
        'A NATS JetStream or a Kafka to which every event of the log is published as a CloudEvent.',
      unset: 'nowhere',
    }),
  OUTLET_STREAM: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'takes 1–64 letters, digits, dashes and underscores')
    .default('CROSSGATE')
    .describe('The stream of JetStream, of this outlet alone; made when it is not there.'),
  OUTLET_SUBJECT: z
    .string()
    .regex(/^[\w-]+(\.[\w-]+)*$/, 'takes a subject without wildcards, such as crossgate.events')
    .default('crossgate.events')
    .describe('The subject of the published events; the topic of Kafka, then of this outlet alone.'),

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
    .refine((url) => URL.canParse(url), 'must be a URL')
    .refine((url) => !URL.canParse(url) || userOf(url) === '', 'must not contain a user or password')
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
  INTROSPECTION: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Whether `__schema` and `__type` are answered.'),
  SUGGESTIONS: z
    .enum(['on', 'off'])
    .default('on')
    .describe(
      'Whether errors suggest names of the schema (“Did you mean”); without `INTROSPECTION` too, they have no name that was not sent.',
    ),
  PERSISTED_QUERIES: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Whether clients may register a document under its SHA-256 (APQ).'),
  TRUSTED_DOCUMENTS: text.optional().meta({
    description: 'A manifest of documents that clients name by id; `npm run operations` makes it.',
    unset: 'no documents',
  }),
  SEEN_OPERATIONS: text.optional().meta({
    description:
      'A file to which the hub adds each operation that clients send, once and without values, for `npm run schema:check`.',
    unset: 'none',
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
  COST_PER_MINUTE: integer(1, 1_000_000_000).optional().meta({
    description: 'What the operations of one participant may cost in a minute, over all hubs of a database.',
    unset: 'any amount',
  }),
  KEY_COST_PER_MINUTE: integer(1, 1_000_000_000).optional().meta({
    description: 'The same for each key or token of a participant.',
    unset: 'any amount',
  }),
  UNKNOWN_COST_PER_MINUTE: integer(1, 1_000_000_000)
    .default(600)
    .describe('The same for the requests without a valid key from one address, at each hub.'),
  OPERATION_LOOP_MS: integer(10, 600_000)
    .default(1_000)
    .describe('The most milliseconds for which one query or mutation may hold the event loop of a hub.'),
  LOOP_SHARE: z.coerce.number().min(0.01).max(1).optional().meta({
    description:
      'The most of a hub’s event loop that the operations of one participant may take, in any second; 1 is all of it. What is refused counts ten times.',
    unset: '0.5 in production, 1 in a demo',
  }),
  RECEIVE_TIMEOUT_MS: integer(100, 600_000)
    .default(10_000)
    .describe('The time in which the headers and the body of a request must arrive.'),
  UNKNOWN_CONNECTIONS_MAX: integer(1, 1_000_000)
    .default(5_000)
    .describe('The most connections over which no key or token has come yet.'),
  UNKNOWN_CONNECTIONS_PER_ADDRESS_MAX: integer(1, 1_000_000)
    .default(500)
    .describe('The same for one address, or one /64 network of IPv6.'),
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

  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional().meta({
    description: 'Turns traces on: the receiver of OTLP over HTTP, such as `http://127.0.0.1:4318`.',
    unset: 'no traces',
  }),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: httpUrl.optional().meta({
    description: 'The same, as the complete address that takes traces.',
    unset: '`/v1/traces` of `OTEL_EXPORTER_OTLP_ENDPOINT`',
  }),
  OTEL_EXPORTER_OTLP_HEADERS: namedValues.meta({
    description: 'Headers for the receiver of traces, as `NAME=VALUE,NAME=VALUE`.',
    unset: 'none',
  }),
  OTEL_EXPORTER_OTLP_TIMEOUT: integer(1, 600_000)
    .default(10_000)
    .describe('The milliseconds in which the receiver of traces must answer.'),
  OTEL_SERVICE_NAME: text.optional().meta({
    description: 'The `service.name` of traces.',
    unset: '`crossgate`; for the process of a part, `crossgate-gateway` and the like',
  }),
  OTEL_RESOURCE_ATTRIBUTES: namedValues.meta({
    description: 'Further attributes of the process in traces, as `NAME=VALUE,NAME=VALUE`.',
    unset: 'none',
  }),
  OTEL_TRACES_SAMPLER: z
    .enum([
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ])
    .default('parentbased_always_on')
    .describe('Which requests are traced; `parentbased_` ones follow the `traceparent` of the request.'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('The share of requests that the samplers with `traceidratio` trace.'),
  OTEL_BSP_MAX_QUEUE_SIZE: integer(1, 1_000_000)
    .default(2_048)
    .describe('The most spans that wait to be sent; further ones are dropped.'),
  OTEL_BSP_SCHEDULE_DELAY: integer(1, 600_000)
    .default(5_000)
    .describe('The longest that a span waits to be sent, in milliseconds.'),
})

/** Never repeated in a message. */
const secret = new Set([
  'API_KEYS',
  'CALL_SECRETS',
  'CURSOR_SECRET',
  'MONGODB_URI',
  'OUTLET_URL',
  'SECRETS_KEY',
  'JWT_JWKS_URL',
  'OTEL_EXPORTER_OTLP_HEADERS',
])

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
export interface Config extends Readonly<
  Omit<Settings, 'MODE' | 'NODE_ENV' | 'PORT' | 'TRAFFIC' | 'OFFERS' | 'SECRETS_KEY_FILE'>
> {
  readonly MODE: 'demo' | 'production'
  readonly PORT: number
  readonly OFFERS: 'start' | 'off'
  readonly TRAFFIC: number
}

/** The addresses of the processes of each subgraph, at which they take documents. */
export const subgraphUrls = (config: Config): ReadonlyMap<SubgraphName, readonly string[]> =>
  new Map<SubgraphName, readonly string[]>([
    ['participant', config.PARTICIPANT_URLS],
    ['merchant', config.MERCHANT_URLS],
    ['transaction', config.TRANSACTION_URLS],
    ['analytics', config.ANALYTICS_URLS],
  ])

/** The addresses of webhooks and of joined subgraphs that the hub may call. */
export function webhookReach({ MODE, PRIVATE_ADDRESSES }: Config): 'PUBLIC' | 'LOOPBACK' | 'PRIVATE' {
  if (PRIVATE_ADDRESSES === 'allow') return 'PRIVATE'
  return PRIVATE_ADDRESSES === undefined && MODE === 'demo' ? 'LOOPBACK' : 'PUBLIC'
}

/** Which web pages may call. */
export const allowedOrigins = (config: Config): AllowedOrigins => ({
  origins: config.ORIGINS,
  headers: config.ORIGIN_HEADERS,
  publicUrl: config.PUBLIC_URL,
})

/** The path of PUBLIC_URL, such as "/hub"; empty when the hub is served at the top. */
export const publicPath = ({ PUBLIC_URL }: Config): string =>
  PUBLIC_URL === undefined ? '' : new URL(PUBLIC_URL).pathname.replace(/\/$/, '')

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

/** Where and how traces are made; null when they are off. `part` is what the process runs. */
export function tracingOptions(config: Config, part: Role | null): Omit<TracingOptions, 'logger'> | null {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = config
  const url = OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (endpoint && `${endpoint.replace(/\/$/, '')}/v1/traces`)
  if (url === undefined) return null
  return {
    url,
    headers: config.OTEL_EXPORTER_OTLP_HEADERS,
    timeoutMs: config.OTEL_EXPORTER_OTLP_TIMEOUT,
    resource: {
      'service.name': part === null ? 'crossgate' : `crossgate-${part}`,
      ...config.OTEL_RESOURCE_ATTRIBUTES,
      ...(config.OTEL_SERVICE_NAME && { 'service.name': config.OTEL_SERVICE_NAME }),
    },
    sampler: config.OTEL_TRACES_SAMPLER,
    ratio: config.OTEL_TRACES_SAMPLER_ARG,
    queueMax: config.OTEL_BSP_MAX_QUEUE_SIZE,
    delayMs: config.OTEL_BSP_SCHEDULE_DELAY,
  }
}

/** The files of TLS; null for plain HTTP. */
export function tlsFiles({ TLS_CERT_FILE, TLS_KEY_FILE, TLS_CLIENT_CERTIFICATES }: Config): TlsFiles | null {
  if (TLS_CERT_FILE === undefined || TLS_KEY_FILE === undefined) return null
  const requestsCertificates = TLS_CLIENT_CERTIFICATES === 'request'
  return { certificate: TLS_CERT_FILE, key: TLS_KEY_FILE, requestsCertificates }
}

/** The issuer whose tokens are accepted; null when only API keys are. */
export function tokenIssuer({ JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL }: Config): TokenIssuer | null {
  if (!JWT_ISSUER || !JWT_AUDIENCE || !JWT_JWKS_URL) return null
  return { issuer: JWT_ISSUER, audience: JWT_AUDIENCE, jwksUrl: JWT_JWKS_URL }
}

/** Encrypts stored secrets under the keys of the settings; without one, they are stored as they are. */
export function secretBox({ SECRETS_KEY: [newest, ...older] }: Pick<Config, 'SECRETS_KEY'>): SecretBox {
  return newest ? createSecretBox([newest, ...older]) : plainSecrets
}

/** Where the log is published; null: nowhere. */
export const outletOptions = ({ OUTLET_URL: url, OUTLET_STREAM: stream, OUTLET_SUBJECT: subject }: Config) =>
  url === undefined ? null : { url, stream, subject }

/** What each caller may spend, in the form of the limits. */
export const callerLimits = (config: Config): CallerLimitsOptions => ({
  participantPerMinute: config.COST_PER_MINUTE ?? null,
  keyPerMinute: config.KEY_COST_PER_MINUTE ?? null,
  unknownPerMinute: config.UNKNOWN_COST_PER_MINUTE,
  ...loopLimits(config),
})

/** How long callers may hold the event loop. */
export function loopLimits(config: Config): Pick<CallerLimitsOptions, 'loopShare' | 'operationLoopMs'> {
  const { LOOP_SHARE = config.MODE === 'demo' ? 1 : 0.5, OPERATION_LOOP_MS } = config
  return { loopShare: LOOP_SHARE === 1 ? null : LOOP_SHARE, operationLoopMs: OPERATION_LOOP_MS }
}

/** The MongoDB to use or to start, in the form of `startMongo`. */
export const mongoOptions = (config: Config): Omit<MongoOptions, 'logger'> => ({
  uri: config.MONGODB_URI,
  binary: config.MONGOD_BINARY,
  dataDir: config.DATA_DIR,
})

/** The environment of this process with other settings, for a process that it starts. */
export const environmentWith = (given: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  ...process.env,
  ...given,
})

/** All invalid settings, one line each. */
export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID'
  constructor(mistakes: readonly string[]) {
    super(`the settings are invalid:\n${mistakes.map((mistake) => `  ${mistake}`).join('\n')}`)
    this.name = 'ConfigError'
  }
}

/** What a hub with real payments may not run with, one line each. */
function refusedInProduction({ MONGODB_URI, TRAFFIC, ORIGINS, PUBLIC_URL, LOG_LEVEL }: Settings): string[] {
  const plain = [...ORIGINS].filter(isPlainAndRemote)
  return [
    ...(MONGODB_URI === undefined ? [] : unsafeOptions(MONGODB_URI)),
    ...(TRAFFIC ? [`TRAFFIC=${TRAFFIC}: must be 0 in production, which has no simulated wallets`] : []),
    ...plain.map((origin) => `ORIGINS: ${origin} must be https in production, or keys travel in plain text`),
    ...(PUBLIC_URL !== undefined && isPlainAndRemote(PUBLIC_URL)
      ? [`PUBLIC_URL=${PUBLIC_URL}: must be https in production, or keys travel in plain text`]
      : []),
    ...(LOG_LEVEL === 'silent' ? ['LOG_LEVEL=silent: would hide every failure in production'] : []),
  ]
}

const isPlainAndRemote = (url: string): boolean =>
  /^http:\/\/(?!(localhost|127\.[\d.]+|\[::1\])(:|\/|$))/.test(url)

/** Options of a connection string that break what payments need; values of the URI are never repeated. */
function unsafeOptions(uri: string): string[] {
  const options = new URLSearchParams(uri.slice(uri.indexOf('?') + 1).toLowerCase())
  const insecure = ['tlsinsecure', 'tlsallowinvalidcertificates', 'tlsallowinvalidhostnames']
  return [
    ...insecure
      .filter((name) => options.get(name) === 'true')
      .map((name) => `MONGODB_URI: ${name} would accept any server in the place of MongoDB`),
    ...((options.get('readpreference') ?? 'primary') === 'primary'
      ? []
      : ['MONGODB_URI: readPreference must be primary, or the hub reads what is out of date']),
  ]
}

/** Reads the settings of a process once. Throws ConfigError with all mistakes together. */
export function readConfig(environment: NodeJS.ProcessEnv = process.env, role: Role | null = null): Config {
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
  const {
    MODE,
    NODE_ENV,
    PORT = ports[role ?? 'gateway'],
    TRAFFIC,
    OFFERS,
    SECRETS_KEY_FILE,
    ...others
  } = read.data
  const rest = SECRETS_KEY_FILE === undefined ? others : { ...others, SECRETS_KEY: keysIn(SECRETS_KEY_FILE) }
  if (role && rest.MONGODB_URI === undefined) {
    throw new ConfigError([`MONGODB_URI: must be set, because the ${role} process shares its database`])
  }
  const issuer = [rest.JWT_ISSUER, rest.JWT_AUDIENCE, rest.JWT_JWKS_URL].filter((one) => one !== undefined)
  if (issuer.length !== 0 && issuer.length !== 3) {
    throw new ConfigError(['JWT_ISSUER, JWT_AUDIENCE and JWT_JWKS_URL must be set together or not at all'])
  }
  checkTls(rest, TRAFFIC)
  if (rest.DOCUMENTS === 'trusted' && rest.TRUSTED_DOCUMENTS === undefined)
    throw new ConfigError(['DOCUMENTS=trusted: set TRUSTED_DOCUMENTS to the manifest of what may be run'])
  const mode = MODE ?? (NODE_ENV === 'production' ? 'production' : 'demo')
  const refused = mode === 'production' ? refusedInProduction(read.data) : []
  if (refused.length > 0) throw new ConfigError(refused)
  const hasTraffic = mode === 'demo' && rest.TLS_CERT_FILE === undefined
  const offers = OFFERS ?? (mode === 'demo' ? 'start' : 'off')
  return { ...rest, MODE: mode, PORT, OFFERS: offers, TRAFFIC: TRAFFIC ?? (hasTraffic ? 1 : 0) }
}

/** The simulated wallets of a demo do not call over TLS, because its certificate may be of any issuer. */
function checkTls(
  { TLS_CERT_FILE, TLS_KEY_FILE, TLS_CLIENT_CERTIFICATES }: Pick<Settings, `TLS_${string}` & keyof Settings>,
  traffic = 0,
): void {
  const hasTls = TLS_CERT_FILE !== undefined
  if (hasTls !== (TLS_KEY_FILE !== undefined))
    throw new ConfigError(['TLS_CERT_FILE and TLS_KEY_FILE must be set together or not at all'])
  if (!hasTls && TLS_CLIENT_CERTIFICATES !== 'off')
    throw new ConfigError(['TLS_CLIENT_CERTIFICATES: set TLS_CERT_FILE, because TLS must end at the hub'])
  if (hasTls && traffic > 0)
    throw new ConfigError([`TRAFFIC=${traffic}: must be 0 with TLS_CERT_FILE, as simulated wallets use HTTP`])
}

/** Reads the keys in a file, a key a line. */
function keysIn(file: string): Settings['SECRETS_KEY'] {
  let lines: string
  try {
    lines = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigError([
      `SECRETS_KEY_FILE=${file}: it cannot be read (${(cause as NodeJS.ErrnoException).code})`,
    ])
  }
  const read = settings.shape.SECRETS_KEY.safeParse(lines.trim().split(/\s+/).join(','))
  if (!read.success || read.data.length === 0)
    throw new ConfigError([`SECRETS_KEY_FILE=${file}: each line must be the base64 of 32 random bytes`])
  return read.data
}

/** Throws ConfigError when a hub in production would be unsafe, unless `UNSAFE` permits it. */
export function refuseUnsafe(config: Config): void {
  const unsafe = config.MODE === 'production' ? unsafeSettings(config) : []
  if (unsafe.length > 0) throw new ConfigError(unsafe)
}

/** What makes a hub in production unsafe and `UNSAFE` does not name, a sentence each. */
function unsafeSettings({ MONGODB_URI, SECRETS_KEY, UNSAFE }: Config): readonly string[] {
  const isOpen =
    MONGODB_URI !== undefined && !/^mongodb(\+srv)?:\/\/[^/@]+@|[?&]authMechanism=/.test(MONGODB_URI)
  const found: readonly [name: string, isFound: boolean, sentence: string][] = [
    [
      'own-mongod',
      MONGODB_URI === undefined,
      'MONGODB_URI must be set in production: a MongoDB that the hub starts has no password',
    ],
    [
      'open-mongodb',
      isOpen,
      'MONGODB_URI must name a user in production: without one, every program of the network can read and write the data',
    ],
    [
      'plain-secrets',
      SECRETS_KEY.length === 0,
      'SECRETS_KEY must be set in production: it encrypts the secrets of webhooks in the database',
    ],
  ]
  return found.flatMap(([name, isFound, sentence]) =>
    isFound && !UNSAFE.has(name) ? [`${sentence}; UNSAFE=${name} starts the hub nevertheless`] : [],
  )
}
