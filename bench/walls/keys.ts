/** The keys of a thousand participants. */
export const keys: readonly string[] = Array.from({ length: 1_000 }, (_, n) => `cg_bench_${n}`)
