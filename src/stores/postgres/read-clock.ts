/** What the server's clock says, for those who look before a store is opened. */
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { checkOptions } from './options.ts'
import { makePool } from './pool.ts'
import { toStoreError } from './postgres-errors.ts'

/**
 * Epoch ms.
 *
 * @throws HoldfastError with `ERR_STORE_UNAVAILABLE`, OptionError
 */
export async function readClock(url: string): Promise<number> {
  const options = checkOptions({ url, poolSize: 1 }, systemClock, systemRandom)
  const pool = await makePool(options)
  try {
    const client = await pool.connect()
    try {
      const { rows } = await client.query({ text: 'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now' })
      return Number((rows[0] as { now: unknown }).now)
    } finally {
      client.release(true)
    }
  } catch (error) {
    throw toStoreError(error, options.description)
  } finally {
    await pool.end()
  }
}
