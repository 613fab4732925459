// The admission of a hub or gateway, by its settings.

import type { Config } from '../config/config.ts'
import { createAdmission, type Admission } from '../protocol/admission.ts'
import { readManifest, trustedDocuments } from '../protocol/trusted-documents.ts'
import type { Supergraph } from '../supergraph/index.ts'

/** Throws ManifestError when TRUSTED_DOCUMENTS is no manifest. */
export async function openAdmission(config: Config, supergraph: Supergraph): Promise<Admission> {
  const { TRUSTED_DOCUMENTS, DOCUMENTS, PERSISTED_QUERIES, COST_MAX, COST_PER_MINUTE } = config
  const manifest = TRUSTED_DOCUMENTS === undefined ? null : await readManifest(TRUSTED_DOCUMENTS)
  return createAdmission(supergraph, {
    trusted: manifest && trustedDocuments(manifest),
    onlyTrusted: DOCUMENTS === 'trusted',
    persistedQueries: PERSISTED_QUERIES === 'on',
    costMax: COST_MAX,
    costPerMinute: COST_PER_MINUTE ?? null,
  })
}
