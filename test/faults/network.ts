// A network of namespaces for the members of a replica set: each reaches the others over a bridge that only
// this machine has, and so do the hubs. One member can be cut off from the others while the hubs reach it.

import { execFileSync } from 'node:child_process'

const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })

export interface Network {
  /** The address of member 0, 1 or 2. */
  addressOf(member: number): string
  /** The command line prefix that runs a program as that member. */
  prefixOf(member: number): readonly string[]
  /** Nothing that a member sends arrives at the others, until `join`. */
  cutOff(member: number): void
  join(member: number): void
  close(): void
}

export const hasNetworks = (): boolean => {
  try {
    ip('netns', 'add', 'faults-probe')
    ip('netns', 'del', 'faults-probe')
    return true
  } catch {
    return false
  }
}

export function openNetwork(size: number): Network {
  const bridge = 'faults-br'
  const name = (member: number) => `faults-${member}`
  const addressOf = (member: number) => `10.213.77.${member + 1}`
  const inside = (member: number, ...args: string[]) => ip('netns', 'exec', name(member), 'ip', ...args)
  const members = Array.from({ length: size }, (_, n) => n)
  const close = (): void => {
    for (const member of members) tried(() => ip('netns', 'del', name(member)))
    tried(() => ip('link', 'del', bridge))
  }
  // Left by a run that was killed.
  close()
  ip('link', 'add', bridge, 'type', 'bridge')
  ip('addr', 'add', '10.213.77.254/24', 'dev', bridge)
  ip('link', 'set', bridge, 'up')
  for (const member of members) {
    ip('netns', 'add', name(member))
    ip('link', 'add', `faults-v${member}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name(member))
    ip('link', 'set', `faults-v${member}`, 'master', bridge, 'up')
    inside(member, 'addr', 'add', `${addressOf(member)}/24`, 'dev', 'eth0')
    inside(member, 'link', 'set', 'eth0', 'up')
    inside(member, 'link', 'set', 'lo', 'up')
  }
  const others = (member: number) => members.filter((other) => other !== member)
  return {
    addressOf,
    prefixOf: (member) => ['ip', 'netns', 'exec', name(member)],
    cutOff(member) {
      for (const other of others(member))
        inside(member, 'route', 'add', 'blackhole', `${addressOf(other)}/32`)
    },
    join(member) {
      for (const other of others(member))
        inside(member, 'route', 'del', 'blackhole', `${addressOf(other)}/32`)
    },
    close,
  }
}

function tried(run: () => void): void {
  try {
    run()
  } catch {
    // There was nothing to delete.
  }
}
