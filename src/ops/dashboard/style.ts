/** The page's style: system fonts, the colours of sea, kelp and rock, by day and by night. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --fog: #f3f6f5; --surface: #ffffff; --sunk: #e9efed; --line: #d3dedb; --ink: #12302e; --quiet: #536b68;
  --teal: #0d625d; --teal-deep: #084643; --teal-wash: #dcece9; --on-teal: #ffffff;
  --rust: #9a3412; --rust-wash: #fbe9e1; --sand: #7a5200; --sand-wash: #f7eed7; --stone: #546260; --stone-wash: #e5eae9;
  --sea-far: #d5e6e3; --sea-mid: #a9cdc8; --sea-near: #86b9b3; --kelp: #2f7f76;
  --shadow: 0 1px 2px rgb(8 50 47 / 6%), 0 6px 24px -12px rgb(8 50 47 / 18%);
  --display: "Iowan Old Style", "Palatino Linotype", Palatino, "URW Palladio L", "Book Antiqua", Georgia, serif;
  --text: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "Liberation Mono", Menlo, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --fog: #091514; --surface: #10211f; --sunk: #0c1a19; --line: #23403c; --ink: #dcebe8; --quiet: #93afaa;
    --teal: #62c8bb; --teal-deep: #a5e3da; --teal-wash: #12332f; --on-teal: #062220;
    --rust: #ffa183; --rust-wash: #3a1b11; --sand: #e9bf67; --sand-wash: #322709; --stone: #a4b6b3; --stone-wash: #1c302d;
    --sea-far: #0d2220; --sea-mid: #10302d; --sea-near: #163f3b; --kelp: #2c6f67;
    --shadow: 0 1px 2px rgb(0 0 0 / 40%);
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--fog); color: var(--ink); font: 15px/1.5 var(--text); font-variant-numeric: tabular-nums; }
h1, h2, h3, p, dl, dd, ol, ul, pre, menu { margin: 0; padding: 0; }
ol, ul, menu { list-style: none; }
a { color: var(--teal); text-underline-offset: 0.2em; text-decoration-thickness: 1px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--teal); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
code, .id { font-family: var(--mono); font-size: 0.875em; }
.quiet { color: var(--quiet); font-weight: 400; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -999px; top: 8px; padding: 8px 16px; background: var(--surface); z-index: 2; }
.skip:focus { left: 16px; }
.sign { width: 12px; height: 12px; fill: currentColor; flex: none; }

.bar { display: flex; align-items: center; gap: 24px; padding: 12px max(24px, calc((100% - 1200px) / 2)); }
.brand { display: flex; align-items: center; gap: 10px; color: var(--ink); text-decoration: none; font: 600 20px/1 var(--display); letter-spacing: 0.01em; }
.mark { width: 34px; height: 34px; }
.mark .rock { fill: var(--stone); opacity: 0.75; }
.mark .root, .mark .stem { fill: none; stroke: var(--teal); stroke-width: 3; stroke-linecap: round; }
.mark .leaf { fill: var(--teal); }
.bar nav { display: flex; flex-wrap: wrap; gap: 0 4px; }
.bar nav a { padding: 8px 10px; color: var(--quiet); text-decoration: none; border-radius: 6px; }
.bar nav a:hover { color: var(--ink); background: var(--sunk); }
.connection { margin-left: auto; display: flex; align-items: center; gap: 8px; color: var(--quiet); font-size: 14px; }
.dot { width: 8px; height: 8px; border: 1.5px solid var(--quiet); border-radius: 50%; }
.connection[data-state="live"] .dot { background: var(--teal); border-color: var(--teal); }

main { display: block; }
main > section, main > div, main > article { width: min(1200px, 100% - 48px); margin-inline: auto; }
main > .hero { width: 100%; }
.hero { position: relative; overflow: hidden; padding: 36px 0 150px; }
.hero-text { position: relative; z-index: 1; width: min(1200px, 100% - 48px); margin-inline: auto; }
.overall { display: inline-flex; align-items: center; gap: 8px; font-weight: 600; font-size: 14px; color: var(--teal); }
.overall::before { content: ""; width: 22px; height: 2px; background: currentColor; }
.degraded .overall { color: var(--sand); }
.unhealthy .overall { color: var(--rust); }
h1 { font: 500 clamp(28px, 4.4vw, 50px)/1.14 var(--display); letter-spacing: -0.015em; margin: 8px 0 10px; max-width: 24ch; text-wrap: balance; overflow-wrap: anywhere; }
.sub { font-size: 18px; color: var(--quiet); }
.sea { position: absolute; inset: auto 0 0; width: 100%; height: 150px; mask-image: linear-gradient(#000 62%, transparent); }
.forest { position: absolute; right: max(24px, calc((100% - 1200px) / 2 + 8px)); bottom: 26px; width: 190px; height: 225px; fill: var(--kelp); opacity: 0.85; mask-image: linear-gradient(#000 70%, transparent 96%); }
.stalk { fill: none; stroke: var(--kelp); stroke-width: 2.6; stroke-linecap: round; }
.hero:has(.troubles) .forest { bottom: 26px; height: 120px; width: auto; }
.sea .far { fill: var(--sea-far); } .sea .mid { fill: var(--sea-mid); } .sea .near { fill: var(--sea-near); }
.troubles { margin-top: 28px; display: grid; gap: 10px; }
.trouble { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); overflow: hidden; border-left: 4px solid var(--sand); }
.trouble.unhealthy { border-left-color: var(--rust); }
.trouble.note { border-left-color: var(--stone); }
.trouble dl { display: grid; grid-template-columns: minmax(0, 2.1fr) minmax(0, 0.9fr) minmax(0, 1fr) minmax(0, 2fr); gap: 4px 24px; padding: 14px 20px; }
.trouble dt { font-size: 13px; color: var(--quiet); }
.trouble dd { overflow-wrap: anywhere; }
.trouble .what dd { font-weight: 600; }
.trouble .quiet { display: block; font-size: 14px; }
.error { display: block; font: 13px/1.45 var(--mono); color: var(--rust); font-weight: 400; overflow-wrap: anywhere; margin-top: 2px; }
.more { margin-top: 10px; color: var(--quiet); }

#numbers { position: relative; margin-top: -62px; }
.numbers { display: grid; grid-template-columns: repeat(6, 1fr); background: var(--surface); border: 1px solid var(--line); border-radius: 14px; box-shadow: var(--shadow); }
.numbers > div { padding: 16px 20px; border-left: 1px solid var(--line); display: flex; flex-direction: column; }
.numbers > div:first-child { border-left: 0; }
.numbers dt { color: var(--quiet); font-size: 14px; }
.numbers dt a { color: inherit; text-decoration-color: var(--line); display: inline-block; padding-block: 2px; }
.numbers dd { font: 500 30px/1.2 var(--display); font-variant-numeric: lining-nums tabular-nums; }
.numbers dd .quiet { display: block; font: 13px/1.4 var(--text); margin-top: 2px; }

h2 { font: 500 24px/1.2 var(--display); letter-spacing: -0.01em; margin: 52px 0 16px; scroll-margin-top: 16px; }
.empty { padding: 24px; border: 1px dashed var(--line); border-radius: 12px; color: var(--quiet); }
.empty pre { margin: 14px 0; color: var(--ink); }
pre { padding: 16px; background: var(--sunk); border-radius: 8px; overflow: auto; max-height: 480px; line-height: 1.55; white-space: pre; }
pre code { font-size: 13.5px; }

.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(340px, 100%), 1fr)); gap: 16px; }
.card { display: flex; flex-direction: column; gap: 12px; padding: 18px 20px 16px; background: var(--surface); border: 1px solid var(--line); border-radius: 14px; box-shadow: var(--shadow); min-width: 0; }
.card.bad { border-color: color-mix(in srgb, var(--rust) 45%, var(--line)); }
.card.warn { border-color: color-mix(in srgb, var(--sand) 45%, var(--line)); }
h3 { font-size: 16px; font-weight: 600; overflow-wrap: anywhere; line-height: 1.35; }
.standing { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 8px; }
.card .standing { margin-top: -8px; }
.standing > span:last-child { color: var(--quiet); }
.ok .standing .sign, .ok .standing strong { color: var(--teal); }
.bad .standing .sign, .bad .standing strong { color: var(--rust); }
.warn .standing .sign, .warn .standing strong { color: var(--sand); }
.still .standing .sign, .still .standing strong { color: var(--stone); }
.standing strong { font-weight: 600; }
.facts { display: grid; grid-template-columns: 1fr 1fr; gap: 10px 20px; }
.facts dt { font-size: 13px; color: var(--quiet); }
.facts dd { overflow-wrap: anywhere; }
.meter { display: block; width: 100%; height: 4px; margin-top: 4px; border-radius: 2px; overflow: hidden; }
.track { fill: var(--line); } .fill { fill: var(--teal); } .tick { fill: var(--ink); }
.range { display: block; width: 100%; height: 8px; }
.latency p { display: flex; justify-content: space-between; gap: 4px 12px; margin-top: 4px; font-size: 13px; color: var(--quiet); flex-wrap: wrap; }
.latency b { font-weight: 500; color: var(--ink); }
.last-error { font-size: 13px; }
.last-error code { display: block; color: var(--rust); overflow-wrap: anywhere; }
.card > .actions { margin-top: auto; padding-top: 4px; }
.actions { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }

button, select, input { font: inherit; color: inherit; }
button { min-height: 36px; padding: 5px 14px; background: var(--surface); border: 1px solid var(--line); border-radius: 8px; cursor: pointer; color: var(--teal); font-weight: 500; font-size: 14px; }
button:hover { border-color: var(--teal); background: var(--teal-wash); }
button:active { transform: translateY(1px); }
button:disabled { opacity: 0.5; cursor: progress; }
button.primary { background: var(--teal); border-color: var(--teal); color: var(--on-teal); }
button.primary:hover { background: var(--teal-deep); }
button.danger { color: var(--rust); }
button.danger:hover { border-color: var(--rust); background: var(--rust-wash); }
.filter { display: flex; flex-wrap: wrap; gap: 12px; align-items: end; margin-bottom: 16px; }
.filter label { display: grid; gap: 4px; font-size: 13px; color: var(--quiet); }
select, input { min-height: 36px; padding: 5px 10px; background: var(--surface); border: 1px solid var(--line); border-radius: 8px; color: var(--ink); font-size: 15px; max-width: 100%; }
.clear { padding: 8px 4px; }

.rows { width: 100%; border-collapse: separate; border-spacing: 0; background: var(--surface); border: 1px solid var(--line); border-radius: 14px; box-shadow: var(--shadow); overflow: hidden; font-size: 14px; }
.rows th { text-align: left; font-weight: 400; }
.rows thead th { padding: 10px 14px; color: var(--quiet); font-size: 13px; background: var(--sunk); }
.rows tbody td, .rows tbody th { padding: 11px 14px; border-top: 1px solid var(--line); vertical-align: top; }
.rows tbody tr:hover { background: color-mix(in srgb, var(--teal-wash) 35%, transparent); }
.rows .long { overflow-wrap: anywhere; min-width: 180px; }
.rows .why { min-width: 220px; max-width: 420px; overflow-wrap: anywhere; }
.rows .number { text-align: right; }
.rows .name { min-width: 160px; max-width: 340px; overflow-wrap: anywhere; }
.rows .end, .progress .bad { white-space: nowrap; }
.rows .progress { min-width: 240px; }
.progress .bad { color: var(--rust); }
.id { white-space: nowrap; }
.rows.figures thead th:not(:first-child) { text-align: right; }
.rows td.actions { display: table-cell; white-space: nowrap; }
.rows td.actions button + button { margin-left: 8px; }
.rows td.actions button { padding-inline: 12px; }
p.actions { margin-bottom: 14px; }
.badge { display: inline-flex; align-items: center; gap: 6px; padding: 1px 9px 1px 7px; border-radius: 99px; font-size: 13px; white-space: nowrap; background: var(--stone-wash); color: var(--stone); }
.badge .sign { width: 11px; height: 11px; }
.badge.ok { background: var(--teal-wash); color: var(--teal); }
.badge.bad { background: var(--rust-wash); color: var(--rust); }
.badge.warn { background: var(--sand-wash); color: var(--sand); }
.pager { display: flex; gap: 20px; margin-top: 14px; }

.job h1 { font-size: clamp(24px, 3.2vw, 36px); max-width: none; }
.job .actions { margin-top: 18px; }
.crumbs { margin-top: 16px; }
.columns { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 0 56px; }
.columns .facts { grid-template-columns: 1fr; }
.story { border-left: 2px solid var(--line); margin-left: 5px; }
.story li { position: relative; padding: 0 0 18px 24px; }
.story li::before { content: ""; position: absolute; left: -7px; top: 6px; width: 12px; height: 12px; border-radius: 50%; background: var(--fog); border: 2.5px solid var(--teal); }
.story li.failed::before, .story li.dead::before { border-color: var(--rust); border-radius: 3px; }
.story li.next::before { border-style: dashed; border-color: var(--quiet); }
.story li.current::before, .story li.succeeded::before { background: var(--teal); }
.story p { overflow-wrap: anywhere; }

.login { max-width: 420px; padding-top: 8vh; }
.login form { display: grid; gap: 10px; margin: 20px 0 16px; }
.login button { min-height: 42px; }
#login-error { color: var(--rust); min-height: 1.5em; }
footer { display: flex; flex-wrap: wrap; gap: 8px 24px; justify-content: space-between; width: min(1200px, 100% - 48px); margin: 64px auto 32px; padding-top: 16px; border-top: 1px solid var(--line); color: var(--quiet); font-size: 14px; }
footer a { margin-left: 16px; color: inherit; display: inline-block; padding-block: 4px; }
.toast { position: fixed; left: 50%; bottom: 24px; translate: -50% 0; max-width: min(560px, 100% - 32px); padding: 12px 20px; border-radius: 10px; background: var(--teal-deep); color: var(--on-teal); box-shadow: var(--shadow); }
.toast.bad { background: var(--rust); color: var(--surface); }
.toast:empty { display: none; }
dialog { border: 1px solid var(--line); border-radius: 14px; background: var(--surface); color: var(--ink); padding: 24px; max-width: min(460px, 100% - 32px); box-shadow: 0 24px 64px -16px rgb(0 30 28 / 45%); }
dialog::backdrop { background: rgb(5 30 28 / 45%); }
dialog p { font-size: 17px; overflow-wrap: anywhere; }
dialog menu { display: flex; justify-content: end; flex-wrap: wrap; gap: 10px; margin-top: 22px; }

@media (max-width: 1000px) {
  .forest { bottom: 26px; height: 120px; width: auto; }
  .numbers { grid-template-columns: repeat(3, 1fr); }
  .numbers > div:nth-child(4) { border-left: 0; }
  .numbers > div:nth-child(n + 4) { border-top: 1px solid var(--line); }
  .trouble dl { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 10px 24px; }
  .trouble .what, .trouble .next { grid-column: 1 / -1; }
  .columns { grid-template-columns: 1fr; }
}
@media (max-width: 820px) {
  .rows, .rows tbody { display: block; }
  .rows { background: none; border: 0; box-shadow: none; border-radius: 0; }
  .rows thead { display: none; }
  .rows tbody tr { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 12px 16px; margin-bottom: 12px; }
  .rows tbody tr { display: grid; grid-template-columns: auto minmax(0, 1fr) auto; gap: 4px 10px; align-items: baseline; }
  .rows tbody td, .rows tbody th { border: 0; padding: 0; min-width: 0; }
  .rows .why, .rows .wide, .rows td.actions, .figures tbody th { grid-column: 1 / -1; max-width: none; }
  .rows .end { grid-column: 3; grid-row: 1; color: var(--quiet); }
  #job-list .kind { grid-column: 1; grid-row: 2; font-weight: 600; }
  #job-list .long { grid-column: 2 / -1; grid-row: 2; }
  .rows .attempts { display: none; }
  .rows .long { min-width: 0; }
  #dead-letter-list .long { grid-column: 1 / -1; }
  .rows td.actions { display: flex; padding-top: 8px; gap: 8px; }
  .rows td.actions button + button { margin-left: 0; }
  .rows.labelled tbody tr { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .rows.labelled tbody th { grid-column: 1 / -1; font-weight: 600; }
  .rows.labelled td:empty { display: none; }
  #batches tbody tr { grid-template-columns: minmax(0, 1fr) auto; }
  #batches .name { max-width: none; font-weight: 600; }
  #batches .end { grid-column: 2; }
  #batches .progress { grid-column: 1 / -1; min-width: 0; }
  .rows.figures tbody tr { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .rows.figures td { text-align: left; display: block; }
  .rows.figures td::before, .rows.labelled td[data-label]::before { content: attr(data-label); display: block; color: var(--quiet); font-size: 13px; }
  button, select, input { min-height: 44px; }
}
@media (max-width: 560px) {
  .bar { flex-wrap: wrap; gap: 4px 16px; padding-inline: 16px; }
  .bar nav { order: 3; width: 100%; margin-left: -10px; }
  .bar nav a { padding-block: 10px; }
  main > section, main > div, main > article, .hero-text, footer { width: calc(100% - 32px); }
  .hero { padding-top: 16px; }
  .sub { font-size: 16px; }
  .numbers { grid-template-columns: repeat(2, 1fr); }
  .numbers > div { padding: 12px 16px; }
  .numbers > div:nth-child(odd) { border-left: 0; }
  .numbers > div:nth-child(4) { border-left: 1px solid var(--line); }
  .numbers > div:nth-child(n + 3) { border-top: 1px solid var(--line); }
  .numbers dd { font-size: 26px; }
  .trouble dl { padding: 14px 16px; }
  .filter label { flex: 1 1 40%; }
  .filter label:nth-of-type(3) { flex-basis: 55%; }
  .filter select, .filter input { width: 100%; }
  .filter button { flex: 1; }
  footer a { margin: 0 16px 0 0; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } button:active { transform: none; } }
`
