// A replica set of three whose primary is lost.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, test } from 'vitest'
import { aFilledSet, aLoadedHub, expectTimely } from './outage.ts'

describe('while the primary of three', async () => {
  const set = await aFilledSet(3)

  test.each([
    ['stands still', 'freeze', 'thaw'],
    ['is killed', 'kill', 'start'],
  ] as const)('%s, each request is answered in time, and the next one serves', async (_, hurt, heal) => {
    const { load } = await aLoadedHub(set, hurt)
    const primary = await set.primary()
    const hurtAt = performance.now()
    await primary[hurt]()
    await sleep(2_000)
    const backMs = (await load.firstSuccess('submit', hurtAt + 500)) - hurtAt
    primary[heal]()
    await sleep(2_000)
    expectTimely(await load.end(), hurtAt, backMs)
  })
})
