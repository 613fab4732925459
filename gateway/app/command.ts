// Reads the command line of `gateway/main.ts`.

import { parseArgs } from 'node:util'

/** What a process is to start. */
export type Command = { readonly kind: 'hub' } | { readonly kind: 'gateway'; readonly supergraph: string }

/** The command line is not one that `gateway/main.ts` takes. */
export class CommandError extends Error {
  readonly code = 'COMMAND_INVALID'
  constructor(reason: string) {
    super(`${reason}\n  usage: node gateway/main.ts\n         node gateway/main.ts gateway --supergraph FILE`)
    this.name = 'CommandError'
  }
}

/** Throws CommandError. */
export function readCommand(args: readonly string[]): Command {
  let read
  try {
    const options = { supergraph: { type: 'string' } } as const
    read = parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    throw new CommandError((error as Error).message)
  }
  const { positionals, values } = read
  const [name, ...rest] = positionals
  if (rest.length > 0) throw new CommandError(`unexpected ${rest.join(' ')}`)
  if (name === undefined && values.supergraph === undefined) return { kind: 'hub' }
  if (name !== 'gateway') throw new CommandError(`there is no command ${JSON.stringify(name ?? '')}`)
  if (!values.supergraph) throw new CommandError('gateway takes --supergraph FILE, a composed supergraph')
  return { kind: 'gateway', supergraph: values.supergraph }
}
