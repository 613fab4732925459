// TLS that ends at the hub. The certificate and its key come from files, and are read again when these
// change: new connections get the new certificate, and open ones stay as they are.

import { readFileSync } from 'node:fs'
import type { Server } from 'node:https'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { fileStateOf, followFile } from '../../subgraphs/platform/async/follow-file.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'

/** PEM files: the certificate with those of its issuers after it, and its private key. */
export interface TlsFiles {
  readonly certificate: string
  readonly key: string
  /** Whether clients may show a certificate, to which a key or token can be bound (RFC 8705). */
  readonly requestsCertificates: boolean
}

class TlsFilesError extends Error {
  readonly code = 'TLS_FILES_INVALID'
  constructor({ certificate, key }: TlsFiles, cause: unknown) {
    super(
      `TLS_CERT_FILE=${certificate} and TLS_KEY_FILE=${key} cannot be used together: ${(cause as Error).message}`,
      { cause },
    )
    this.name = 'TlsFilesError'
  }
}

export interface Tls {
  /** For the web server. */
  readonly options: SecureContextOptions & {
    readonly requestCert: boolean
    readonly rejectUnauthorized: false
  }
  /** Gives `server` the files after each change, until the function that is returned is called. */
  follow(server: Server, logger: Pick<Logger, 'info' | 'error'>): () => void
}

/** How often the files are checked for a change. */
const checkMs = 1_000

/** Throws TlsFilesError when a file cannot be read, or the key is not that of the certificate. */
export function openTls(files: TlsFiles): Tls {
  const followed = [files.certificate, files.key].map((file) => ({ file, state: fileStateOf(file) }))
  return {
    // A client proves by the handshake that it holds the key of its certificate. The issuer is not checked:
    // only a thumbprint to which a key or token is bound gives the certificate a meaning.
    options: {
      ...read(files),
      requestCert: files.requestsCertificates,
      rejectUnauthorized: false,
    },
    follow(server, logger) {
      const reload = (): void => {
        try {
          server.setSecureContext(read(files))
          logger.info({ file: files.certificate }, 'new connections get the changed certificate')
        } catch (error) {
          // The files are replaced one after the other, so the second change completes the first.
          logger.error(
            { err: error, file: files.certificate },
            'the changed certificate cannot be used: the hub continues with the previous one',
          )
        }
      }
      const unfollow = followed.map(({ file, state }) => followFile(file, state, checkMs, reload))
      return () => unfollow.forEach((stop) => stop())
    },
  }
}

function read(files: TlsFiles): { readonly cert: Buffer; readonly key: Buffer } {
  try {
    const pair = { cert: readFileSync(files.certificate), key: readFileSync(files.key) }
    createSecureContext(pair)
    return pair
  } catch (error) {
    throw new TlsFilesError(files, error)
  }
}
