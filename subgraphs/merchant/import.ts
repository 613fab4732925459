// What a load of the data set needs of the subgraph, without the subgraph itself: each thread of a load has
// its own modules in memory.

export { chooseCommonWords } from './common-words.ts'
export { clearMerchants, createMerchantImport, finishMerchants } from './import-merchants.ts'
export type { TallyParts } from './merchant-tally.ts'
