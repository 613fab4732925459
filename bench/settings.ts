// How long benchmarks run: `BENCH_ROUNDS=1 BENCH_SLICE_S=1` tries one out.

const numberIn = (name: string, standard: number): number => Number(process.env[name] ?? standard)

export const rounds = numberIn('BENCH_ROUNDS', 5)
export const sliceSeconds = numberIn('BENCH_SLICE_S', 1)
