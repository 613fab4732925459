// Reads the command line of `gateway/main.ts`.

import { parseArgs } from 'node:util'
import { isRole, type Role } from '../config/config.ts'

/** What a process is to start. */
export type Command =
  /** All of the hub when `part` is null, else a part of it, or each part in a process of its own. */
  | { readonly kind: 'hub'; readonly part: Role | 'distributed' | null }
  /** A gateway of the supergraph in a file. */
  | { readonly kind: 'gateway'; readonly supergraph: string }

/** The command line is not one that `gateway/main.ts` takes. */
class CommandError extends Error {
  readonly code = 'COMMAND_INVALID'
  constructor(reason: string) {
    const parts = 'gateway|participant|merchant|transaction|analytics|distributed'
    super(
      `${reason}\n  usage: node gateway/main.ts [${parts}]\n         node gateway/main.ts gateway --supergraph FILE`,
    )
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
  if (values.supergraph !== undefined) {
    if (name !== 'gateway') throw new CommandError('only gateway takes --supergraph FILE')
    if (values.supergraph === '') throw new CommandError('--supergraph takes a FILE, a composed supergraph')
    return { kind: 'gateway', supergraph: values.supergraph }
  }
  if (name === undefined) return { kind: 'hub', part: null }
  if (name !== 'distributed' && !isRole(name))
    throw new CommandError(`there is no command ${JSON.stringify(name)}`)
  return { kind: 'hub', part: name }
}
