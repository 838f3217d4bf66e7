/**
 * Concurrency keys and batches. Jobs that have neither are in none of these indexes.
 */
export const keysAndBatches = {
  version: 2,
  name: 'concurrency keys, batches',
  sql: `
    -- Of how many jobs with the same key so many run at once. NULL: of a kind without keys; empty: this job has none.
    ALTER TABLE holdfast_jobs ADD COLUMN concurrency_key TEXT;
    ALTER TABLE holdfast_jobs ADD COLUMN batch_id TEXT;

    -- From one key of a lane to the next, past all that waits for the same one.
    CREATE INDEX holdfast_jobs_keyed ON holdfast_jobs (kind, target, priority DESC, concurrency_key, run_at, seq)
      WHERE state = 'available' AND concurrency_key IS NOT NULL;
    -- How many run with a key.
    CREATE INDEX holdfast_jobs_running_keys ON holdfast_jobs (kind, concurrency_key)
      WHERE state = 'running' AND concurrency_key IS NOT NULL;
    -- Whether anything of a batch has not ended, and where all of it stands.
    CREATE INDEX holdfast_jobs_batch ON holdfast_jobs (batch_id, state) WHERE batch_id IS NOT NULL;

    CREATE TABLE holdfast_batches (
      id TEXT PRIMARY KEY,
      created_at INTEGER NOT NULL,
      completed_at INTEGER,
      total INTEGER NOT NULL,
      -- Of its jobs that were pruned; the others are counted where they are.
      succeeded INTEGER NOT NULL DEFAULT 0,
      dead INTEGER NOT NULL DEFAULT 0,
      cancelled INTEGER NOT NULL DEFAULT 0,
      -- The job to be enqueued when all have ended, without its summary.
      callback TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX holdfast_batches_open ON holdfast_batches (id) WHERE completed_at IS NULL;
    CREATE INDEX holdfast_batches_completed ON holdfast_batches (completed_at, id) WHERE completed_at IS NOT NULL;
  `,
} as const
