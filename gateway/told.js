// Runs a command that may take long or hang: bounded, tried again, and never silent. Plain JavaScript, for
// prepare.js.

import { spawn } from 'node:child_process'

/**
 * Resolves with null when the command ended with 0, else with why its last try failed: "ended with 1". A try
 * that takes longer than `withinMs` is ended together with what it has started. `tell` receives lines.
 */
export async function runTold(command, args, options) {
  const { name, triesMax, tell } = options
  for (let tries = 1; ; tries++) {
    const failure = await runOnce(command, args, options)
    if (failure === null || tries === triesMax) return failure
    tell(`${name} ${failure}: trying again (${tries + 1} of ${triesMax})`)
  }
}

function runOnce(command, args, { name, cwd, env, withinMs, tellEveryMs, tell }) {
  const startedAtMs = performance.now()
  const seconds = () => Math.round((performance.now() - startedAtMs) / 1000)
  // A group of its own, so that what npm has started ends with it.
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'], detached: true })
  const telling = setInterval(() => tell(`${name} runs: ${seconds()} s`), tellEveryMs)
  let isLate = false
  const ending = setTimeout(() => {
    isLate = true
    end('SIGKILL')
  }, withinMs)
  const end = (signal) => {
    try {
      process.kill(-child.pid, signal)
    } catch {
      // It has ended by itself.
    }
  }
  // Several may run at the same time: all of them end with this process.
  const endWithThis = () => end('SIGTERM')
  const interrupt = () => process.exit(130)
  process.once('exit', endWithThis)
  process.once('SIGINT', interrupt)
  return new Promise((resolve) => {
    const finish = (failure) => {
      clearInterval(telling)
      clearTimeout(ending)
      process.off('exit', endWithThis)
      process.off('SIGINT', interrupt)
      resolve(failure)
    }
    child.once('error', ({ message }) => finish(`could not be run (${message})`))
    child.once('close', (code, signal) => {
      if (isLate) finish(`has not ended within ${withinMs / 1000} s`)
      else finish(code === 0 ? null : `ended with ${code ?? signal}`)
    })
  })
}
