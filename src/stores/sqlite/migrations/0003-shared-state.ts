/**
 * What processes share beside jobs. Every row ends at a time of its own, by which the sweep finds it.
 */
export const sharedState = {
  version: 3,
  name: 'leases, words, buckets, records of work done once',
  sql: `
    CREATE TABLE holdfast_leases (
      name TEXT PRIMARY KEY,
      owner TEXT NOT NULL,
      ttl INTEGER NOT NULL,
      until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX holdfast_leases_until ON holdfast_leases (until);

    CREATE TABLE holdfast_reporters (
      reporter TEXT PRIMARY KEY,
      ttl INTEGER NOT NULL,
      until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE holdfast_words (
      reporter TEXT NOT NULL,
      name TEXT NOT NULL,
      value TEXT NOT NULL,
      said_at INTEGER NOT NULL,
      PRIMARY KEY (reporter, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE holdfast_buckets (
      name TEXT PRIMARY KEY,
      at INTEGER NOT NULL,
      debt REAL NOT NULL,
      block REAL NOT NULL,
      -- When it is full, or a little later: in steps, so that its index is seldom written.
      until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX holdfast_buckets_until ON holdfast_buckets (until);

    -- What requests were granted, for those that come twice.
    CREATE TABLE holdfast_grants (
      id TEXT PRIMARY KEY,
      granted INTEGER NOT NULL,
      ready_at INTEGER NOT NULL,
      until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX holdfast_grants_until ON holdfast_grants (until);

    CREATE TABLE holdfast_once (
      name TEXT PRIMARY KEY,
      fingerprint TEXT NOT NULL,
      owner TEXT NOT NULL,
      token TEXT NOT NULL,
      state TEXT NOT NULL,
      lease_ms INTEGER NOT NULL,
      lease_until INTEGER NOT NULL,
      keep_ms INTEGER NOT NULL,
      result TEXT NOT NULL,
      done_at INTEGER NOT NULL,
      until INTEGER NOT NULL,
      dropped_token TEXT NOT NULL
    ) STRICT;
    CREATE INDEX holdfast_once_until ON holdfast_once (until);
  `,
} as const
