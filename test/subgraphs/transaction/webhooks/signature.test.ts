import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import {
  isSecret,
  liveSecrets,
  newSecret,
  signatureHeaders,
} from '../../../../subgraphs/transaction/webhooks/signature.ts'

const lasting = (secret: string) => ({ secret, notAfter: null })

describe('a signature', () => {
  test('is taken by the reference implementation of Standard Webhooks, whatever the message', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.json(), fc.uint8Array({ minLength: 24, maxLength: 64 }), (id, body, key) => {
        const secret = `whsec_${Buffer.from(key).toString('base64')}`
        const headers = signatureHeaders(id, new Date(), body, [lasting(secret)])
        expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body))
      }),
    )
  })

  test('is the one that the specification shows', () => {
    // standard-webhooks/standard-webhooks, spec/standard-webhooks.md, and the libraries' own test vector.
    const at = new Date(1_614_265_330_000)
    const headers = signatureHeaders('msg_p5jXN8AQM9LWM0D4loKWxJek', at, '{"test": 2432232314}', [
      lasting('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'),
    ])
    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })

  test('is not taken when a byte of the body is another', () => {
    const secret = newSecret()
    const headers = signatureHeaders('1_a', new Date(), '{"amount":"1.00"}', [lasting(secret)])
    expect(() => new Webhook(secret).verify('{"amount":"9.00"}', headers)).toThrow('No matching signature')
  })

  test('is made with each secret while they rotate, and either is enough to check it', () => {
    const [old, fresh] = [newSecret(), newSecret()]
    const headers = signatureHeaders('1_a', new Date(), '{}', [lasting(old), lasting(fresh)])
    expect(headers['webhook-signature'].split(' ')).toHaveLength(2)
    for (const secret of [old, fresh]) expect(new Webhook(secret).verify('{}', headers)).toEqual({})
    expect(() => new Webhook(newSecret()).verify('{}', headers)).toThrow('No matching signature')
  })

  test('is never made without a secret, or with a malformed one', () => {
    expect(() => signatureHeaders('1_a', new Date(), '{}', [])).toThrow('no secret')
    expect(() => signatureHeaders('1_a', new Date(), '{}', [lasting('hunter2')])).toThrow(/^(?!.*hunter2)/s)
  })
})

describe('a secret', () => {
  test('is new each time, and well formed', () => {
    const made = Array.from({ length: 100 }, newSecret)
    expect(new Set(made).size).toBe(100)
    expect(made.every(isSecret)).toBe(true)
  })

  test.each([
    ['24 bytes', `whsec_${Buffer.alloc(24).toString('base64')}`, true],
    ['64 bytes', `whsec_${Buffer.alloc(64).toString('base64')}`, true],
    ['23 bytes', `whsec_${Buffer.alloc(23).toString('base64')}`, false],
    ['65 bytes', `whsec_${Buffer.alloc(65).toString('base64')}`, false],
    ['no prefix', Buffer.alloc(32).toString('base64'), false],
    ['not base64', `whsec_${'?'.repeat(40)}`, false],
    ['nothing', '', false],
  ])('of %s: %s is one: %s', (_, text, is) => {
    expect(isSecret(text)).toBe(is)
  })

  test('signs until its end, and not at its end', () => {
    const end = new Date(1000)
    const secrets = [{ secret: 'a', notAfter: end }, lasting('b')]
    expect(liveSecrets(secrets, new Date(999)).map(({ secret }) => secret)).toEqual(['a', 'b'])
    expect(liveSecrets(secrets, end).map(({ secret }) => secret)).toEqual(['b'])
  })
})
