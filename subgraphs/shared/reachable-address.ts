// The addresses that the hub may connect to. A participant's URL makes the hub connect from inside its own
// network, so by default only addresses of the public internet are allowed. Pure.

import { BlockList, isIP } from 'node:net'

/**
 * PUBLIC: the internet only. LOOPBACK: also this machine, for trials. PRIVATE: also the operator's own
 * networks.
 */
export type Reach = 'PUBLIC' | 'LOOPBACK' | 'PRIVATE'

/**
 * True when `reach` lets the hub connect to `address`, an IPv4 or IPv6 address as text. Three kinds of
 * addresses are excluded under every reach: those that cannot receive webhooks (unspecified, multicast,
 * broadcast, reserved, for documentation), those that embed another address (IPv4-mapped, NAT64, 6to4,
 * Teredo), and link-local ones with the metadata services of clouds, which give out the keys of a machine.
 */
export function isReachable(address: string, reach: Reach): boolean {
  // An IPv6 address may come with the name of an interface: "fe80::1%eth0".
  const [bare = ''] = address.split('%')
  const version = isIP(bare)
  if (version === 0) return false
  const family = version === 4 ? 'ipv4' : 'ipv6'
  // An address with an IPv4 address inside would bypass the rules for IPv4.
  if (family === 'ipv6' && embedding.check(bare, 'ipv6')) return false
  if (never.check(bare, family)) return false
  if (loopback.check(bare, family)) return reach !== 'PUBLIC'
  if (privateNetworks.check(bare, family)) return reach === 'PRIVATE'
  return family === 'ipv4'
    ? !unfit.check(bare, 'ipv4')
    : global.check(bare, 'ipv6') && !unfit.check(bare, 'ipv6')
}

/**
 * True for the names of this machine (RFC 6761) and for loopback addresses; an IPv6 address may be in
 * brackets, as in URLs.
 */
export function isLoopbackName(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  const version = isIP(bare)
  if (version !== 0) return loopback.check(bare, version === 4 ? 'ipv4' : 'ipv6')
  return bare === 'localhost' || bare.endsWith('.localhost')
}

type Subnet = readonly [net: string, prefix: number]

function listOf(subnets: readonly Subnet[]): BlockList {
  const list = new BlockList()
  for (const [net, prefix] of subnets) list.addSubnet(net, prefix, isIP(net) === 4 ? 'ipv4' : 'ipv6')
  return list
}

// Source: the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its updates), and
// multicast.
const loopback = listOf([
  ['127.0.0.0', 8],
  ['::1', 128],
])
const privateNetworks = listOf([
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  // Shared by the customers of a carrier.
  ['100.64.0.0', 10],
  ['fc00::', 7],
])
const never = listOf([
  // Link-local: AWS, Azure, Google and others serve metadata at 169.254.169.254.
  ['169.254.0.0', 16],
  ['fe80::', 10],
  // Metadata of AWS, Google, Alibaba, Oracle and Azure outside of link-local networks.
  ['fd00:ec2::', 32],
  ['fd20:ce::254', 128],
  ['100.100.100.200', 32],
  ['192.0.0.192', 32],
  ['168.63.129.16', 32],
])
const unfit = listOf([
  ['0.0.0.0', 8],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
])
const embedding = listOf([
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
])
/** The part of IPv6 that is assigned to the public internet. */
const global = listOf([['2000::', 3]])
