// Serves a supergraph by the web server of the hub, with one caller and without MongoDB.

import { pino } from 'pino'
import { readConfig } from '../../gateway/config/config.ts'
import { createReadiness } from '../../gateway/http/health.ts'
import { startServer } from '../../gateway/http/server.ts'
import type { Identity } from '../../gateway/identity/identity.ts'
import { createAdmission } from '../../gateway/protocol/admission.ts'
import type { Supergraph } from '../../gateway/supergraph/index.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { anId } from '../../test/fixtures/an-id.ts'

/** Resolves with the address of its operations. */
export async function serveSupergraph(supergraph: Supergraph): Promise<string> {
  const viewer: Viewer = { participant: anId('bench'), scopes: new Set(), key: 'bench' }
  const server = await startServer({
    config: readConfig({ PORT: '0' }),
    readiness: createReadiness(),
    logger: pino({ level: 'silent' }),
  })
  const identity: Identity = {
    find: () => viewer,
    isValid: () => true,
    onChange: () => () => {},
    close: () => {},
  }
  server.open({ supergraph, admission: createAdmission(supergraph), identity })
  return `${server.url}/graphql`
}
