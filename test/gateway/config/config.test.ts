import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig, refuseUnsafe, webhookReach } from '../../../gateway/config/config.ts'

const key = Buffer.alloc(32, 1).toString('base64')

const mongodbUri = 'mongodb://db.example/?replicaSet=rs0&tls=true'

describe('reading the settings', () => {
  test('none given: a demo hub on loopback, port 4000, one simulated payment a second', () => {
    expect(readConfig({})).toMatchObject({
      MODE: 'demo',
      HOST: '127.0.0.1',
      PORT: 4000,
      TRAFFIC: 1,
      SCALE: 0.01,
      DATA_DIR: '.data',
      MONGODB_DATABASE: 'crossgate',
    })
  })

  test('an empty one counts as not set', () => {
    expect(readConfig({ PORT: '', MONGODB_URI: '' })).toMatchObject({ PORT: 4000 })
  })

  test.each([
    { given: { NODE_ENV: 'production', MONGODB_URI: mongodbUri }, mode: 'production', traffic: 0 },
    { given: { NODE_ENV: 'production', MODE: 'demo' }, mode: 'demo', traffic: 1 },
    { given: { MODE: 'production', MONGODB_URI: mongodbUri, TRAFFIC: '0' }, mode: 'production', traffic: 0 },
    { given: { TRAFFIC: '0' }, mode: 'demo', traffic: 0 },
    { given: { TRAFFIC: '0.5' }, mode: 'demo', traffic: 0.5 },
  ])('$given: $mode mode, $traffic payments a second', ({ given, mode, traffic }) => {
    expect(readConfig(given)).toMatchObject({ MODE: mode, TRAFFIC: traffic })
  })

  test.each([
    { given: { PORT: '65536' } },
    { given: { PORT: 'http' } },
    { given: { PORT: '4000.5' } },
    { given: { SCALE: '0' } },
    { given: { SCALE: '1.1' } },
    { given: { TRAFFIC: '-1' } },
    { given: { SEED: '-1' } },
    { given: { MODE: 'test' } },
    { given: { PRIVATE_ADDRESSES: 'yes' } },
    { given: { LOG_LEVEL: 'loud' } },
    { given: { MONGODB_URI: 'localhost:27017' } },
    { given: { MONGODB_DATABASE: 'a.b' } },
    { given: { CURSOR_SECRET: 'short' } },
    { given: { DEPTH_MAX: '0' } },
  ])('is refused: $given', ({ given }) => {
    const [name, value] = Object.entries(given)[0]!
    expect(() => readConfig(given)).toThrow(ConfigError)
    const isSecret = name === 'CURSOR_SECRET' || name === 'MONGODB_URI'
    expect(() => readConfig(given)).toThrow(`${name}=${isSecret ? '…' : value}: `)
  })

  test.each([
    { given: {}, reach: 'LOOPBACK' },
    { given: { MODE: 'production', MONGODB_URI: mongodbUri }, reach: 'PUBLIC' },
    { given: { PRIVATE_ADDRESSES: 'refuse' }, reach: 'PUBLIC' },
    { given: { PRIVATE_ADDRESSES: 'allow' }, reach: 'PRIVATE' },
    { given: { MODE: 'production', MONGODB_URI: mongodbUri, PRIVATE_ADDRESSES: 'allow' }, reach: 'PRIVATE' },
  ])('$given: webhooks reach $reach addresses', ({ given, reach }) => {
    expect(webhookReach(readConfig(given))).toBe(reach)
  })

  test('a secret that is refused is not repeated in the message', () => {
    expect(() => readConfig({ CURSOR_SECRET: 'hunter2' })).toThrow(/^(?!.*hunter2)/s)
    expect(() => readConfig({ MONGODB_URI: 'root:hunter2@db' })).toThrow(/^(?!.*hunter2)/s)
  })

  test.each([
    { given: 'a=1, b = two%20words ,c=', read: { a: '1', b: 'two words', c: '' } },
    { given: 'a==', read: { a: '=' } },
    { given: '', read: {} },
  ])('pairs of names and values are read from “$given”', ({ given, read }) => {
    expect(readConfig({ OTEL_RESOURCE_ATTRIBUTES: given }).OTEL_RESOURCE_ATTRIBUTES).toEqual(read)
  })

  test.each(['a', '=1', `a=${' '.repeat(30_000)}%`])('what are no pairs is refused', (given) => {
    expect(() => readConfig({ OTEL_RESOURCE_ATTRIBUTES: given })).toThrow('takes NAME=VALUE pairs')
  })

  test('all mistakes come in one error', () => {
    expect(() => readConfig({ PORT: 'x', SCALE: '2', MODE: 'test' })).toThrow(/MODE=test.*PORT=x.*SCALE=2/s)
  })

  test.each([
    [{ TRAFFIC: '1' }, 'TRAFFIC=1: must be 0'],
    [{ ORIGINS: 'https://a.example,http://b.example' }, 'ORIGINS: http://b.example must be https'],
    [{ PUBLIC_URL: 'http://localhost.example' }, 'PUBLIC_URL=http://localhost.example: must be https'],
    [{ LOG_LEVEL: 'silent' }, 'LOG_LEVEL=silent: would hide'],
    [{ MONGODB_URI: `${mongodbUri}&tlsInsecure=true` }, 'MONGODB_URI: tlsinsecure'],
    [{ MONGODB_URI: `${mongodbUri}&readPreference=nearest` }, 'MONGODB_URI: readPreference must be primary'],
  ])('production does not start with %o', (settings, mistake) => {
    expect(() => readConfig({ MODE: 'production', ...settings })).toThrow(mistake)
  })

  test('what is unsafe in production comes in one error too', () => {
    expect(() => readConfig({ MODE: 'production', TRAFFIC: '1', LOG_LEVEL: 'silent' })).toThrow(
      /TRAFFIC=1.*LOG_LEVEL=silent/s,
    )
  })

  test.each([
    { ORIGINS: 'http://localhost:5173,http://127.0.0.1:4000,https://portal.example' },
    { PUBLIC_URL: 'https://pay.example/hub' },
    { MONGODB_URI: `${mongodbUri}&readPreference=primary` },
  ])('production starts with %o', (settings) => {
    expect(readConfig({ MODE: 'production', MONGODB_URI: mongodbUri, ...settings }).MODE).toBe('production')
  })

  test.each([
    { given: {}, lacks: ['own-mongod', 'plain-secrets'] },
    { given: { MONGODB_URI: 'mongodb://db/?replicaSet=r' }, lacks: ['open-mongodb', 'plain-secrets'] },
    { given: { MONGODB_URI: 'mongodb://hub:pw@db/?replicaSet=r' }, lacks: ['plain-secrets'] },
    { given: { MONGODB_URI: 'mongodb://db/?authMechanism=MONGODB-X509', SECRETS_KEY: key }, lacks: [] },
    { given: { MONGODB_URI: 'mongodb+srv://hub:pw@db', SECRETS_KEY: `${key}, ${key}` }, lacks: [] },
    { given: { UNSAFE: 'own-mongod' }, lacks: ['plain-secrets'] },
    { given: { UNSAFE: 'own-mongod, plain-secrets' }, lacks: [] },
  ])('production with $given starts unless it lacks $lacks, each named in a sentence', ({ given, lacks }) => {
    const read = () => refuseUnsafe(readConfig({ MODE: 'production', ...given }))
    if (lacks.length === 0) return expect(read).not.toThrow()
    for (const name of lacks) expect(read).toThrow(`UNSAFE=${name} starts the hub nevertheless`)
    expect(read).toThrow(new RegExp(`^[^;]*(?:;[^;]*){${lacks.length}}$`))
  })

  test.each([
    'https://user:hunter2@issuer.example/keys',
    'https://hunter2@issuer.example/keys',
    'https://:hunter2@issuer.example/keys',
    // The user is what would be the loopback address.
    'http://localhost:hunter2@issuer.example/keys',
  ])('an address of keys with user information is refused, and not repeated: %s', (url) => {
    const read = () =>
      readConfig({ JWT_ISSUER: 'https://issuer.example', JWT_AUDIENCE: 'hub', JWT_JWKS_URL: url })
    expect(read).toThrow('JWT_JWKS_URL=…: must not contain a user or password')
    expect(read).toThrow(/^(?!.*hunter2)/s)
  })

  test.each([
    [{ TLS_CERT_FILE: 'cert.pem' }, 'TLS_CERT_FILE and TLS_KEY_FILE must be set together or not at all'],
    [{ TLS_KEY_FILE: 'key.pem' }, 'TLS_CERT_FILE and TLS_KEY_FILE must be set together or not at all'],
    [{ TLS_CLIENT_CERTIFICATES: 'request' }, 'TLS_CLIENT_CERTIFICATES: set TLS_CERT_FILE'],
    [{ TLS_CERT_FILE: 'c', TLS_KEY_FILE: 'k', TRAFFIC: '1' }, 'TRAFFIC=1: must be 0 with TLS_CERT_FILE'],
  ])('settings of TLS that cannot work are refused: %j', (settings, reason) => {
    expect(() => readConfig(settings)).toThrow(reason)
  })

  test('a demo with TLS has no simulated wallets', () => {
    expect(readConfig({ TLS_CERT_FILE: 'c', TLS_KEY_FILE: 'k' }).TRAFFIC).toBe(0)
    expect(readConfig({}).TRAFFIC).toBe(1)
  })

  test('a key for secrets that is no base64 of 32 bytes is refused, and not repeated', () => {
    expect(() => readConfig({ SECRETS_KEY: 'hunter2' })).toThrow('SECRETS_KEY=…: takes the base64')
  })

  test('keys for secrets may be in a file', () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'keys-')), 'keys')
    writeFileSync(file, `${key}\n${Buffer.alloc(32, 2).toString('base64')}\n`)
    expect(readConfig({ SECRETS_KEY_FILE: file }).SECRETS_KEY).toEqual([
      Buffer.alloc(32, 1),
      Buffer.alloc(32, 2),
    ])
    writeFileSync(file, 'hunter2')
    expect(() => readConfig({ SECRETS_KEY_FILE: file })).toThrow(/^(?!.*hunter2).*each line must be/s)
    expect(() => readConfig({ SECRETS_KEY_FILE: `${file}.gone` })).toThrow('it cannot be read (ENOENT)')
  })
})
