// Why the hub did not start, for the person who started it.

/** One clear message for what an operator can put right, which has a code; everything there is for a mistake of ours. */
export function startFailure(error: unknown): string {
  if (!(error instanceof Error)) return `The hub cannot start: ${String(error)}`
  const { code, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string }
  switch (code) {
    case undefined:
      return `The hub cannot start, by a mistake of its own:\n${error.stack}`
    case 'EADDRINUSE':
      return `The hub cannot start (PORT_TAKEN): port ${port} is taken by another program; set PORT to another one`
    case 'EACCES':
      return `The hub cannot start (PORT_NOT_ALLOWED): this user may not listen on port ${port}; set PORT to another one`
    case 'EADDRNOTAVAIL':
      return `The hub cannot start (HOST_UNKNOWN): this machine has no address ${address}; set HOST to one of its own`
    default:
      return `The hub cannot start (${code}): ${error.message}`
  }
}
