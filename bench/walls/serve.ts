// Serves the engine's benchmark with keys, scopes, cost and limits, or with none of them:
// `node bench/walls/serve.ts walls|bare` prints its URL and runs until SIGTERM.

import { pino } from 'pino'
import { callerLimits, readConfig } from '../../gateway/config/config.ts'
import { createReadiness } from '../../gateway/http/health.ts'
import { startServer } from '../../gateway/http/server.ts'
import { accessOf } from '../../gateway/identity/access.ts'
import { createCallerLimits } from '../../gateway/identity/caller-limits.ts'
import { openIdentity, type Identity } from '../../gateway/identity/identity.ts'
import { openKeyRing } from '../../gateway/identity/key-ring.ts'
import { hashKey, type ApiKey } from '../../gateway/identity/key.ts'
import { openBudgets } from '../../gateway/identity/shared-budgets.ts'
import { createAdmission, type Admission } from '../../gateway/protocol/admission.ts'
import type { Supergraph } from '../../gateway/supergraph/index.ts'
import { LoopTime } from '../../subgraphs/platform/async/loop-time.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { anId } from '../../test/fixtures/an-id.ts'
import { hubSupergraph } from '../engine/engines.ts'
import { keys } from './keys.ts'

const logger = pino({ level: 'silent' })
const config = readConfig({
  PORT: '0',
  KEY_COST_PER_MINUTE: process.env['KEY_COST_PER_MINUTE'] ?? '1000000000',
  LOOP_SHARE: process.env['LOOP_SHARE'],
})

interface Parts {
  readonly supergraph: Supergraph
  readonly identity: Identity
  readonly admission: Admission
}

/** Keys of a thousand participants, scopes, cost and budgets, as in the hub but without its database. */
async function walls(): Promise<Parts> {
  const { supergraph } = await hubSupergraph({ accessOf })
  const stored: readonly ApiKey[] = keys.map((key, n) => ({
    _id: hashKey(key),
    participant: anId(`wallet-${n}`),
    scopes: ['payments:read'],
    label: key,
    createdAt: new Date(),
    revokedAt: null,
  }))
  const store = {
    all: async () => stored,
    storeUses: async () => {},
    async watch(reload: () => Promise<void>) {
      await reload()
      return { close: async () => {} }
    },
  }
  const keyRing = await openKeyRing(store, { allowDemo: false, logger })
  const participants = {}
  const identity = openIdentity({
    keyRing,
    tokens: null,
    isParticipant: () => true,
    participants: () => participants,
    now: () => new Date(),
  })
  const budgets = await openBudgets({ db: null, logger })
  const configured = callerLimits(config)
  // Without a share, what callers take is counted and never enough to put one off.
  const limits = createCallerLimits(budgets, { ...configured, loopShare: configured.loopShare ?? 1_000 })
  return {
    supergraph,
    identity,
    admission: createAdmission(supergraph, { costMax: config.COST_MAX, limits }),
  }
}

/** One viewer for every request, no scopes in the schema, and nothing is priced or counted. */
async function bare(): Promise<Parts> {
  const { supergraph } = await hubSupergraph()
  const viewer: Viewer = { participant: anId('bench'), scopes: new Set(), key: 'bench' }
  const identity = { find: () => viewer, isValid: () => true, onChange: () => () => {}, close() {} }
  const charged = { extensions: null, allowance: null }
  const uncounted = new Uncounted(Infinity)
  return {
    supergraph,
    identity,
    admission: { ...createAdmission(supergraph), begin: () => uncounted, charge: () => charged },
  }
}

class Uncounted extends LoopTime {
  override run<Result>(work: () => Result): Result {
    return work()
  }
}

const parts = await (process.argv[2] === 'bare' ? bare() : walls())
const server = await startServer({ config, readiness: createReadiness(), logger })
server.open(parts)
console.log(`${server.url}/graphql`)
process.once('SIGTERM', () => process.exit(0))
