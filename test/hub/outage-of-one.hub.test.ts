// A MongoDB of one member. Each fault lasts for seconds, because what is measured is how long requests take
// meanwhile.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { choosePort } from '../../gateway/mongod/port.ts'
import { urlOf } from './child.ts'
import { aFilledSet, aLoadedHub, expectTimely } from './outage.ts'

const faultMs = 8_000

describe('while MongoDB', async () => {
  const set = await aFilledSet(1)

  test('is away, a start waits for it, and reports it', async () => {
    const [member] = set.members
    await member!.kill()
    const port = await choosePort(undefined, undefined)
    const hub = set.hub({ PORT: String(port) })
    await hub.line('does not answer yet: waiting for it')
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
    expect([answer.status, await answer.json()]).toMatchObject([503, { reasons: { hub: 'starting' } }])
    member!.start()
    await urlOf(hub)
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200)
  })

  test.each([
    ['stands still', 'freeze', 'thaw'],
    ['is killed', 'kill', 'start'],
  ] as const)('%s, each request is answered in time, and payments work soon after', async (_, hurt, heal) => {
    const { load, url } = await aLoadedHub(set, hurt)
    const [member] = set.members
    const hurtAt = performance.now()
    await member![hurt]()
    await sleep(faultMs)
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
    member![heal]()
    await set.primary()
    const healedAt = performance.now()
    const backMs = (await load.firstSuccess('submit', healedAt - 1_000)) - healedAt
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 10_000 }).toBe(200)
    expectTimely(await load.end(), hurtAt, backMs)
  })
})
