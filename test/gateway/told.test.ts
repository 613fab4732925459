import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../harness/temporary-folder.ts'

// Plain JavaScript, which has no types.
const { runTold } = (await import(new URL('../../gateway/told.js', import.meta.url).href)) as {
  runTold(command: string, args: readonly string[], options: object): Promise<string | null>
}

const shell = async (script: string, options: object = {}) => {
  const lines: string[] = []
  const tell = (line: string) => void lines.push(line)
  const bounds = { name: 'the work', withinMs: 20_000, triesMax: 3, tellEveryMs: 60_000, tell, ...options }
  return { failure: await runTold('bash', ['-c', script], bounds), lines }
}

test('a command that fails is tried again, and each try is reported', async () => {
  const file = path.join(temporaryFolder(), 'tries')
  const { failure, lines } = await shell(`echo x >>'${file}'; [ $(wc -l <'${file}') -eq 3 ]`)
  expect(failure).toBeNull()
  expect(lines).toEqual([
    'the work ended with 1: trying again (2 of 3)',
    'the work ended with 1: trying again (3 of 3)',
  ])
})

test('a command that hangs is ended in time, together with what it has started, and is never silent', async () => {
  const file = path.join(temporaryFolder(), 'pid')
  const script = `sleep 600 & echo $! >'${file}'; wait`
  const { failure, lines } = await shell(script, { withinMs: 700, triesMax: 1, tellEveryMs: 200 })
  expect(failure).toBe('has not ended within 0.7 s')
  expect(lines.length).toBeGreaterThanOrEqual(2)
  expect(lines[0]).toMatch(/^the work runs: \d s$/)
  const started = readFileSync(file, 'utf8').trim()
  await expect.poll(() => isRunning(started), { timeout: 10_000 }).toBe(false)
})

/** A process that has ended may still be listed, until its parent has read its end. */
function isRunning(pid: string): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false
  return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

test('a command that is not there is reported', async () => {
  const bounds = { name: 'the work', withinMs: 1_000, triesMax: 1, tellEveryMs: 60_000, tell: () => {} }
  expect(await runTold('no-such-command', [], bounds)).toContain('could not be run')
})
