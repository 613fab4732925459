// Which requests that the transports refuse are entries of the audit log: those with a card number, beyond a
// budget, or with a document that is not trusted, and keys that are guessed.

import type { RefusalLog } from '../../subgraphs/shared/refusal-log.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { HttpError } from './http-error.ts'

export interface RefusedRequests {
  /** Notes the errors of a request of `viewer` that matter. */
  note(viewer: Viewer, requestId: string, errors: readonly RequestError[]): void
}

/** An error of a response, or an `HttpError`. */
interface RequestError {
  readonly code?: string
  readonly details?: { readonly path?: unknown }
  readonly extensions?: { readonly code?: unknown; readonly path?: unknown }
}

/** No refusal is noted. */
export const unnoted: RefusedRequests = { note() {} }

/** By the code of the refusal, the kind of its target. */
const kinds: Readonly<Record<string, 'input' | 'request'>> = {
  PAN_REFUSED: 'input',
  BUDGET_EXCEEDED: 'request',
  DOCUMENT_NOT_TRUSTED: 'request',
}

export const noteRefusedRequests = (log: Pick<RefusalLog, 'note'>): RefusedRequests => ({
  note(viewer, requestId, errors) {
    for (const { code, details, extensions } of errors) {
      const refusal = String(code ?? extensions?.code)
      const kind = kinds[refusal]
      if (!kind) continue
      const target = kind === 'input' ? pathText(details?.path ?? extensions?.path) : refusal
      log.note(viewer, { action: 'refusedRequest', target: `${kind}:${target}`, refusal, requestId })
    }
  },
})

/** What `run` returns; an error that it throws is noted, when the viewer is known. */
export function noting<Result>(
  refused: RefusedRequests,
  viewer: Viewer | null,
  requestId: string,
  run: () => Result,
): Result {
  try {
    return run()
  } catch (error) {
    if (viewer && error instanceof HttpError) refused.note(viewer, requestId, [error])
    throw error
  }
}

/** The steps that are names or numbers: any other one is a text of the client. */
const pathText = (path: unknown): string =>
  (Array.isArray(path) ? path : [])
    .slice(0, 8)
    .map((step) => (/^\w{1,40}$/.test(String(step)) ? String(step) : '…'))
    .join('.') || 'document'
