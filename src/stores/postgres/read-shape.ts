/** Which shape a schema has, without changing it: for those who look before a store is opened. */
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { appliedVersion } from './migrate.ts'
import { checkOptions } from './options.ts'
import { makePool } from './pool.ts'
import { reasonOf, toStoreError, unavailable } from './postgres-errors.ts'

/**
 * The newest migration that was applied; undefined when there is none.
 *
 * @throws HoldfastError with `ERR_STORE_UNAVAILABLE`, OptionError
 */
export async function readShape(url: string, schema?: string): Promise<number | undefined> {
  const options = checkOptions({ url, poolSize: 1, ...(schema === undefined ? {} : { schema }) }, systemClock, systemRandom)
  const pool = await makePool(options)
  try {
    const client = await pool.connect()
    try {
      return (await appliedVersion(client, options.schema)) || undefined
    } finally {
      client.release(true)
    }
  } catch (error) {
    throw reasonOf(error) === undefined
      ? unavailable('refused', options.description, error)
      : toStoreError(error, options.description)
  } finally {
    await pool.end()
  }
}
