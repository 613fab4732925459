// Journeys through the pages of the portal in a Chromium, against one hub. Each page has its tests in
// `pages/`.

import { describeCorridors } from './pages/corridors.ts'
import { describeCoverage } from './pages/coverage.ts'
import { describeDevelopers } from './pages/developers.ts'
import { describeLive } from './pages/live.ts'
import { describeOperator } from './pages/operator.ts'
import { describePayments } from './pages/payments.ts'
import { describeSandbox } from './pages/sandbox.ts'
import { describeStart } from './pages/start.ts'
import { startPortal } from './portal.ts'

const portal = await startPortal()

describeStart(portal)
describeSandbox(portal)
describeCoverage(portal)
describePayments(portal)
describeLive(portal)
describeCorridors(portal)
describeOperator(portal)
describeDevelopers(portal)
