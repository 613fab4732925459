import { sendsEveryOperation } from './every-operation.ts'
import { testHub } from './hub.ts'

sendsEveryOperation(await testHub())
