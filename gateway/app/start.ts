// Starts what one process runs.

import type { Config, Role } from '../config/config.ts'
import { startDistributed } from './distributed.ts'
import { startHub, type Hub, type HubOptions } from './hub.ts'
import { startSubgraphProcess } from './subgraph-process.ts'

/** Starts the part of the hub that `role` names; with null, all of it in this process. */
export function startProcess(
  role: Role | 'distributed' | null,
  config: Config,
  options: HubOptions,
): Promise<Hub> {
  if (role === null) return startHub(config, options)
  if (role === 'distributed') return startDistributed(config, options)
  if (role === 'gateway') return startHub(config, { ...options, hasOwnSubgraphs: false })
  return startSubgraphProcess(role, config, options)
}
