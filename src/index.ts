/**
 * The policies for calls, and what they are made of. This entry needs neither Node nor any package: it runs in browsers,
 * workers, Bun and Deno too. Durable work and what surrounds it have entries of their own: `holdfast/work`, `holdfast/stores/…`.
 */
export * from './core/index.ts'
export * from './policies/index.ts'
export * from './presets/index.ts'
export * from './targets/index.ts'
