import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSecretBox, plainSecrets, SecretBoxError } from '../../../subgraphs/shared/secret-box.ts'

const [old, newest, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(32, 3)]
const box = createSecretBox([newest])

describe('a stored secret', () => {
  test('opens for its owner, is not readable, and is sealed to another text each time', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (secret, owner) => {
        const sealed = box.seal(secret, owner)
        expect(box.open(sealed, owner)).toBe(secret)
        expect(box.seal(secret, owner)).not.toBe(sealed)
        if (secret.length > 3) expect(sealed).not.toContain(secret)
      }),
    )
  })

  test('does not open for another owner, nor after any change of it', () => {
    const sealed = box.seal('whsec_x', 'webhook:1')
    expect(() => box.open(sealed, 'webhook:2')).toThrow(SecretBoxError)
    const at = sealed.lastIndexOf(':') + 1
    const bytes = Buffer.from(sealed.slice(at), 'base64url')
    for (let n = 0; n < bytes.length; n++) {
      const changed = Buffer.from(bytes)
      changed[n]! ^= 1
      expect(() => box.open(sealed.slice(0, at) + changed.toString('base64url'), 'webhook:1')).toThrow(
        SecretBoxError,
      )
    }
  })

  test('opens with an older key while keys rotate, and is current once it is sealed again', () => {
    const rotating = createSecretBox([newest, old])
    const sealed = createSecretBox([old]).seal('whsec_x', 'webhook:1')
    expect(rotating.open(sealed, 'webhook:1')).toBe('whsec_x')
    expect(rotating.isCurrent(sealed)).toBe(false)
    expect(rotating.isCurrent(rotating.seal('whsec_x', 'webhook:1'))).toBe(true)
  })

  test('names the key that it takes', () => {
    const sealed = box.seal('whsec_x', 'webhook:1')
    const id = sealed.split(':')[1]!
    expect(() => createSecretBox([other]).open(sealed, 'webhook:1')).toThrow(
      `the key ${id}: add it to SECRETS_KEY`,
    )
    expect(() => plainSecrets.open(sealed, 'webhook:1')).toThrow('set SECRETS_KEY')
  })

  test('of a hub without a key stays readable when it gets one', () => {
    const stored = plainSecrets.seal('whsec_x', 'webhook:1')
    expect(box.open(stored, 'webhook:1')).toBe('whsec_x')
    expect(box.isCurrent(stored)).toBe(false)
  })
})
