/**
 * The first shape. Each index serves one question and holds only the rows that can answer it, so that its cost does not grow
 * with what is finished. Names are compared byte by byte (`COLLATE "C"`): a change of the system's locale cannot break an
 * index. JSON is kept as text: `jsonb` refuses some of what JSON allows. `@name` stands for a table of the store's schema.
 */
export const jobs = {
  version: 1,
  name: 'jobs, keys, dead letters, workers, states',
  sql: `
    CREATE TABLE @jobs (
      seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      id text COLLATE "C" NOT NULL UNIQUE,
      kind text COLLATE "C" NOT NULL,
      target text COLLATE "C" NOT NULL,
      payload text,
      state text COLLATE "C" NOT NULL,
      priority integer NOT NULL,
      attempts integer NOT NULL DEFAULT 0,
      max_attempts integer,
      idempotency_key text COLLATE "C",
      traceparent text,
      created_at bigint NOT NULL,
      run_at bigint NOT NULL,
      started_at bigint,
      finished_at bigint,
      -- When its retention began: finished_at, once nobody has to look at it any more.
      settled_at bigint,
      worker text COLLATE "C",
      lease_until bigint,
      token integer NOT NULL DEFAULT 0,
      lost_leases integer NOT NULL DEFAULT 0,
      generation integer NOT NULL DEFAULT 0,
      cancel_requested boolean NOT NULL DEFAULT false,
      last_error text,
      result text,
      -- NULL while there is nothing to tell; a job that ever died has one.
      history text
    ) WITH (
      -- Each job is written three times: what it leaves behind is cleared often, in small portions.
      fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
      autovacuum_analyze_scale_factor = 0.05, autovacuum_analyze_threshold = 2000, autovacuum_vacuum_cost_delay = 0
    );

    -- What to run next in a lane, and which lanes have anything.
    CREATE INDEX jobs_available ON @jobs (kind, target, priority DESC, run_at, seq) WHERE state = 'available';
    -- What becomes due next, over all lanes, and the oldest of each lane.
    CREATE INDEX jobs_scheduled ON @jobs (run_at, seq) WHERE state = 'scheduled';
    CREATE INDEX jobs_scheduled_lane ON @jobs (kind, target, run_at) WHERE state = 'scheduled';
    -- Leases to look after, and lists of the rarer states.
    CREATE INDEX jobs_running ON @jobs (seq) WHERE state = 'running';
    CREATE INDEX jobs_rare ON @jobs (state, seq) WHERE state IN ('parked', 'dead', 'cancelled');
    -- What prune takes, oldest first.
    CREATE INDEX jobs_settled ON @jobs (settled_at, seq) WHERE settled_at IS NOT NULL;

    CREATE TABLE @keys (
      kind text COLLATE "C" NOT NULL,
      key text COLLATE "C" NOT NULL,
      fingerprint text NOT NULL,
      job_id text COLLATE "C" NOT NULL,
      expires_at bigint NOT NULL,
      -- Where the job stood when it was pruned before its key ran out.
      last_state text,
      PRIMARY KEY (kind, key)
    );
    CREATE INDEX keys_expiry ON @keys (expires_at);

    CREATE TABLE @dead_letters (
      number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      id text COLLATE "C" NOT NULL UNIQUE,
      kind text COLLATE "C" NOT NULL,
      target text COLLATE "C" NOT NULL,
      cause text NOT NULL,
      error text NOT NULL,
      attempts integer NOT NULL,
      generation integer NOT NULL,
      status text COLLATE "C" NOT NULL,
      target_down boolean NOT NULL,
      created_at bigint NOT NULL,
      last_retry_at bigint,
      next_retry_at bigint
    );
    CREATE INDEX dead_letters_status ON @dead_letters (status, number);
    CREATE INDEX dead_letters_target ON @dead_letters (target, status, number);
    CREATE INDEX dead_letters_due ON @dead_letters (next_retry_at, number) WHERE next_retry_at IS NOT NULL;

    -- How many there are: a sum, and the changes that were not added to it yet. Transactions only append changes, so none
    -- waits for another over a counter.
    CREATE TABLE @counts (
      subject text COLLATE "C" NOT NULL,
      kind text COLLATE "C" NOT NULL,
      target text COLLATE "C" NOT NULL,
      state text COLLATE "C" NOT NULL,
      n bigint NOT NULL,
      PRIMARY KEY (subject, kind, target, state)
    ) WITH (fillfactor = 50);
    CREATE TABLE @count_changes (
      subject text COLLATE "C" NOT NULL,
      kind text COLLATE "C" NOT NULL,
      target text COLLATE "C" NOT NULL,
      state text COLLATE "C" NOT NULL,
      n bigint NOT NULL
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);

    CREATE TABLE @workers (
      id text COLLATE "C" PRIMARY KEY,
      host text NOT NULL,
      pid integer NOT NULL,
      boot_id text NOT NULL,
      started_at bigint NOT NULL,
      seen_at bigint NOT NULL
    );

    CREATE TABLE @states (
      name text COLLATE "C" PRIMARY KEY,
      value text NOT NULL,
      updated_at bigint NOT NULL
    );

    -- One row, rewritten by check().
    CREATE TABLE @probe (id integer PRIMARY KEY, at bigint NOT NULL);

    -- Undoes the statement that it is called in: nothing of a batch is stored when one of its keys is another job's.
    CREATE FUNCTION @refuse(place bigint, first_id text) RETURNS boolean LANGUAGE plpgsql AS $refuse$
    BEGIN
      RAISE EXCEPTION 'idempotency key used with another payload'
        USING ERRCODE = 'HF409', DETAIL = json_build_object('index', place, 'id', first_id)::text;
    END
    $refuse$;
  `,
} as const
