import { describe, expect, test, vi } from 'vitest'
import { hubProcesses, urlOf } from './child.ts'
import { HubClient } from './client.ts'
import { demoDatabase } from './demo-database.ts'

const run = hubProcesses(await demoDatabase())
const document = `{
  offers(near: { lat: 31.23, lng: 121.47, radiusMeters: 50000 }, wallet: "wallet-sg-01") {
    distanceMeters offer { id kind merchant { name city } }
  }
  programme { wallets }
}`

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('the offers of a hub', () => {
  test('are joined from the start, survive the end of their process, and end with the hub', async () => {
    const hub = run({ OFFERS: 'start' })
    const wallet = new HubClient(await urlOf(hub), 'demo-wallet')
    const pidOf = async (n: number): Promise<number> => {
      const lines = () =>
        hub
          .output()
          .split('\n')
          .filter((line) => line.includes('offers subgraph is ready'))
      await vi.waitUntil(() => lines().length >= n, { timeout: 60_000 })
      return (JSON.parse(lines()[n - 1]!) as { pid: number }).pid
    }

    const { data, errors } = await wallet.query(document)
    expect(errors).toBeUndefined()
    expect(data.offers.length).toBeGreaterThan(0)
    expect(data.offers[0]).toMatchObject({
      distanceMeters: expect.any(Number),
      offer: { merchant: { name: expect.any(String), city: expect.any(String) } },
    })

    process.kill(await pidOf(1), 'SIGKILL')
    await hub.line('the process of the offers subgraph has ended')
    expect(await wallet.query(document)).toMatchObject({
      data: { offers: null, programme: { wallets: expect.any(Number) } },
      errors: [{ path: ['offers'], extensions: { code: 'UNAVAILABLE', subgraph: 'offers' } }],
    })
    expect((await wallet.query('{ programme { wallets } }')).errors).toBeUndefined()

    const again = await pidOf(2)
    await vi.waitUntil(async () => (await wallet.query(document)).errors === undefined, { timeout: 60_000 })
    hub.process.kill('SIGTERM')
    expect(await hub.exit).toBe(0)
    expect(isRunning(again)).toBe(false)
  })

  test('end with a hub that is killed', async () => {
    const hub = run({ OFFERS: 'start' })
    await urlOf(hub)
    const line = await hub.line('the offers subgraph is ready')
    const { pid } = JSON.parse(line) as { pid: number }
    expect(isRunning(pid)).toBe(true)
    hub.process.kill('SIGKILL')
    await hub.exit
    await vi.waitUntil(() => !isRunning(pid), { timeout: 60_000 })
  })
})
