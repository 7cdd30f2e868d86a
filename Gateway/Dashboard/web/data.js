// What comes in and what of it was not let in: sources, quarantine, schemas, files.
import { h, show } from './dom.js';
import { every, get } from './api.js';
import { badge, button, card, count, empty, encode, head, shares, time } from './parts.js';
import { jobRow, readJobs } from './jobs.js';
import { readSources, sourceRow } from './sources.js';

const jobsShown = 5;

export default async function data(view, { signal, mayOperate, go }) {
  const link = (text, to, kind = 'button') => h('a', { class: kind, href: to }, text);

  await every(2000, signal, async () => {
    const [{ since, items: sources }, { items: counts }, { items: schemas }, jobs] = await Promise.all([
      readSources(signal), get('quarantine/counts', signal), get('schemas', signal), readJobs(signal)]);
    show(view, head('Data', 'What comes in, and what of it was not let in'), h('div', { class: 'grid' },
      h('div', { class: 'stack wide' }, sourcesCard(sources, since), jobsCard(jobs)),
      h('div', { class: 'stack narrow' }, quarantineCard(counts), schemasCard(schemas))));
  });

  function sourcesCard(sources, since) {
    return card('Sources', h('div', { class: 'tools' }, h('small', null, 'counted by this process since ', time(since)), mayOperate ? link('New source', '/data/sources/new', 'button primary') : null),
      sources.length ? h('div', { class: 'rows' }, sources.sort((one, other) => !one.stored - !other.stored || one.id.localeCompare(other.id)).map(sourceRow))
        : empty('No source yet', 'Shops, brokers and tables that send or are asked for events. Without one, send an event to the native API:',
          h('pre', null, `curl ${location.origin}/v1/events -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \\\n  -d '{"customer": "ada", "name": "Product Viewed"}'`)));
  }
  function quarantineCard(counts) {
    const open = counts.filter(({ state }) => state === 'open');
    const by = member => Object.entries(Object.groupBy(open, one => one[member])).map(([name, some]) => [name, some.reduce((all, { events }) => all + events, 0)]);
    const many = open.reduce((all, { events }) => all + events, 0);
    return card('Quarantine', many ? badge(`${count(many)} open`, 'warn') : null, many
      ? h('div', { class: 'body' }, h('h3', null, 'By reason'), shares(Object.fromEntries(by('reason')), () => 'warn'), h('h3', null, 'By source'), shares(Object.fromEntries(by('source')), () => 'info'),
        h('p', { class: 'more' }, link('Look at them', '/data/quarantine')))
      : empty('Nothing in quarantine', 'What fails an enforced schema, or cannot be read, is kept there until somebody mends or drops it.', h('p', null, link('All of it', '/data/quarantine', 'plain'))));
  }
  function schemasCard(schemas) {
    return card('Schemas', mayOperate ? link('New schema', '/data/schemas/new') : null, schemas.length
      ? h('div', { class: 'rows' }, schemas.map(({ id, version, updatedAt, document }) => h('a', { class: 'row send', href: '/data/schemas/' + encode(id), 'data-key': id },
        mode(document), h('span', null, h('b', null, document.title ?? id), h('small', null, document.event ?? document.type, document.normalize?.length ? `, ${document.normalize.length} steps` : '')), h('small', { class: 'num' }, `version ${version}, `, time(updatedAt)))))
      : empty('No schema yet', 'A schema says what an event must hold; what does not is warned of, or kept out. Begin with a draft of recorded events.'));
  }
  function jobsCard(jobs) {
    return card('Imports and reconciliations', mayOperate ? button('Send a file', () => go('/data/imports')) : null, jobs.length
      ? [h('div', { class: 'rows' }, jobs.slice(0, jobsShown).map(jobRow)), jobs.length > jobsShown ? h('p', { class: 'empty' }, link('All of them', '/data/imports', 'plain')) : null]
      : empty('No file yet', 'A file of past events or of a CRM’s customers goes in as history and fires nothing; or is compared with the profiles.'));
  }
}

export const mode = document => badge(document.mode ?? 'warn', { enforce: 'good', off: 'mute' }[document.mode] ?? 'warn');
