// Makes the replica set of compose.yaml and the user of the hubs: mongosh --nodb --file mongo-init.js.
// What is there stays as it is.

const { MONGO_ROOT_PASSWORD, MONGO_HUB_PASSWORD, MONGO_HOSTS = 'mongo-1,mongo-2,mongo-3' } = process.env
const hosts = MONGO_HOSTS.split(',')
const root = (options) => new Mongo(`mongodb://root:${MONGO_ROOT_PASSWORD}@${options}`).getDB('admin')

try {
  root(`${hosts[0]}/?directConnection=true`).adminCommand({
    replSetInitiate: {
      _id: 'rs0',
      members: hosts.map((host, _id) => ({ _id, host })),
      // A primary that stands still is replaced within seconds: see docs/operating.md, Outages.
      settings: { electionTimeoutMillis: 2000, heartbeatTimeoutSecs: 2 },
    },
  })
} catch (error) {
  if (error.codeName !== 'AlreadyInitialized') throw error
}

const admin = root(`${hosts.join(',')}/?replicaSet=rs0`)
const user = { pwd: MONGO_HUB_PASSWORD, roles: [{ role: 'readWrite', db: 'crossgate' }] }
if (admin.getUser('hub')) admin.updateUser('hub', user)
else admin.createUser({ user: 'hub', ...user })
