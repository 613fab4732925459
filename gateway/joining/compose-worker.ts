// The thread of `compose-in-thread.ts`: composing takes some hundred milliseconds, in which requests would
// wait.

import { parentPort } from 'node:worker_threads'
import { composeJoined, type CompositionInput } from './composition.ts'

parentPort!.on('message', (input: CompositionInput) => parentPort!.postMessage(composeJoined(input), []))
