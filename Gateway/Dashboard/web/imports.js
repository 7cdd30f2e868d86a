// Files: sending one, and how far they all are.
import { h, say, show } from './dom.js';
import { Problem, every, get } from './api.js';
import { button, card, empty, encode, head, problemList } from './parts.js';
import { jobRow, readJobs, sendFile } from './jobs.js';

/** What is done with the rows: under which path, and with what said of them. */
const uses = {
  history: ['Import as history: fires nothing', 'imports', {}],
  live: ['Import as it were now: fires triggers', 'imports', { history: false }],
  compare: ['Compare with the profiles', 'reconciliations', {}],
  repair: ['Compare, and repair what is missing or older here', 'reconciliations', { repair: true }],
};

export default async function imports(view, { signal, mayOperate, go }) {
  let jobs = null, problems = null;
  const keep = { 'data-keep': true };
  const file = h('input', { type: 'file', accept: '.csv,.tsv,.ndjson,.jsonl', ...keep });
  const use = h('select', keep, Object.entries(uses).map(([value, [text]]) => h('option', { value }, text)));
  const source = h('input', { ...keep, list: 'sources', placeholder: 'import', autocomplete: 'off', maxlength: 256 });
  const sources = h('datalist', { id: 'sources', ...keep });
  const rows = h('select', keep, [['', 'what the mapping says'], ['native', 'events of the native format'], ['segment', 'events of Segment’s format']].map(([value, text]) => h('option', { value }, text)));
  const delimiter = h('select', keep, [['', 'comma'], [';', 'semicolon'], ['tab', 'tab']].map(([value, text]) => h('option', { value }, text)));
  const mapping = h('textarea', { class: 'editor small', ...keep, spellcheck: 'false', placeholder: '{ "customer": "/id", "type": { "value": "identify" }, "occurredAt": "/changed", "traits": { "email": "/email" } }' });
  const isCsv = () => /\.(csv|tsv|txt)$/i.test(file.files[0]?.name ?? '.csv');
  file.onchange = () => { if (/\.tsv$/i.test(file.files[0]?.name ?? '')) delimiter.value = 'tab'; draw(); };
  if (mayOperate) get('sources', signal).then(({ items }) => sources.append(...items.map(({ id }) => h('option', { value: id }))), () => {});

  async function send() {
    problems = null;
    if (!file.files[0]?.size) return say('Choose a file with something in it.', 'bad');
    const [, kind, more] = uses[use.value];
    try {
      const asked = { format: isCsv() ? 'csv' : 'ndjson', ...more, source: source.value.trim() || undefined, delimiter: isCsv() && delimiter.value || undefined, rows: !isCsv() && rows.value || undefined, mapping: mapping.value.trim() ? JSON.parse(mapping.value) : undefined };
      const job = await sendFile(kind, file.files[0], asked);
      go(`/data/${kind}/${encode(job.id)}`);
    } catch (problem) {
      if (problem instanceof SyntaxError) problems = [{ pointer: '/mapping', detail: 'is not JSON: ' + problem.message }];
      else if (problem instanceof Problem) problems = problem.errors.length ? problem.errors : [{ pointer: '', detail: problem.message }];
      else throw problem;
      draw();
    }
  }
  const form = () => card('Send a file', h('small', null, 'in pieces; it goes on where it was'), h('div', { class: 'body' },
    h('div', { class: 'form' }, h('label', null, 'CSV or NDJSON file', file), h('label', null, 'What is done with it', use), h('label', null, 'Source', source), sources,
      isCsv() ? h('label', null, 'Between cells', delimiter) : h('label', null, 'A row is', rows)),
    h('label', null, 'Mapping, JSON; where it is empty that of the source', mapping), problems ? h('div', { class: 'state', role: 'alert' }, problemList(problems)) : null,
    h('p', { class: 'tools more' }, button('Send', send, { class: 'primary' }), h('small', null, 'It is sent while this tab is open. Choose the same file again to go on; for large files use the console: ', h('code', null, 'silo import --file …')))));
  const draw = () => show(view, head('Imports and reconciliations', 'Files that came in as history, or were compared with the profiles'), h('div', { class: 'stack' },
    mayOperate ? form() : null,
    jobs && card('Files', null, jobs.length ? h('div', { class: 'rows' }, jobs.map(jobRow)) : empty('No file yet', mayOperate ? 'Send one above, or with the console’s import.' : 'To send one use a key with the role operate.'))));
  draw();
  await every(1000, signal, async () => {
    jobs = await readJobs(signal);
    draw();
  });
}
