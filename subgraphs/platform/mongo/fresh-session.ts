import type { ClientSession, Db } from 'mongodb'

/**
 * Runs `read` in a session that sees everything written before this call, by any process. Reads in a causally
 * consistent session wait for the time of its previous answer, so a ping comes first.
 */
export async function withFreshSession<Found>(
  db: Db,
  read: (session: ClientSession) => Promise<Found>,
): Promise<Found> {
  const session = db.client.startSession({ causalConsistency: true })
  try {
    await db.command({ ping: 1 }, { session })
    return await read(session)
  } finally {
    await session.endSession()
  }
}
