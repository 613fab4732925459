// Serves one engine over HTTP as in production: `node bench/engine/serve.ts NAME` prints its URL and runs
// until SIGTERM.

import { startStandaloneServer } from '@apollo/server/standalone'
import fastify, { type FastifyInstance } from 'fastify'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { apolloServer, hiveGateway, hubSupergraph, monolithApp } from './engines.ts'
import { serveSupergraph } from './serve-hub.ts'
import { byHand } from './world.ts'
import { checkKeys } from './keys.ts'

const loopback = { host: '127.0.0.1', port: 0 } as const

const servers: Readonly<Record<string, () => Promise<string>>> = {
  hub: async () => serveSupergraph((await hubSupergraph()).supergraph),
  monolith: async () => `${await addressOf(await monolithApp())}/graphql`,
  hand: async () => {
    const app = fastify()
    checkKeys(app)
    byHand.forEach((join, index) => {
      app.post(`/${index}`, async (request) => ({
        data: join((request.body as { variables: never }).variables),
      }))
    })
    return addressOf(app)
  },
  apollo: async () => {
    const { url } = await startStandaloneServer(apolloServer(), { listen: loopback })
    return url
  },
  hive: async () => {
    const server = createServer(hiveGateway() as never)
    await new Promise<void>((resolve) => server.listen(loopback, resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`
  },
}

const addressOf = async (app: FastifyInstance): Promise<string> => app.listen(loopback)

const start = servers[process.argv[2] ?? '']
if (!start) throw new Error(`no such engine: ${process.argv[2]}`)
console.log(await start())
process.once('SIGTERM', () => process.exit(0))
