import { alarmsOfWeek } from './test/fixtures/a-simulated-week.ts'
const cpu=()=>Math.round(process.cpuUsage().user/1000)
for (const perMinute of [40,4]) {
  for (const seed of [1,2,3]) {
    const alarms = alarmsOfWeek({seed, perMinute, everyMs: 20_000})
    console.log(perMinute, seed, alarms.length, JSON.stringify(alarms.slice(0,5)), cpu())
  }
}
for (const effect of ['DECLINES','NO_ANSWER','SLOW','SILENCE'] as const)
 for (const perMinute of [60,30,20]) {
  const found:number[]=[]
  for (let seed=10; seed<22; seed++) {
    const from = 34*3600e3 + seed*1777*7 % 1800_000
    const alarms = alarmsOfWeek({seed, perMinute, fromHour: 33, toHour: 35, incident: {from, to: from+20*60e3, effect}, everyMs: 5000})
    const after = alarms.filter(a=>a.at>from)
    found.push(after.length ? Math.round((after[0].at-from)/1000): -1)
  }
  console.log(effect, perMinute, found.sort((a,b)=>a-b).join(' '), cpu())
 }
