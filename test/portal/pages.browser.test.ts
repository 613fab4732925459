// What holds for every page of the portal, against a hub of its own: it runs beside the journeys.

import { describeEveryPage } from './pages/every-page.ts'
import { startPortal } from './portal.ts'

describeEveryPage(await startPortal())
