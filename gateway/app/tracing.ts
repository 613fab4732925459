// Turns traces on where the settings have a receiver for them. Without one, nothing of OpenTelemetry is
// loaded.

import type { Logger } from '../../subgraphs/platform/logger.ts'
import { tracingOptions, type Config, type Role } from '../config/config.ts'

/** Makes traces in this process until it is closed, by its settings. `part` is what the process runs. */
export async function openTracing(
  config: Config,
  part: Role | null,
  logger: Pick<Logger, 'warn'>,
): Promise<{ close(): Promise<void> }> {
  const options = tracingOptions(config, part)
  if (!options) return { close: async () => {} }
  const { startTracing } = await import('../telemetry/tracing.ts')
  return startTracing({ ...options, logger })
}
