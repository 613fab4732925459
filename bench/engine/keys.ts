// The key that the hub and the joins by hand require.

import type { FastifyInstance } from 'fastify'

export const benchKey = 'bench'

/** Requires the key of each request, in the shortest way. */
export function checkKeys(app: FastifyInstance): void {
  const callers = new Map([[`Bearer ${benchKey}`, 'bench']])
  app.addHook('onRequest', (request, reply, done) => {
    if (callers.has(request.headers.authorization ?? '')) return done()
    void reply.code(401).send({ errors: [{ message: 'the key is unknown' }] })
  })
}
