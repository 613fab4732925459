import { expect, test } from 'vitest'
import { freshDatabase } from '../harness/mongo.ts'
import { hubProcesses, type Run } from './child.ts'
import { HubClient } from './client.ts'

const run = hubProcesses(await freshDatabase())
const roles = ['merchant', 'participant', 'transaction', 'analytics', 'gateway']

/** Starts all processes; the URL of the gateway, and the ids of the others by role. */
async function startAll(): Promise<{ all: Run; client: HubClient; pids: Map<string, number> }> {
  const all = run({}, 'main.ts', 'distributed')
  const ready = await all.line('Crossgate runs in processes of its own')
  const pids = new Map<string, number>()
  for (const role of roles) {
    const [, pid] = /process is (\d+) at/.exec(await all.line(`the ${role} process is`))!
    pids.set(role, Number(pid))
  }
  return { all, client: new HubClient(/http:[^\s"]+/.exec(ready)![0], 'demo-operator'), pids }
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('one command starts all processes, starts a subgraph again that ends, and ends them with itself', async () => {
  const { all, client, pids } = await startAll()
  const document = '{ transactions(first: 1) { edges { node { id } } } }'
  expect(await client.query(document)).toMatchObject({
    data: { transactions: { edges: [expect.anything()] } },
  })

  process.kill(pids.get('transaction')!, 'SIGKILL')
  await all.line('the transaction process ended with SIGKILL: it is started again')
  await expect.poll(async () => (await client.query(document)).errors, { timeout: 60_000 }).toBeUndefined()

  all.process.kill('SIGTERM')
  expect(await all.exit).toBe(0)
  expect([...pids.values()].filter(isRunning)).toEqual([])
})

test('the processes end when the one that started them is killed', async () => {
  const { all, pids } = await startAll()
  all.process.kill('SIGKILL')
  // Their output is that of the command, so it closes with the last of them.
  await all.exit
  await expect.poll(() => [...pids.values()].filter(isRunning), { timeout: 20_000 }).toEqual([])
})

test('a process of its own needs the MongoDB that it shares, and a name that there is', async () => {
  const alone = run({ MONGODB_URI: '' }, 'main.ts', 'merchant')
  expect(await alone.exit).toBe(1)
  expect(alone.output()).toContain(
    'MONGODB_URI: must be set, because the merchant process shares its database',
  )
  const unknown = run({}, 'main.ts', 'merchants')
  expect(await unknown.exit).toBe(1)
  expect(unknown.output()).toContain(
    'The hub cannot start (COMMAND_INVALID): there is no command "merchants"',
  )
})
