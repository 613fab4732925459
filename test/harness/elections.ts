// What `docs/operating.md` recommends for a replica set: a primary that stands still is replaced in seconds.

/** Of the configuration of the set. */
export const electionSettings = {
  electionTimeoutMillis: 2_000,
  heartbeatIntervalMillis: 500,
  heartbeatTimeoutSecs: 2,
}

/** Of each member: how soon it leaves a source that is silent. */
export const electionParameter = 'oplogNetworkTimeoutBufferSeconds=1'
