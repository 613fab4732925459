// Explains to the operator why the hub did not start.

/**
 * One message for an error with a code, which the operator can fix; the whole stack for any other, which is a
 * bug.
 */
export function startFailure(error: unknown): string {
  if (!(error instanceof Error)) return `The hub cannot start: ${String(error)}`
  const { code, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string }
  switch (code) {
    case undefined:
      return `The hub cannot start because of a bug:\n${error.stack}`
    case 'EADDRINUSE':
      return `The hub cannot start (PORT_TAKEN): port ${port} is in use by another program: set PORT to another one`
    case 'EACCES':
      return `The hub cannot start (PORT_NOT_ALLOWED): this user may not listen on port ${port}: set PORT to another one`
    case 'EADDRNOTAVAIL':
      return `The hub cannot start (HOST_UNKNOWN): this machine has no address ${address}: set HOST to one of its own`
    default:
      return `The hub cannot start (${code}): ${error.message}`
  }
}
