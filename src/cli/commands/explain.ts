/** `holdfast explain JOB`: why it is where it is. */
import type { JobView } from '../../ops/source.ts'
import type { Context, TalkOptions } from '../context.ts'
import { connect } from '../context.ts'
import { jobStory } from '../job-story.ts'

export async function explain(context: Context, id: string, options: TalkOptions): Promise<undefined> {
  const { io, printer } = context
  const client = await connect(context, options)
  const job = await client.get<JobView>(`/v1/jobs/${encodeURIComponent(id)}`)
  const sentences = jobStory(job, io.clock.wallNow())
  const { state, heldBy, heldUntil, nextRunAt } = job
  if (options.json) return printer.json({ id: job.id, state, heldBy, heldUntil, nextRunAt, sentences }) as undefined
  printer.line(`Job ${job.id} of kind ${job.kind}, for ${job.target}.`)
  for (const sentence of sentences) printer.line(sentence)
}
