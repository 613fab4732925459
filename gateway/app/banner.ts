// The text that a demo hub prints when it is ready.

import type { Config } from '../config/config.ts'
import { demoKeys } from '../identity/key.ts'
import type { Hub } from './hub.ts'

export function banner({ TRAFFIC }: Config, { url, mongo }: Hub): string {
  const webSocket = url.replace(/^http/, 'ws')
  const payments =
    TRAFFIC > 0
      ? `${TRAFFIC} a second by simulated wallets (TRAFFIC=0 turns them off)`
      : 'only yours (TRAFFIC=0)'
  return [
    '',
    `Crossgate is ready at ${url}`,
    '',
    `  Portal     ${url}/`,
    `  GraphQL    ${url}/graphql and ${webSocket}/graphql`,
    `  IDE        ${url}/graphiql/`,
    `  Health     ${url}/livez and ${url}/readyz`,
    `  MongoDB    from ${mongo}`,
    `  Payments   ${payments}`,
    '',
    '  Keys, sent as "Authorization: Bearer KEY", for demos only, never in production:',
    ...demoKeys.map(({ key, about }) => `    ${key.padEnd(15)} ${about}`),
    '',
  ].join('\n')
}
