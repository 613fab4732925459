// Addresses that the hub may send to: what participants write down, checked before anything is sent there. A name can point
// anywhere by the time that it is used, so whoever sends checks the address that it resolves to once more.

import { BlockList, isIP } from 'node:net'
import { refuse, type Refusal } from '../schema/values/problems.ts'

const charactersMax = 2_000

/** Networks that are nobody's on the public internet. Source: IANA's special-purpose address registries. */
const privateNetworks = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  privateNetworks.addSubnet(network, prefix, 'ipv4')
}
for (const [network, prefix] of [
  ['::', 127],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  privateNetworks.addSubnet(network, prefix, 'ipv6')
}

/** True for an IP address, of either version, that is of a private, local or reserved network. */
export function isPrivateAddress(address: string): boolean {
  const version = isIP(address)
  if (version === 0) throw new TypeError(`"${address}" is not an IP address`)
  return privateNetworks.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

/** `text` as the URL of an endpoint, in its normal form. Refuses with BAD_VALUE at `path`. */
export function readReachableUrl(
  text: string,
  allowsPrivate: boolean,
  path: readonly string[],
): string | Refusal {
  const bad = (why: string) => refuse('BAD_VALUE', why, path)
  if (text.length > charactersMax) return bad(`an address has at most ${charactersMax} characters`)
  if (!URL.canParse(text)) return bad('this is not an address such as https://wallet.example/hub')
  const url = new URL(text)
  if (url.protocol !== 'https:' && !(allowsPrivate && url.protocol === 'http:')) {
    return bad(`an address starts with https://, not ${url.protocol.slice(0, 20)}//`)
  }
  if (url.username || url.password) return bad('an address carries no name and no password')
  if (url.hash) return bad('an address has no part after #')
  if (!allowsPrivate && isPrivateHost(url.hostname)) {
    return bad(`${url.hostname.slice(0, 100)} is not on the public internet`)
  }
  return url.href
}

function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0) return isPrivateAddress(host)
  return /(^|\.)(localhost|local|internal|lan|home\.arpa)\.?$/.test(host) || !host.includes('.')
}
