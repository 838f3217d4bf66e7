import { defineConfig } from './src/config/define-config.ts'

/** What `npm start` runs. Every option and its default: npx holdfast config dump */
export default defineConfig({
  http: {
    // Jobs may call public hosts and, so that you can try things out, this machine.
    allow: ['public', 'loopback'],
  },
})
