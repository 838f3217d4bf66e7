/**
 * Concurrency keys and batches. Jobs that have neither are in none of these indexes.
 */

/** A lane, in the words of `take_keyed`. */
const WAITS = `j.state = 'available' AND j.kind = of_kind AND j.target = of_target`

export const keysAndBatches = {
  version: 2,
  name: 'concurrency keys, batches',
  sql: `
    -- Of how many jobs with the same key so many run at once. NULL: of a kind without keys; empty: this job has none.
    ALTER TABLE @jobs ADD COLUMN concurrency_key text COLLATE "C";
    ALTER TABLE @jobs ADD COLUMN batch_id text COLLATE "C";

    -- From one key of a lane to the next, past all that waits for the same one.
    CREATE INDEX jobs_keyed ON @jobs (kind, target, priority DESC, concurrency_key, run_at, seq)
      WHERE state = 'available' AND concurrency_key IS NOT NULL;
    -- How many run with a key.
    CREATE INDEX jobs_running_keys ON @jobs (kind, concurrency_key) WHERE state = 'running' AND concurrency_key IS NOT NULL;
    -- Whether anything of a batch has not ended, and where all of it stands.
    CREATE INDEX jobs_batch ON @jobs (batch_id, state) WHERE batch_id IS NOT NULL;

    CREATE TABLE @batches (
      id text COLLATE "C" PRIMARY KEY,
      created_at bigint NOT NULL,
      completed_at bigint,
      total integer NOT NULL,
      -- Of its jobs that were pruned; the others are counted where they are.
      succeeded integer NOT NULL DEFAULT 0,
      dead integer NOT NULL DEFAULT 0,
      cancelled integer NOT NULL DEFAULT 0,
      -- The job to be enqueued when all have ended, without its summary.
      callback text
    );
    CREATE INDEX batches_open ON @batches (id) WHERE completed_at IS NULL;
    CREATE INDEX batches_completed ON @batches (completed_at, id) WHERE completed_at IS NOT NULL;

    -- Takes jobs of a lane whose kind lets so many run with one key. Who takes jobs of the kind waits for its turn: of two at
    -- once, both would see that nothing runs with a key. Each statement in here sees what was committed before it began.
    --
    -- First in the order of the lane, as far as a window goes; then, when the window is full of jobs that must wait for their
    -- keys, from key to key, those beyond the last one served first. So the cost does not grow with what waits for one key.
    CREATE FUNCTION @take_keyed(told bigint, by_worker text, lease_ms bigint, of_kind text, of_target text, most integer,
      per_key integer, beyond text, around integer)
    RETURNS SETOF @jobs LANGUAGE plpgsql
    -- Always along an index: a plan is made once, when there may be few jobs, and kept when there are many. What is switched off
    -- looks expensive where it cannot be done without, which must not make the server compile it.
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
    SET jit = off
    AS $take$
    DECLARE
      moment bigint;
      chosen bigint[];
      -- The key of each, empty for none.
      keys text[];
      fresh bigint[];
      seen integer;
      free integer;
      looked integer := 0;
      level integer := 2147483647;
      this_key text;
      came_round boolean;
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtextextended('holdfast keys of @jobs ' || of_kind, 0));
      moment := coalesce(told, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint);

      WITH busy AS MATERIALIZED (
        SELECT r.concurrency_key AS key, count(*) AS n FROM @jobs AS r
        WHERE r.state = 'running' AND r.kind = of_kind AND r.concurrency_key IS NOT NULL GROUP BY r.concurrency_key),
      front AS MATERIALIZED (
        SELECT j.seq, coalesce(j.concurrency_key, '') AS key, j.priority, j.run_at FROM @jobs AS j WHERE ${WAITS}
        ORDER BY j.priority DESC, j.run_at, j.seq LIMIT most + around),
      numbered AS (
        SELECT f.*, row_number() OVER (PARTITION BY f.key ORDER BY f.priority DESC, f.run_at, f.seq) AS nth FROM front AS f),
      first AS (
        SELECT n.seq FROM numbered AS n LEFT JOIN busy AS b ON b.key = n.key
        WHERE n.key = '' OR n.nth <= per_key - coalesce(b.n, 0)
        ORDER BY n.priority DESC, n.run_at, n.seq LIMIT most),
      -- By number: an expression hides from the planner that a partial index would serve, too.
      mine AS MATERIALIZED (
        SELECT j.seq, coalesce(j.concurrency_key, '') AS key FROM @jobs AS j
        WHERE j.seq = ANY (ARRAY(SELECT f.seq FROM first AS f)) AND j.state || '' = 'available' FOR NO KEY UPDATE SKIP LOCKED)
      SELECT (SELECT count(*) FROM front), ARRAY(SELECT m.seq FROM mine AS m), ARRAY(SELECT m.key FROM mine AS m)
      INTO seen, chosen, keys;

      IF seen >= most + around THEN
        <<from_level_to_level>>
        WHILE cardinality(chosen) < most LOOP
          SELECT j.priority INTO level FROM @jobs AS j
          WHERE ${WAITS} AND j.concurrency_key IS NOT NULL AND j.priority < level
          ORDER BY j.priority DESC LIMIT 1;
          EXIT WHEN NOT FOUND;
          -- No key first, then those beyond the last one served, then the others.
          this_key := '';
          came_round := false;
          LOOP
            free := most - cardinality(chosen);
            IF this_key <> '' THEN
              SELECT least(free, per_key - cardinality(array_positions(keys, this_key)) - count(*)) INTO free FROM @jobs AS r
              WHERE r.state = 'running' AND r.kind = of_kind AND r.concurrency_key = this_key;
            END IF;
            IF free > 0 THEN
              WITH mine AS MATERIALIZED (
                SELECT j.seq FROM @jobs AS j
                WHERE ${WAITS} AND j.priority = level AND j.concurrency_key = this_key AND j.seq <> ALL (chosen)
                ORDER BY j.run_at, j.seq LIMIT free FOR NO KEY UPDATE SKIP LOCKED)
              SELECT ARRAY(SELECT m.seq FROM mine AS m) INTO fresh;
              chosen := chosen || fresh;
              keys := keys || array_fill(this_key, ARRAY[cardinality(fresh)]);
            END IF;
            looked := looked + 1;
            EXIT from_level_to_level WHEN cardinality(chosen) >= most OR looked >= 1000;
            IF this_key = '' AND NOT came_round THEN this_key := beyond; END IF;
            SELECT j.concurrency_key INTO this_key FROM @jobs AS j
            WHERE ${WAITS} AND j.priority = level AND j.concurrency_key > this_key
            ORDER BY j.concurrency_key LIMIT 1;
            IF NOT FOUND AND NOT came_round THEN
              came_round := true;
              SELECT j.concurrency_key INTO this_key FROM @jobs AS j
              WHERE ${WAITS} AND j.priority = level AND j.concurrency_key > ''
              ORDER BY j.concurrency_key LIMIT 1;
            END IF;
            EXIT WHEN NOT FOUND OR (came_round AND this_key > beyond);
          END LOOP;
        END LOOP;
      END IF;

      RETURN QUERY
        WITH taken AS (
          UPDATE @jobs AS j SET state = 'running', attempts = j.attempts + 1, token = j.token + 1, started_at = moment,
            worker = by_worker, lease_until = least(moment + lease_ms, ${Number.MAX_SAFE_INTEGER})
          WHERE j.seq = ANY (chosen) RETURNING j.*)
        SELECT t.* FROM taken AS t ORDER BY array_position(chosen, t.seq);
    END
    $take$;
  `,
} as const
