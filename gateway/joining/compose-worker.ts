// Composes in a thread of its own: it takes some hundred milliseconds, in which requests would wait.

import { parentPort, workerData } from 'node:worker_threads'
import { composeJoined, type CompositionInput } from './composition.ts'

parentPort!.postMessage(composeJoined(workerData as CompositionInput))
