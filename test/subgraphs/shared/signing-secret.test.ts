import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  expireSecrets,
  newSigningSecret,
  signingKey,
  validSecrets,
} from '../../../subgraphs/shared/signing-secret.ts'

const at = (ms: number) => new Date(ms)

describe('signing secrets', () => {
  test('are new each time, with a key of 32 bytes', () => {
    const secrets = Array.from({ length: 100 }, newSigningSecret)
    expect(new Set(secrets).size).toBe(100)
    expect(secrets.map((secret) => signingKey(secret).length)).toEqual(secrets.map(() => 32))
  })

  test.each([
    { what: 'no prefix', secret: Buffer.alloc(32).toString('base64') },
    { what: 'too short', secret: `whsec_${Buffer.alloc(23).toString('base64')}` },
    { what: 'too long', secret: `whsec_${Buffer.alloc(65).toString('base64')}` },
    { what: 'empty', secret: '' },
    { what: 'not base64', secret: `whsec_${'?'.repeat(44)}` },
  ])('are rejected when malformed: $what', ({ secret }) => {
    expect(() => signingKey(secret)).toThrow('a signing secret is')
  })

  test.each([24, 64])('may have a key of %i bytes', (length) => {
    const key = Buffer.alloc(length)
    expect(signingKey(`whsec_${key.toString('base64')}`)).toEqual(key)
  })

  test('are valid before their expiry, and always when they have none', () => {
    const secrets = [
      { secret: 'a', notAfter: at(1000) },
      { secret: 'b', notAfter: null },
    ]
    expect(validSecrets(secrets, at(999)).map(({ secret }) => secret)).toEqual(['a', 'b'])
    expect(validSecrets(secrets, at(1000)).map(({ secret }) => secret)).toEqual(['b'])
  })

  test('keep signing through a rotation, no longer than the overlap nor than before', () => {
    const expiry = fc.option(fc.integer({ min: 0, max: 100 }))
    fc.assert(
      fc.property(
        fc.array(expiry),
        fc.integer({ min: 0, max: 100 }),
        fc.nat(50),
        (expiries, now, overlapMs) => {
          const secrets = expiries.map((ms, n) => ({ secret: `${n}`, notAfter: ms === null ? null : at(ms) }))
          const left = expireSecrets(secrets, overlapMs, at(now))
          for (let ms = now; ms < 160; ms++) {
            const signing = validSecrets(secrets, at(ms)).filter(() => ms < now + overlapMs)
            expect(validSecrets(left, at(ms)).map(({ secret }) => secret)).toEqual(
              signing.map(({ secret }) => secret),
            )
          }
          if (overlapMs === 0) expect(left).toEqual([])
        },
      ),
    )
  })
})
