// Property tests try the same cases on every run, so that a red run is about the change. FC_SEED=N chooses
// other cases.

import fc from 'fast-check'

fc.configureGlobal({ seed: Number(process.env.FC_SEED ?? 1) })
