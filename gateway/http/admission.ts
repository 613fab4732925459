// The admission of a hub or gateway, by its settings.

import type { Logger } from '../../subgraphs/platform/logger.ts'
import type { Config } from '../config/config.ts'
import { createAdmission, type Admission } from '../protocol/admission.ts'
import type { CallerLimits } from '../protocol/caller-limits.ts'
import { readManifest, trustedDocuments } from '../protocol/trusted-documents.ts'
import type { Supergraph } from '../supergraph/index.ts'
import { recordOperations } from './seen-operations.ts'

/** Throws ManifestError when TRUSTED_DOCUMENTS is no manifest. */
export async function openAdmission(
  config: Config,
  supergraph: Supergraph,
  limits: CallerLimits,
  logger: Pick<Logger, 'error'>,
): Promise<Admission> {
  const { TRUSTED_DOCUMENTS, DOCUMENTS, PERSISTED_QUERIES, COST_MAX } = config
  const manifest = TRUSTED_DOCUMENTS === undefined ? null : await readManifest(TRUSTED_DOCUMENTS)
  const { SEEN_OPERATIONS } = config
  return createAdmission(supergraph, {
    record: SEEN_OPERATIONS === undefined ? null : await recordOperations(SEEN_OPERATIONS, logger),
    trusted: manifest && trustedDocuments(manifest),
    operationNames: manifest && new Set(manifest.operations.map(({ name }) => name)),
    onlyTrusted: DOCUMENTS === 'trusted',
    persistedQueries: PERSISTED_QUERIES === 'on',
    costMax: COST_MAX,
    limits,
  })
}
