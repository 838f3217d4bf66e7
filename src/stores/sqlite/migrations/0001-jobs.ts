/**
 * The first shape. Each index serves one question and holds only the rows that can answer it, so that its cost does not grow
 * with what is finished. Names begin with `holdfast_`: the file may be the application's own.
 */
export const jobs = {
  version: 1,
  name: 'jobs, keys, dead letters, workers, states',
  sql: `
    CREATE TABLE holdfast_jobs (
      seq INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      kind TEXT NOT NULL,
      target TEXT NOT NULL,
      payload TEXT,
      state TEXT NOT NULL,
      priority INTEGER NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0,
      max_attempts INTEGER,
      idempotency_key TEXT,
      traceparent TEXT,
      created_at INTEGER NOT NULL,
      run_at INTEGER NOT NULL,
      started_at INTEGER,
      finished_at INTEGER,
      -- When its retention began: finished_at, once nobody has to look at it any more.
      settled_at INTEGER,
      worker TEXT,
      lease_until INTEGER,
      token INTEGER NOT NULL DEFAULT 0,
      lost_leases INTEGER NOT NULL DEFAULT 0,
      generation INTEGER NOT NULL DEFAULT 0,
      cancel_requested INTEGER NOT NULL DEFAULT 0,
      last_error TEXT,
      result TEXT,
      -- NULL while there is nothing to tell; a job that ever died has one.
      history TEXT
    ) STRICT;

    -- What to run next in a lane, and which lanes have anything.
    CREATE INDEX holdfast_jobs_available ON holdfast_jobs (kind, target, priority DESC, run_at, seq) WHERE state = 'available';
    -- What becomes due next, over all lanes, and the oldest of each lane.
    CREATE INDEX holdfast_jobs_scheduled ON holdfast_jobs (run_at, seq) WHERE state = 'scheduled';
    CREATE INDEX holdfast_jobs_scheduled_lane ON holdfast_jobs (kind, target, run_at) WHERE state = 'scheduled';
    -- Leases to look after, and lists of the rarer states.
    CREATE INDEX holdfast_jobs_rare ON holdfast_jobs (state, seq)
      WHERE state = 'running' OR state = 'parked' OR state = 'dead' OR state = 'cancelled';
    -- What prune takes, oldest first.
    CREATE INDEX holdfast_jobs_settled ON holdfast_jobs (settled_at, seq) WHERE settled_at IS NOT NULL;

    CREATE TABLE holdfast_keys (
      kind TEXT NOT NULL,
      key TEXT NOT NULL,
      fingerprint TEXT NOT NULL,
      job_id TEXT NOT NULL,
      expires_at INTEGER NOT NULL,
      -- Where the job stood when it was pruned before its key ran out.
      last_state TEXT,
      PRIMARY KEY (kind, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX holdfast_keys_expiry ON holdfast_keys (expires_at);

    CREATE TABLE holdfast_dead_letters (
      number INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      kind TEXT NOT NULL,
      target TEXT NOT NULL,
      cause TEXT NOT NULL,
      error TEXT NOT NULL,
      attempts INTEGER NOT NULL,
      generation INTEGER NOT NULL,
      status TEXT NOT NULL,
      target_down INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      last_retry_at INTEGER,
      next_retry_at INTEGER
    ) STRICT;
    CREATE INDEX holdfast_dead_letters_status ON holdfast_dead_letters (status, number);
    CREATE INDEX holdfast_dead_letters_target ON holdfast_dead_letters (target, status, number);
    CREATE INDEX holdfast_dead_letters_due ON holdfast_dead_letters (next_retry_at, number) WHERE next_retry_at IS NOT NULL;

    -- Kept by the transactions that change jobs and letters, so that counting costs nothing.
    CREATE TABLE holdfast_counts (
      subject TEXT NOT NULL,
      kind TEXT NOT NULL,
      target TEXT NOT NULL,
      state TEXT NOT NULL,
      n INTEGER NOT NULL,
      PRIMARY KEY (subject, kind, target, state)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE holdfast_workers (
      id TEXT PRIMARY KEY,
      host TEXT NOT NULL,
      pid INTEGER NOT NULL,
      boot_id TEXT NOT NULL,
      started_at INTEGER NOT NULL,
      seen_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE holdfast_states (
      name TEXT PRIMARY KEY,
      value TEXT NOT NULL,
      updated_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- One row, rewritten by check().
    CREATE TABLE holdfast_check (id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
  `,
} as const
