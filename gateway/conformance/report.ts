// Runs the checks of some capabilities, and reports them like a certification: one line a check, one
// verdict a capability.

import { checks, type CheckedCapability } from './checks.ts'
import type { Probe } from './probe.ts'

export interface CheckResult {
  readonly id: string
  readonly claim: string
  readonly outcome: 'ok' | 'FAILED' | 'skipped'
  /** What was wrong, or why the check could not run; null when it holds. */
  readonly why: string | null
}

export interface CapabilityReport {
  readonly capability: CheckedCapability
  readonly participant: string
  readonly url: string
  readonly at: string
  /** True when no check failed. */
  readonly passed: boolean
  readonly results: readonly CheckResult[]
}

/** Runs every check of `capability`, one after another. */
export async function examine(
  capability: CheckedCapability,
  probe: Probe,
  now: Date,
): Promise<CapabilityReport> {
  const results: CheckResult[] = []
  for (const { id, claim, run, whyNot } of checks[capability]) {
    const skipped = whyNot?.(probe) ?? null
    const why = skipped ?? (await run(probe))
    results.push({ id, claim, outcome: skipped ? 'skipped' : why === null ? 'ok' : 'FAILED', why })
  }
  const { participant, url } = probe.subject
  const passed = results.every(({ outcome }) => outcome !== 'FAILED')
  return { capability, participant, url, at: now.toISOString(), passed, results }
}

/** The report as text. */
export function reportText({ capability, participant, url, at, passed, results }: CapabilityReport): string {
  const count = results.filter(({ outcome }) => outcome === 'ok').length
  return [
    `${capability} of ${participant} at ${url}, ${at}`,
    ...results.flatMap(({ id, claim, outcome, why }) => [
      `  ${outcome.padEnd(7)} ${id.padEnd(26)} ${claim}`,
      ...(why === null ? [] : [`${' '.repeat(36)}${why}`]),
    ]),
    `  ${passed ? 'PASSED' : 'NOT PASSED'}: ${count} of ${results.length} checks hold`,
  ].join('\n')
}
