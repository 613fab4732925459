// The order of test files. Without the times of an earlier run, vitest starts with the largest files; these
// take long whatever their size, and started last they would keep one worker busy while the others wait.

import { BaseSequencer, type TestSpecification } from 'vitest/node'

const long: readonly string[] = [
  'test/docs/docs.hub.test.ts',
  'test/hub/distributed.hub.test.ts',
  'test/hub/process.hub.test.ts',
  'test/hub/live.hub.test.ts',
  'test/hub/start-distributed.hub.test.ts',
  'test/hub/offers.hub.test.ts',
  'test/gateway/mongod/start.hub.test.ts',
  'test/gateway/cli/commands.hub.test.ts',
  'test/hub/idempotency.hub.test.ts',
  'test/subgraphs/transaction/log/sequencer-takeover.hub.test.ts',
  'test/dataset/load.mongo.test.ts',
  'test/gateway/cli/dataset.mongo.test.ts',
  'test/subgraphs/transaction/webhooks/redelivery.mongo.test.ts',
]

/** The long files of each project before its others. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- It is a method of vitest, and files stay as they are.
    const sorted = await super.sort(files)
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = long.findIndex((file) => moduleId.endsWith(file))
      return at < 0 ? long.length : at
    }
    const projects = [...new Set(sorted.map(({ project }) => project))]
    return projects.flatMap((project) =>
      sorted.filter((file) => file.project === project).toSorted((a, b) => rank(a) - rank(b)),
    )
  }
}
