import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/harness/global-setup.ts',
    // Node runs the TypeScript itself, as it does for `npm start`.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    setupFiles: ['test/harness/seed.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
  },
})
