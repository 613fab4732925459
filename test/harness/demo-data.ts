// Loads the data set of a demo once for a run, on the MongoDB that the run shares. Hubs begin with a copy of
// it, which takes a tenth of a load: `test/hub/demo-database.ts`.

import { pino } from 'pino'
import type { TestProject } from 'vitest/node'
import { seedDemo } from '../../gateway/app/demo.ts'
import { migrations } from '../../gateway/app/migrations.ts'
import { readConfig } from '../../gateway/config/config.ts'
import { finishActivity } from '../../subgraphs/analytics/import.ts'
import { publishedOf } from '../../subgraphs/log/checkpoint.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { checkSchemaVersion } from '../../subgraphs/platform/mongo/schema-version.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The name of the database with the data set. */
    demoData: string
  }
}

/** The smallest that has what the tests need. */
export const demoScale = '0.0002'

const name = `demo_${process.pid}`
let loading: Promise<void> | undefined
let dropping: Promise<void> | undefined

/** Runs once for each project that has hubs to start, after the one that starts MongoDB. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const { mongoUri } = project.getProvidedContext()
  await (loading ??= load(mongoUri))
  project.provide('demoData', name)
  return () => (dropping ??= drop(mongoUri))
}

/** As the first start of a hub does. */
async function load(uri: string): Promise<void> {
  const mongo = await connect(uri)
  const db = mongo.db(name)
  await checkSchemaVersion(db, migrations)
  const config = readConfig({ MONGODB_URI: uri, SCALE: demoScale })
  await seedDemo(uri, db, config, pino({ level: 'error' }), () => new Date())
  // Else every hub makes them again, and answers slowly meanwhile.
  await finishActivity(db, (await publishedOf(db, 'activity')).position, true)
  await mongo.close()
}

async function drop(uri: string): Promise<void> {
  const mongo = await connect(uri)
  await mongo.db(name).dropDatabase()
  await mongo.close()
}
