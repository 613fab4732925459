// Reads what a process id belongs to, so that no process is ended because of an outdated file.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

export interface ProcessInfo {
  readonly parent: number
  /** The command line: arguments separated by spaces, and a space at the end. */
  readonly command: string
}

/** The running process `pid`; null when there is none. */
export function processInfo(pid: number): ProcessInfo | null {
  try {
    return existsSync('/proc/self/stat') ? fromProc(pid) : fromPs(pid)
  } catch {
    return null
  }
}

function fromProc(pid: number): ProcessInfo | null {
  // The name in parentheses may itself hold spaces and parentheses; state and parent are the fields after it.
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (state === 'Z') return null // It has ended, and its parent has not read its exit code yet.
  return {
    parent: Number(parent),
    command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '),
  }
}

function fromPs(pid: number): ProcessInfo {
  const line = execFileSync('ps', ['-o', 'ppid=,command=', '-p', String(pid)], { encoding: 'utf8' })
  const [, parent, command] = /^\s*(\d+) (.*)/.exec(line)!
  return { parent: Number(parent), command: `${command} ` }
}
