/** What a person who got a field wrong may want to know, for refusals that bring no hint of their own. */

const ABOUT: Readonly<Record<string, string>> = {
  kind: 'The kind of work, such as "http".',
  payload: 'What the kind needs to do the work, such as {"url":"https://example.com/"}.',
  'payload.url': 'Such as "https://api.example.com/hook".',
  idempotencyKey: 'A text of yours that names this piece of work, such as an order number.',
  runAt: 'Such as "2030-01-31T08:00:00Z", or milliseconds since 1970; leave it out for now.',
  priority: 'Higher runs first; 0 is normal.',
  maxAttempts: "Leave it out for the kind's own limit.",
  traceparent: 'Such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.',
  limit: 'Ask for the next page with the cursor of this one.',
  until: 'Such as "2030-01-31T08:00:00Z"; leave it out to pause until resumed.',
  cursor: 'Take it from nextCursor of the page before; leave it out for the first page.',
}

const OTHERWISE = 'Nothing was changed: correct it and send it again.'

export function hintFor(field: string): string {
  return ABOUT[field] ?? OTHERWISE
}
