import type { Reporter, TestCase } from 'vitest/node'

/** Prints the tests that passed at their second attempt, as CI allows one: each is a defect. */
export default class FlakyReporter implements Reporter {
  readonly #flaky: string[] = []

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky) this.#flaky.push(`${test.module.relativeModuleId} > ${test.fullName}`)
  }

  onTestRunEnd(): void {
    for (const name of this.#flaky) console.log(`passed at the second attempt: ${name}`)
  }
}
