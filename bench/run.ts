// npm run bench -- NAME: runs bench/NAME/bench.ts, or prints the available names.

import { existsSync, readdirSync } from 'node:fs'

const folder = new URL('.', import.meta.url)
const names = readdirSync(folder).filter((name) => existsSync(new URL(`${name}/bench.ts`, folder)))
const [name] = process.argv.slice(2)
if (name === undefined || !names.includes(name)) {
  console.log(`usage: npm run bench -- NAME, where NAME is one of: ${names.join(', ')}`)
  process.exitCode = name === undefined ? 0 : 2
} else {
  const { bench } = (await import(new URL(`${name}/bench.ts`, folder).href)) as { bench(): Promise<void> }
  await bench()
}
