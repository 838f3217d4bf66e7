/**
 * What is finished, in the order in which each kind's rule takes it. The index has its old name: a process of an older release
 * that still runs finds it, if with more work.
 */
export const retentionByKind = {
  version: 4,
  name: 'retention by kind',
  sql: `
    DROP INDEX holdfast_jobs_settled;
    -- What prune takes of each kind, oldest first.
    CREATE INDEX holdfast_jobs_settled ON holdfast_jobs (kind, settled_at, seq) WHERE settled_at IS NOT NULL;
  `,
} as const
