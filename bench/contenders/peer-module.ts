/** The peers are installed by the benchmark alone, so their types are written down here: what is used of each. */

/** @throws where the package is not installed, which leaves that peer out */
export async function peerModule<T>(name: string): Promise<T> {
  try {
    return (await import(name)) as T
  } catch (error) {
    throw new Error(
      `the package ${name} cannot be loaded (npm ci --prefix bench installs it): ${(error as Error).message}`,
    )
  }
}
