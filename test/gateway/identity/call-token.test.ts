import { describe, expect, test } from 'vitest'
import { createCallTokens } from '../../../gateway/identity/call-token.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'
import type { Viewer } from '../../../subgraphs/shared/viewer.ts'

const viewer: Viewer = {
  participant: 'wallet-sg-01' as ParticipantId,
  scopes: new Set(['payments:read', 'payments:write'] as const),
  key: 'till 7',
}
const anonymous: Viewer = { participant: '' as ParticipantId, scopes: new Set(), key: '' }
const [a, b] = ['a', 'b'].map((letter) => letter.repeat(32)) as [string, string]
const at = (ms: number) => () => new Date(1_700_000_000_000 + ms)

describe('the token of a call', () => {
  test.each([
    { whose: 'a key', of: viewer },
    { whose: 'no key', of: anonymous },
  ])('gives the viewer of $whose back', async ({ of }) => {
    const tokens = createCallTokens([a], at(0))
    expect(await tokens.find(await tokens.sign(of))).toEqual(of)
  })

  test('is signed once for the calls of 15 s, and then again', async () => {
    let ms = 0
    const tokens = createCallTokens([a], () => at(ms)())
    const first = await tokens.sign(viewer)
    ms = 14_999
    expect(tokens.sign(viewer)).toBe(first)
    ms = 15_000
    expect(await tokens.sign(viewer)).not.toBe(first)
  })

  test.each([
    { afterMs: 29_000, accepted: true },
    { afterMs: 36_000, accepted: false },
  ])('is accepted after $afterMs ms: $accepted', async ({ afterMs, accepted }) => {
    const token = await createCallTokens([a], at(0)).sign(viewer)
    expect((await createCallTokens([a], at(afterMs)).find(token)) !== null).toBe(accepted)
  })

  test('that is cached is not accepted after its time either', async () => {
    let ms = 0
    const tokens = createCallTokens([a], () => at(ms)())
    const token = await tokens.sign(viewer)
    expect(await tokens.find(token)).toEqual(viewer)
    ms = 36_000
    expect(await tokens.find(token)).toBeNull()
  })

  test.each([undefined, 'Bearer demo-operator', 'Basic abc', 'Bearer a.b.c', 7])(
    '%j is none',
    async (authorization) => {
      expect(await createCallTokens([a], at(0)).find(authorization)).toBeNull()
    },
  )

  test('of which one character was changed is refused', async () => {
    const tokens = createCallTokens([a], at(0))
    const header = await tokens.sign(viewer)
    const [start, payload, signature] = header.split('.') as [string, string, string]
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
    const richer = Buffer.from(JSON.stringify({ ...claims, scope: 'operator' })).toString('base64url')
    expect(await tokens.find(`${start}.${richer}.${signature}`)).toBeNull()
  })
})

test('a secret is replaced without a refused call: added at the end, moved to the front, removed', async () => {
  const steps = [[a], [a, b], [b, a], [b]]
  // Processes are changed one after another, so that neighbouring steps run together.
  for (let n = 0; n + 1 < steps.length; n++) {
    const [earlier, later] = [steps[n]!, steps[n + 1]!].map((secrets) => createCallTokens(secrets, at(0)))
    expect(await later!.find(await earlier!.sign(viewer))).toEqual(viewer)
    expect(await earlier!.find(await later!.sign(viewer))).toEqual(viewer)
  }
  const [first, last] = [createCallTokens(steps[0]!, at(0)), createCallTokens(steps[3]!, at(0))]
  expect(await last.find(await first.sign(viewer))).toBeNull()
})
