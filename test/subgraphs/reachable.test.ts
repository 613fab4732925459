import { describe, expect, test } from 'vitest'
import { isPrivateAddress, readReachableUrl } from '../../subgraphs/reachable.ts'

const path = ['input', 'url']

describe('an address that the hub may send to', () => {
  test.each([
    ['https://wallet.example/hub?of=1', 'https://wallet.example/hub?of=1'],
    ['HTTPS://Wallet.Example', 'https://wallet.example/'],
    ['https://8.8.8.8:8443/', 'https://8.8.8.8:8443/'],
    ['https://[2606:4700::1111]/', 'https://[2606:4700::1111]/'],
  ])('is %s', (text, url) => {
    expect(readReachableUrl(text, false, path)).toBe(url)
  })

  test.each([
    'http://wallet.example/',
    'https://localhost/',
    'https://hub.localhost./',
    'https://mongo/',
    'https://mongo.internal/',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://192.168.1.1/',
    'https://[::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://[fd00::1]/',
    'https://[fe80::1]/',
  ])('is %s only where the operator allows it', (text) => {
    expect(readReachableUrl(text, false, path)).toMatchObject({ code: 'BAD_VALUE', path })
    expect(readReachableUrl(text, true, path)).toBe(new URL(text).href)
  })

  test.each([
    '',
    'wallet.example',
    'ftp://wallet.example/',
    'javascript:alert(1)',
    'https://me:secret@wallet.example/',
    'https://me@wallet.example/',
    'https://wallet.example/#top',
    `https://wallet.example/${'x'.repeat(2000)}`,
  ])('is never %s', (text) => {
    for (const allows of [false, true]) {
      const refusal = readReachableUrl(text, allows, path)
      expect(refusal).toMatchObject({ code: 'BAD_VALUE', path })
      expect(JSON.stringify(refusal)).not.toContain('secret')
    }
  })

  test('is told from private ones by its number, of either version', () => {
    expect(['10.0.0.1', '172.31.255.255', '100.64.0.1', '::1', 'fdff::1'].map(isPrivateAddress)).toEqual(
      Array(5).fill(true),
    )
    expect(['172.32.0.1', '9.255.255.255', '100.128.0.1', '2001:4860::8888'].map(isPrivateAddress)).toEqual(
      Array(4).fill(false),
    )
    expect(() => isPrivateAddress('wallet.example')).toThrow(TypeError)
  })
})
