// Six projects. A file belongs to one by the end of its name, and `test/architecture.test.ts` checks that
// it needs no more than that project starts.

import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { compileCacheDir } from '../gateway/config/compile-cache.ts'
import { LongestFirst } from './harness/longest-first.ts'

// Workers, and the processes that they start, load what was compiled before.
process.env.NODE_COMPILE_CACHE ??= compileCacheDir

const mongod = 'test/harness/global-setup.ts'
const demo = [mongod, 'test/harness/demo-data.ts']

/** Random documents, data sets, weeks of payments, other processes; no MongoDB: too long for every change. */
const long = [
  'test/gateway/supergraph/{apollo-gateway,features,remote-calls,same-response,worst-operation}.test.ts',
  'test/gateway/{cli/dependencies,conformance/conformance,joining/graph-checker}.test.ts',
  'test/subgraphs/analytics/alert-method.test.ts',
  'test/subgraphs/merchant/bulk-rows.test.ts',
  'test/{dataset,simulation}/*.test.ts',
]

/** Hubs that are measured, and mostly wait: two files at a time, and nothing else beside them. */
const alone = ['test/hub/outage-of-*.hub.test.ts', 'test/gateway/http/server.hub.test.ts']

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    // Node runs the TypeScript itself, as it does for `npm start`.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    setupFiles: ['test/harness/seed.ts'],
    // Files of one worker share the modules that they import; importing them again for each file takes a
    // third of the run.
    isolate: false,
    maxWorkers: Math.min(4, availableParallelism()),
    sequence: { sequencer: LongestFirst },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.{mongo,hub,browser}.test.ts', ...long],
        },
      },
      {
        extends: true,
        test: { name: 'long', include: long, exclude: ['test/**/*.mongo.test.ts'] },
      },
      {
        extends: true,
        test: { name: 'mongo', include: ['test/**/*.mongo.test.ts'], globalSetup: mongod },
      },
      {
        extends: true,
        test: {
          name: 'hub',
          include: ['test/**/*.hub.test.ts'],
          exclude: alone,
          globalSetup: demo,
          // A hub is several processes by itself, and waits more than it computes.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          // A hub starts in seconds, or in a minute on a busy machine.
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: alone,
          globalSetup: demo,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['test/**/*.browser.test.ts'],
          globalSetup: [...demo, 'test/portal/build.ts'],
          // After the hubs, for the same reason: a browser is several processes too. A page waits for its hub
          // half of the time, so two files take little more than one.
          maxWorkers: 2,
          sequence: { groupOrder: 3 },
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
})
