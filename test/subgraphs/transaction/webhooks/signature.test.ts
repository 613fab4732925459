import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { newSigningSecret } from '../../../../subgraphs/shared/signing-secret.ts'
import { signatureHeaders } from '../../../../subgraphs/transaction/webhooks/signature.ts'

const withoutExpiry = (secret: string) => ({ secret, notAfter: null })

describe('a signature', () => {
  test('is verified by the reference implementation of Standard Webhooks, for any message', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.json(), fc.uint8Array({ minLength: 24, maxLength: 64 }), (id, body, key) => {
        const secret = `whsec_${Buffer.from(key).toString('base64')}`
        const headers = signatureHeaders(id, new Date(), body, [withoutExpiry(secret)])
        expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body))
      }),
    )
  })

  test('equals the example of the specification', () => {
    // standard-webhooks/standard-webhooks, spec/standard-webhooks.md, and the libraries' own test vector.
    const at = new Date(1_614_265_330_000)
    const headers = signatureHeaders('msg_p5jXN8AQM9LWM0D4loKWxJek', at, '{"test": 2432232314}', [
      withoutExpiry('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'),
    ])
    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })

  test('is not verified when a byte of the body has changed', () => {
    const secret = newSigningSecret()
    const headers = signatureHeaders('1_a', new Date(), '{"amount":"1.00"}', [withoutExpiry(secret)])
    expect(() => new Webhook(secret).verify('{"amount":"9.00"}', headers)).toThrow('No matching signature')
  })

  test('is made with each secret during a rotation, and either secret verifies it', () => {
    const [old, rotated] = [newSigningSecret(), newSigningSecret()]
    const headers = signatureHeaders('1_a', new Date(), '{}', [withoutExpiry(old), withoutExpiry(rotated)])
    expect(headers['webhook-signature'].split(' ')).toHaveLength(2)
    for (const secret of [old, rotated]) expect(new Webhook(secret).verify('{}', headers)).toEqual({})
    expect(() => new Webhook(newSigningSecret()).verify('{}', headers)).toThrow('No matching signature')
  })

  test('is never made without a secret, or with a malformed one', () => {
    expect(() => signatureHeaders('1_a', new Date(), '{}', [])).toThrow('no secret')
    expect(() => signatureHeaders('1_a', new Date(), '{}', [withoutExpiry('hunter2')])).toThrow(
      /^(?!.*hunter2)/s,
    )
  })
})
