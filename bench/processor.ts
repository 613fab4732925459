// Processor time of a process, from the kernel (Linux).

import { readFileSync } from 'node:fs'

/** Microseconds up to now; the kernel counts them in hundredths of a second. */
export function processorUsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}
