// Opens sockets only to addresses that the hub may call. The connection is made to the very address that was
// checked, so a name cannot resolve to one address for the check and to another for the call.

import { lookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { callbackify } from 'node:util'
import { buildConnector } from 'undici'
import { isReachable, type Reach } from './reachable-address.ts'

export interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

/** Resolves a host name. */
export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>

export class ForbiddenAddressError extends Error {
  override readonly name = 'ForbiddenAddressError'
}

/** Connects only to addresses within `reach`; `resolve` is by default the system’s resolver. */
export function checkedConnector(
  reach: Reach,
  timeout: number,
  resolve: Resolve = (name) => lookup(name, { all: true }),
): buildConnector.connector {
  const find = async (hostname: string): Promise<readonly ResolvedAddress[]> => {
    const found = await resolve(hostname)
    const forbidden = found.find(({ address }) => !isReachable(address, reach))
    // One forbidden address is enough: a name with allowed and forbidden addresses is likely an attack. The
    // message hides the address, so that it does not reveal internal networks.
    if (forbidden)
      throw new ForbiddenAddressError(`the hub does not call ${hostname}: its address is not a public one`)
    if (found.length === 0) throw new Error(`${hostname} has no address`)
    return found
  }
  const findThen = callbackify(find)
  const checkedLookup: LookupFunction = (hostname, { all }, callback) =>
    findThen(hostname, (error, found) => {
      if (error) callback(error, '')
      else if (all) callback(null, [...found])
      else callback(null, found[0]!.address, found[0]!.family)
    })
  const connect = buildConnector({ lookup: checkedLookup, timeout, allowH2: false })
  return (options, callback) => {
    // A literal address is not resolved, so it is checked here.
    const address = options.hostname.replace(/^\[|\]$/g, '')
    if (isIP(address) !== 0 && !isReachable(address, reach)) {
      callback(new ForbiddenAddressError(`the hub does not call ${address}`), null)
      return
    }
    connect(options, callback)
  }
}
