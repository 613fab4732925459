// Serves a supergraph by the web server of the hub, with one caller and without MongoDB.

import { pino } from 'pino'
import { readConfig } from '../../gateway/config/config.ts'
import { createReadiness } from '../../gateway/http/health.ts'
import { startServer } from '../../gateway/http/server.ts'
import { createIdentity } from '../../gateway/identity/without-database.ts'
import { createAdmission } from '../../gateway/protocol/admission.ts'
import type { Supergraph } from '../../gateway/supergraph/index.ts'
import { benchKey } from './keys.ts'

/** Resolves with the address of its operations. */
export async function serveSupergraph(supergraph: Supergraph): Promise<string> {
  const server = await startServer({
    config: readConfig({ PORT: '0' }),
    readiness: createReadiness(),
    logger: pino({ level: 'silent' }),
  })
  const identity = createIdentity({
    keys: new Map([[benchKey, 'bench']]),
    tokens: null,
    keptHeaders: new Set(),
  })
  server.open({ supergraph, admission: createAdmission(supergraph), identity })
  return `${server.url}/graphql`
}
