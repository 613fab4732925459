/**
 * The result of this name: computed by one call, for which all others wait. When it fails, because its own
 * time is over, the next of them computes it in its own. `results` keeps what was computed.
 */
export async function sharedResult<Result>(
  results: Map<string, Promise<unknown>>,
  name: string,
  compute: () => Promise<Result>,
): Promise<Result> {
  for (let known = results.get(name); known; known = results.get(name)) {
    try {
      return (await known) as Result
    } catch {
      // The call that computed it has thrown the error.
    }
  }
  const own = compute()
  results.set(name, own)
  // First of all that wait for it: they find it gone.
  own.catch(() => results.delete(name))
  return own
}
