/**
 * What processes share beside jobs. Every row ends at a time of its own, by which the sweep finds it. Functions, since each
 * operation is one way there and back: they lock the row first, read the clock then, and decide as stores/rules do.
 */

/** The clock, read after whoever was ahead has left. `told` is what it is to say in tests. */
const MOMENT = 'moment := coalesce(told, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)'
/** What a crash of the server may take: it never waits for the disk. */
const UNHURRIED = `PERFORM set_config('synchronous_commit', 'off', true)`
/** Plans are made once: they are all by primary key. Compiling them, as a pool of the caller's own may ask for, takes a second each. */
const PLANNED = 'SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off'
/** How late a bucket that is full may be removed, in ms. */
const STEP_MS = 60_000

/** The bucket, locked, as it is at `moment`. */
const BUCKET = `
      LOOP
        SELECT b.at, b.debt, b.block INTO since, missing, blocked FROM @buckets AS b WHERE b.name = bucket FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO @buckets (name, at, debt, block, until) VALUES (bucket, 0, 0, 0, 0) ON CONFLICT DO NOTHING;
      END LOOP;
      ${MOMENT};
      elapsed := greatest(0, moment - since);
      missing := greatest(0, missing - elapsed);
      blocked := greatest(0, blocked - elapsed);`
const KEEP_BUCKET = `
      UPDATE @buckets AS b SET at = moment, debt = missing, block = blocked,
        until = ceil((moment + greatest(missing, blocked)) / ${STEP_MS}) * ${STEP_MS} WHERE b.name = bucket;`
const BUCKET_VARIABLES = `
      moment bigint;
      since bigint;
      elapsed bigint;
      missing float8;
      blocked float8;`

export const sharedState = {
  version: 3,
  name: 'leases, words, buckets, records of work done once',
  sql: `
    CREATE TABLE @leases (
      name text COLLATE "C" PRIMARY KEY,
      owner text COLLATE "C" NOT NULL,
      ttl bigint NOT NULL,
      until bigint NOT NULL
    ) WITH (fillfactor = 50);
    CREATE INDEX leases_until ON @leases (until);

    CREATE TABLE @reporters (
      reporter text COLLATE "C" PRIMARY KEY,
      ttl bigint NOT NULL,
      until bigint NOT NULL
    ) WITH (fillfactor = 50);
    CREATE TABLE @words (
      reporter text COLLATE "C" NOT NULL,
      name text COLLATE "C" NOT NULL,
      value text NOT NULL,
      said_at bigint NOT NULL,
      PRIMARY KEY (reporter, name)
    ) WITH (fillfactor = 50);

    CREATE TABLE @buckets (
      name text COLLATE "C" PRIMARY KEY,
      at bigint NOT NULL,
      debt float8 NOT NULL,
      block float8 NOT NULL,
      -- When it is full, or a little later: in steps, so that its index is seldom written.
      until bigint NOT NULL
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
      autovacuum_vacuum_cost_delay = 0);
    CREATE INDEX buckets_until ON @buckets (until);

    -- What requests were granted, for those that come twice. A crash of the server forgets it, and answers none of them.
    CREATE UNLOGGED TABLE @grants (
      id text COLLATE "C" PRIMARY KEY,
      granted bigint NOT NULL,
      ready_at bigint NOT NULL,
      until bigint NOT NULL
    ) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
    CREATE INDEX grants_until ON @grants (until);

    CREATE TABLE @once (
      name text COLLATE "C" PRIMARY KEY,
      fingerprint text NOT NULL,
      owner text COLLATE "C" NOT NULL,
      token text COLLATE "C" NOT NULL,
      state text COLLATE "C" NOT NULL,
      lease_ms bigint NOT NULL,
      lease_until bigint NOT NULL,
      keep_ms bigint NOT NULL,
      result text NOT NULL,
      done_at bigint NOT NULL,
      until bigint NOT NULL,
      dropped_token text COLLATE "C" NOT NULL
    ) WITH (fillfactor = 70);
    CREATE INDEX once_until ON @once (until);

    CREATE FUNCTION @acquire(told bigint, lease text, asker text, lasts bigint)
    RETURNS TABLE (holder text, ends bigint, at_ms bigint) LANGUAGE plpgsql ${PLANNED} AS $body$
    DECLARE
      moment bigint;
      lasted bigint;
    BEGIN
      LOOP
        SELECT l.owner, l.until, l.ttl INTO holder, ends, lasted FROM @leases AS l WHERE l.name = lease FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO @leases (name, owner, ttl, until) VALUES (lease, asker, lasts, 0) ON CONFLICT DO NOTHING;
      END LOOP;
      ${MOMENT};
      at_ms := moment;
      IF holder <> asker AND ends > moment THEN
        -- A clock that was set back must not prolong it.
        IF ends > moment + lasted THEN
          ends := moment + lasted;
          UPDATE @leases AS l SET until = ends WHERE l.name = lease;
        END IF;
      ELSE
        holder := asker;
        ends := moment + lasts;
        UPDATE @leases AS l SET owner = asker, ttl = lasts, until = ends WHERE l.name = lease;
      END IF;
      RETURN NEXT;
    END
    $body$;

    CREATE FUNCTION @exchange(told bigint, speaker text, lasts bigint, names text[], said text[], taken_back text[],
      channel text, teller text)
    RETURNS json LANGUAGE plpgsql ${PLANNED} AS $body$
    DECLARE
      moment bigint;
    BEGIN
      ${UNHURRIED};
      ${MOMENT};
      UPDATE @reporters AS r SET until = moment + r.ttl WHERE r.until > moment + r.ttl;
      -- Nobody's words come back when it speaks again. Whoever is being forgotten by another at this moment is left to it.
      WITH silent AS (SELECT r.reporter FROM @reporters AS r WHERE r.until <= moment FOR UPDATE SKIP LOCKED),
      gone AS (DELETE FROM @reporters AS r USING silent AS s WHERE r.reporter = s.reporter RETURNING r.reporter)
      DELETE FROM @words AS w USING gone AS g WHERE w.reporter = g.reporter;
      INSERT INTO @reporters AS r (reporter, ttl, until) VALUES (speaker, lasts, moment + lasts)
        ON CONFLICT (reporter) DO UPDATE SET ttl = excluded.ttl, until = excluded.until;
      IF cardinality(names) > 0 THEN
        INSERT INTO @words AS w (reporter, name, value, said_at)
          SELECT speaker, u.name, u.value, moment FROM unnest(names, said) AS u (name, value)
          ON CONFLICT (reporter, name) DO UPDATE SET value = excluded.value, said_at = excluded.said_at;
      END IF;
      IF cardinality(taken_back) > 0 THEN
        DELETE FROM @words AS w WHERE w.reporter = speaker AND w.name = ANY (taken_back);
      END IF;
      IF cardinality(names) + cardinality(taken_back) > 0 THEN
        PERFORM pg_notify(channel, teller);
      END IF;
      RETURN json_build_object(
        'now', moment,
        'reporters', (SELECT json_agg(r.reporter ORDER BY r.reporter) FROM @reporters AS r WHERE r.until > moment),
        'words', (SELECT json_agg(json_build_array(w.reporter, w.name, w.value, w.said_at)) FROM @words AS w
          JOIN @reporters AS r ON r.reporter = w.reporter WHERE r.until > moment AND w.reporter <> speaker));
    END
    $body$;

    CREATE FUNCTION @fall_silent(speaker text, channel text, teller text) RETURNS void LANGUAGE plpgsql ${PLANNED} AS $body$
    BEGIN
      ${UNHURRIED};
      DELETE FROM @reporters AS r WHERE r.reporter = speaker;
      IF FOUND THEN
        DELETE FROM @words AS w WHERE w.reporter = speaker;
        PERFORM pg_notify(channel, teller);
      END IF;
    END
    $body$;

    CREATE FUNCTION @take(told bigint, bucket text, interval_ms float8, burst float8, cost float8, at_least float8,
      patience float8, request text, memory bigint)
    RETURNS TABLE (granted bigint, remaining bigint, wait_ms bigint, at_ms bigint) LANGUAGE plpgsql ${PLANNED} AS $body$
    DECLARE${BUCKET_VARIABLES}
      ready bigint;
      tolerance float8 := least(0.001, interval_ms / 100);
      holds float8 := burst * interval_ms;
    BEGIN
      ${UNHURRIED};${BUCKET}
      at_ms := moment;
      SELECT g.granted, g.ready_at INTO granted, ready FROM @grants AS g WHERE g.id = request AND g.until > moment;
      IF FOUND THEN
        wait_ms := greatest(0, ready - moment);
      ELSE
        granted := 0;
        IF blocked <= 0 THEN
          granted := least(cost, floor((holds + patience - missing + tolerance) / interval_ms));
        END IF;
        IF granted < at_least THEN
          granted := 0;
          wait_ms := greatest(0, ceil(greatest(blocked, missing + at_least * interval_ms - holds) - tolerance / 2));
          IF moment < since THEN${KEEP_BUCKET}
          END IF;
        ELSE
          missing := missing + granted * interval_ms;
          wait_ms := greatest(0, ceil(missing - holds - tolerance / 2));${KEEP_BUCKET}
          INSERT INTO @grants AS g (id, granted, ready_at, until) VALUES (request, granted, moment + wait_ms, moment + memory)
            ON CONFLICT (id) DO UPDATE SET granted = excluded.granted, ready_at = excluded.ready_at, until = excluded.until;
        END IF;
      END IF;
      remaining := 0;
      IF blocked <= 0 THEN
        remaining := greatest(0, floor((holds - missing + tolerance) / interval_ms));
      END IF;
      RETURN NEXT;
    END
    $body$;

    CREATE FUNCTION @give_back(told bigint, bucket text, interval_ms float8, tokens float8, request text, memory bigint)
    RETURNS void LANGUAGE plpgsql ${PLANNED} AS $body$
    DECLARE${BUCKET_VARIABLES}
    BEGIN
      ${UNHURRIED};${BUCKET}
      PERFORM FROM @grants AS g WHERE g.id = request AND g.until > moment;
      IF NOT FOUND THEN
        INSERT INTO @grants AS g (id, granted, ready_at, until) VALUES (request, tokens, moment, moment + memory)
          ON CONFLICT (id) DO UPDATE SET until = excluded.until;
        missing := greatest(0, missing - tokens * interval_ms);${KEEP_BUCKET}
      END IF;
    END
    $body$;

    CREATE FUNCTION @block(told bigint, bucket text, lasts float8) RETURNS void LANGUAGE plpgsql ${PLANNED} AS $body$
    DECLARE${BUCKET_VARIABLES}
    BEGIN
      ${UNHURRIED};${BUCKET}
      blocked := greatest(blocked, lasts);${KEEP_BUCKET}
    END
    $body$;

    CREATE FUNCTION @begin(told bigint, work text, asker text, print text, new_token text, lasts bigint, keeps bigint,
      take_over boolean)
    RETURNS TABLE (answer text, who text, given text, found_result text, time_a bigint, time_b bigint, at_ms bigint)
    LANGUAGE plpgsql ${PLANNED} AS $body$
    DECLARE
      moment bigint;
      o @once%ROWTYPE;
      free boolean;
    BEGIN
      LOOP
        SELECT * INTO o FROM @once AS r WHERE r.name = work FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO @once VALUES (work, '', '', '', 'dropped', 0, 0, 0, '', 0, 0, '') ON CONFLICT DO NOTHING;
      END LOOP;
      ${MOMENT};
      at_ms := moment;
      free := o.until <= moment OR o.state = 'dropped';
      IF NOT free AND o.fingerprint <> print THEN
        answer := 'mismatch';
      ELSIF NOT free AND o.state = 'done' THEN
        answer := 'done';
        found_result := o.result;
        time_a := o.done_at;
        time_b := o.until;
      ELSE
        IF NOT free AND o.lease_until > moment + o.lease_ms THEN
          -- A clock that was set back must not prolong it.
          o.lease_until := moment + o.lease_ms;
          UPDATE @once AS r SET lease_until = o.lease_until, until = o.lease_until + r.keep_ms WHERE r.name = work;
        END IF;
        who := o.owner;
        given := o.token;
        time_a := o.lease_until;
        IF NOT free AND o.lease_until > moment THEN
          answer := CASE WHEN o.owner = asker THEN 'started' ELSE 'running' END;
        ELSIF NOT free AND NOT take_over THEN
          answer := 'unknown';
        ELSE
          answer := 'started';
          given := new_token;
          time_a := moment + lasts;
          UPDATE @once AS r SET fingerprint = print, owner = asker, token = new_token, state = 'running', lease_ms = lasts,
            lease_until = moment + lasts, keep_ms = keeps, result = '', done_at = 0, until = moment + lasts + keeps,
            dropped_token = CASE WHEN o.until <= moment THEN '' ELSE o.dropped_token END
            WHERE r.name = work;
        END IF;
      END IF;
      RETURN NEXT;
    END
    $body$;

    CREATE FUNCTION @settle_once(told bigint, what text, work text, holder text, lasts bigint, outcome text)
    RETURNS boolean LANGUAGE plpgsql ${PLANNED} AS $body$
    DECLARE
      moment bigint;
      o @once%ROWTYPE;
    BEGIN
      SELECT * INTO o FROM @once AS r WHERE r.name = work FOR NO KEY UPDATE;
      ${MOMENT};
      IF o.name IS NULL OR o.until <= moment THEN
        RETURN false;
      END IF;
      IF what = 'finish' AND o.state = 'done' AND o.token = holder OR what = 'drop' AND o.dropped_token = holder THEN
        RETURN true;
      END IF;
      IF o.state <> 'running' OR o.token <> holder THEN
        RETURN false;
      END IF;
      IF what = 'keep' THEN
        UPDATE @once AS r SET lease_ms = lasts, lease_until = moment + lasts, until = moment + lasts + r.keep_ms
          WHERE r.name = work;
      ELSIF what = 'finish' THEN
        UPDATE @once AS r SET state = 'done', result = outcome, done_at = moment, until = moment + lasts WHERE r.name = work;
      ELSE
        UPDATE @once AS r SET state = 'dropped', dropped_token = holder, until = moment + lasts WHERE r.name = work;
      END IF;
      RETURN true;
    END
    $body$;
  `,
} as const
