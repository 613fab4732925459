// What a load of the data set and the migrations need of the subgraph, without the subgraph itself.

export { builtInRates } from './price/rates.ts'
export { transactionProjections } from './projections.ts'
export {
  beginLog,
  finishPayments,
  loadPastPayments,
  preparePayments,
  reportingFen,
  tipOfImport,
} from './service/import-payments.ts'
export { numberCustomerDays } from './store/number-customer-days.ts'
