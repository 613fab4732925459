// Certificates for tests, made by openssl.

import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Pair {
  readonly cert: Buffer
  readonly key: Buffer
  /** SHA-256 in base64url, as RFC 8705 has it. */
  readonly thumbprint: string
}

/** A certificate for 127.0.0.1 that signs itself, with its key, in two files of `folder`. */
export function aCertificate(folder: string, name: string): Pair {
  const [keyFile, certFile] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', keyFile, '-out', certFile], {
    stdio: 'ignore',
  })
  const cert = readFileSync(certFile)
  const { raw } = new X509Certificate(cert)
  return {
    cert,
    key: readFileSync(keyFile),
    thumbprint: createHash('sha256').update(raw).digest('base64url'),
  }
}
