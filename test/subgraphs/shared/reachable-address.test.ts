import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readCallbackUrl } from '../../../subgraphs/shared/callback-url.ts'
import { isReachable, type Reach } from '../../../subgraphs/shared/reachable-address.ts'

describe('addresses that the hub may connect to', () => {
  test.each<{ address: string; from: Reach | null }>([
    { address: '8.8.8.8', from: 'PUBLIC' },
    { address: '172.32.0.1', from: 'PUBLIC' },
    { address: '100.128.0.1', from: 'PUBLIC' },
    { address: '2606:4700::1111', from: 'PUBLIC' },
    { address: '127.0.0.1', from: 'LOOPBACK' },
    { address: '127.255.255.254', from: 'LOOPBACK' },
    { address: '::1', from: 'LOOPBACK' },
    { address: '10.0.0.1', from: 'PRIVATE' },
    { address: '10.255.255.255', from: 'PRIVATE' },
    { address: '172.16.0.1', from: 'PRIVATE' },
    { address: '172.31.255.255', from: 'PRIVATE' },
    { address: '192.168.1.1', from: 'PRIVATE' },
    { address: '100.64.0.1', from: 'PRIVATE' },
    { address: '169.254.169.254', from: null },
    { address: '169.254.170.2', from: null },
    { address: 'fe80::1', from: null },
    { address: 'fe80::1%lo', from: null },
    { address: 'fd00:ec2::254', from: null },
    { address: 'fd20:ce::254', from: null },
    { address: '100.100.100.200', from: null },
    { address: '168.63.129.16', from: null },
    { address: 'fd00::1', from: 'PRIVATE' },
    { address: 'fc00::1', from: 'PRIVATE' },
    { address: '0.0.0.0', from: null },
    { address: '0.1.2.3', from: null },
    { address: '192.0.0.8', from: null },
    { address: '192.0.2.1', from: null },
    { address: '198.18.0.1', from: null },
    { address: '203.0.113.7', from: null },
    { address: '224.0.0.1', from: null },
    { address: '239.255.255.250', from: null },
    { address: '240.0.0.1', from: null },
    { address: '255.255.255.255', from: null },
    { address: '::', from: null },
    { address: '::ffff:127.0.0.1', from: null },
    { address: '::ffff:7f00:1', from: null },
    { address: '::ffff:8.8.8.8', from: null },
    { address: '::127.0.0.1', from: null },
    { address: '64:ff9b::7f00:1', from: null },
    { address: '2002:7f00:1::1', from: null },
    { address: '2001:0:4136:e378:8000:63bf:3fff:fdd2', from: null },
    { address: '2001:db8::1', from: null },
    { address: 'ff02::1', from: null },
    { address: 'fec0::1', from: null },
    { address: 'localhost', from: null },
    { address: '', from: null },
  ])('$address: from $from on', ({ address, from }) => {
    const order: readonly Reach[] = ['PUBLIC', 'LOOPBACK', 'PRIVATE']
    const expected = order.map((reach) => from !== null && order.indexOf(reach) >= order.indexOf(from))
    expect(order.map((reach) => isReachable(address, reach))).toEqual(expected)
  })

  test('an IPv4 address mapped into IPv6 is excluded under every reach', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.constantFrom<Reach>('PUBLIC', 'LOOPBACK', 'PRIVATE'), (address, reach) => {
        expect(isReachable(`::ffff:${address}`, reach)).toBe(false)
      }),
    )
  })
})

describe('the metadata service of a cloud', () => {
  const reaches: readonly Reach[] = ['PUBLIC', 'LOOPBACK', 'PRIVATE']

  test.each([
    '169.254.169.254',
    '169.254.169.254.',
    '0xA9FEA9FE',
    '0xa9.0xfe.0xa9.0xfe',
    '2852039166',
    '0251.0376.0251.0376',
    '025177524776',
    '169.254.43518',
    '169.16689662',
    '①⑥⑨.②⑤④.①⑥⑨.②⑤④',
    '%31%36%39.254.169.254',
    '[::ffff:169.254.169.254]',
    '[::ffff:a9fe:a9fe]',
    '[0:0:0:0:0:ffff:a9fe:a9fe]',
    '[::169.254.169.254]',
    '[64:ff9b::169.254.169.254]',
    '[64:ff9b:1::a9fe:a9fe]',
    '[2002:a9fe:a9fe::]',
    '[fe80::a9fe:a9fe]',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
  ])('is no endpoint, with PRIVATE_ADDRESSES=allow either: %s', (host) => {
    for (const reach of reaches) {
      for (const url of [`https://${host}/latest/meta-data`, `http://${host}:8080/`]) {
        expect(readCallbackUrl(url, reach, [])).toMatchObject({ code: 'ADDRESS_NOT_ALLOWED' })
      }
    }
  })

  test('nor any other link-local address', () => {
    const address = fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => `169.254.${a}.${b}`)
    fc.assert(
      fc.property(address, fc.constantFrom(...reaches), (one, reach) => {
        expect(isReachable(one, reach)).toBe(false)
      }),
    )
  })
})

describe('the URL of an endpoint', () => {
  test.each([
    'https://example.com/hooks',
    'https://example.com',
    'https://example.com:8443/a?b=c',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/',
  ])('is accepted: %s', (url) => {
    expect(readCallbackUrl(url, 'PUBLIC', [])).toBe(new URL(url).href)
  })

  test.each([
    // The same host in every notation that a URL can have.
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0x7f.0.0.1/',
    'https://0177.0.0.1/',
    'https://017700000001/',
    'https://①②⑦.0.0.1/',
    'https://127.0.0.1./',
    'https://%31%32%37.0.0.1/',
    'https://[::1]/',
    'https://[0:0:0:0:0:0:0:1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://localhost/',
    'https://LOCALHOST/',
    'https://localhost./',
    'https://hooks.localhost/',
    'https://10.0.0.1/',
    'https://0xA9FEA9FE/latest/meta-data',
    'https://169.254.169.254/',
    'https://192.168.0.1/',
    'https://0/',
    'https://[::]/',
    'https://[fe80::1]/',
    'https://[fd12::1]/',
    'https://224.0.0.1/',
    'http://example.com/',
  ])('is refused with ADDRESS_NOT_ALLOWED: %s', (url) => {
    expect(readCallbackUrl(url, 'PUBLIC', ['input', 'url'])).toMatchObject({
      code: 'ADDRESS_NOT_ALLOWED',
      path: ['input', 'url'],
    })
  })

  test.each([
    'example.com',
    '/hooks',
    '',
    'ftp://example.com/',
    'javascript:alert(1)',
    'file:///etc/passwd',
    'https://',
    'https://user@example.com/',
    'https://user:secret@example.com/',
    'https://:secret@example.com/',
    'https://example.com/#part',
    'https://example.com:22/',
    'https://example.com:25/',
    'https://example.com:0/',
    'https://example.com:65536/',
    `https://example.com/${'a'.repeat(2048)}`,
  ])('is refused with BAD_VALUE: %s', (url) => {
    expect(readCallbackUrl(url, 'PRIVATE', ['input', 'url'])).toMatchObject({
      code: 'BAD_VALUE',
      path: ['input', 'url'],
    })
  })

  test.each<{ url: string; reach: Reach; taken: boolean }>([
    { url: 'http://127.0.0.1:9000/', reach: 'PUBLIC', taken: false },
    { url: 'http://127.0.0.1:9000/', reach: 'LOOPBACK', taken: true },
    { url: 'http://localhost:9000/', reach: 'LOOPBACK', taken: true },
    { url: 'http://[::1]:9000/', reach: 'LOOPBACK', taken: true },
    { url: 'http://example.com/', reach: 'LOOPBACK', taken: false },
    { url: 'https://10.0.0.1/', reach: 'LOOPBACK', taken: false },
    { url: 'http://169.254.169.254/', reach: 'LOOPBACK', taken: false },
    { url: 'http://10.0.0.1/', reach: 'PRIVATE', taken: true },
    { url: 'http://0.0.0.0/', reach: 'PRIVATE', taken: false },
  ])('$url under $reach: accepted $taken', ({ url, reach, taken }) => {
    expect(typeof readCallbackUrl(url, reach, []) === 'string').toBe(taken)
  })
})
