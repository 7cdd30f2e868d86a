// One file: how far it is, its bad rows, and what a reconciliation found.
import { ask, h, say, show } from './dom.js';
import { every, get, remove } from './api.js';
import { badge, button, card, count, customerLink, empty, encode, head, span, time, value } from './parts.js';
import { jobBar, jobCounts, jobState } from './jobs.js';

export default async function importPage(view, { id, part, signal, mayOperate }) {
  const path = `${part}/${encode(id)}`;
  const isImport = part === 'imports';
  let job, bad;

  async function cancel() {
    if (!await ask(isImport ? 'Stop this import?' : 'Stop this reconciliation?', 'It stays where it is. What was applied stays applied.', 'Stop')) return;
    await remove(path);
    say('Stopped.');
    await read();
  }
  async function read() {
    const [one, errors] = await Promise.all([get(path, signal), get(path + '/errors', signal)]);
    [job, bad] = [{ ...one, kind: part }, errors];
    draw();
  }
  const took = () => {
    const milliseconds = job.finishedAt && job.startedAt ? new Date(job.finishedAt) - new Date(job.startedAt) : null;
    return milliseconds === null ? null : milliseconds < 1000 ? '< 1 s' : span(milliseconds);
  };

  function draw() {
    const { counts, findings } = job;
    show(view, head(job.name, [jobState(job), ' from ', job.source], mayOperate && job.state === 'open' ? button('Stop', cancel, { class: 'danger' }) : null),
      job.detail ? h('p', { class: 'verdict warn', role: 'alert' }, job.detail) : null,
      h('div', { class: 'tiles' }, [
        ['Progress', job.percent === null ? '–' : `${job.percent} %`, jobBar(job)], ['Rows', count(counts.rows), `${count(job.rowsPerSecond)} a second`],
        [isImport ? 'Applied' : 'Compared', count(counts.applied), [counts.late ? `${count(counts.late)} late ` : '', counts.duplicates ? `${count(counts.duplicates)} duplicates` : ''].join('')],
        ['Bad', count(counts.bad), counts.bad ? 'left out' : 'none']].map(([name, number, more]) => h('div', { class: 'tile', 'data-key': name }, h('span', null, name), h('b', { class: name === 'Bad' && counts.bad ? 'bad' : null }, number), h('small', null, more)))),
      h('div', { class: 'grid' },
        h('div', { class: 'stack wide' }, findings ? [fields(findings), samples(findings)] : null, badRows(bad)),
        h('div', { class: 'narrow' }, card('File', null, h('dl', { class: 'pairs body' },
          [['Format', `${job.format}, ${job.rows}`], ['Rows are', isImport ? job.history ? 'history: nothing fires' : 'events: triggers fire' : 'compared'], ['Sent', `${count(job.offset)} of ${job.length === null ? 'unknown' : count(job.length)} bytes`],
            ['In all', jobCounts(job)], ['Made', time(job.createdAt)], ['Last change', time(job.updatedAt ?? job.createdAt)], took() ? ['Took', took()] : null].filter(Boolean).map(([name, text]) => [h('dt', null, name), h('dd', { class: 'num' }, text)]))))));
  }
  await every(1000, signal, read);
}

const badRows = ({ bad, items }) => card('Bad rows', bad > items.length ? h('small', null, `the first ${count(items.length)} of ${count(bad)}`) : null, items.length
  ? h('ul', { class: 'rows' }, items.map(one => h('li', { class: 'item bad-row', 'data-key': one.row }, h('b', { class: 'num' }, `row ${count(one.row)}`), h('span', null, one.pointer ? [h('code', null, one.pointer), ' '] : null, one.detail), one.customer ? customerLink(one.customer) : null)))
  : empty('No bad rows', 'A row that cannot be read is left out and listed here; the others are none the worse.'));

const kinds = ['equal', 'missing', 'stale', 'conflicting', 'repaired'];
const fields = ({ customersMissing, fields }) => card('Fields', customersMissing ? badge(customersMissing === 1 ? 'one customer missing' : `${count(customersMissing)} customers missing`, 'warn') : null, Object.keys(fields).length
  ? h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'Counts by field' }, h('table', null, h('thead', null, h('tr', null, h('th', null, 'Field'), kinds.map(kind => h('th', null, kind)))),
    h('tbody', null, Object.entries(fields).map(([name, found]) => h('tr', { 'data-key': name }, h('th', { scope: 'row' }, name), kinds.map(kind => h('td', { class: found[kind] && kind !== 'equal' && kind !== 'repaired' ? 'warn' : null }, count(found[kind]))))))))
  : empty('Nothing compared yet', 'Each field of the snapshot is counted here.'));

const samples = ({ samples }) => samples.length ? card('What differs', h('small', null, 'the first hundred of each'), h('ul', { class: 'rows' }, samples.map(one => h('li', { class: 'item finding', 'data-key': one.finding + one.customer + one.field },
  badge(one.finding, 'warn'), h('div', null, customerLink(one.customer), ' ', h('code', null, one.field), h('small', null, 'theirs ', value(one.theirs), ', ', time(one.theirsAt))), h('small', null, 'ours ', value(one.ours), one.oursAt ? [', ', time(one.oursAt), `, from ${one.oursSource}`] : null))))) : null;
