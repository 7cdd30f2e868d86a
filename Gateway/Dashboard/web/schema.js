// One schema: its document, a draft of it from what was recorded, and who changed it.
import { ask, h, say, show } from './dom.js';
import { every, get, put, remove } from './api.js';
import { button, card, count, empty, encode, head, time } from './parts.js';
import { diffOf } from './diff.js';
import { editor } from './editor.js';
import { mode } from './data.js';
import { seenEvents } from './names.js';

const starter = { event: 'Product Added', mode: 'warn', schema: { required: ['product_id'], properties: { product_id: { type: 'string', minLength: 1 }, price: { type: 'number', minimum: 0 } } } };
const types = ['identify', 'page', 'screen', 'group', 'alias'];

export default async function schema(view, { id, signal, mayOperate, go }) {
  const isNew = id === 'new';
  const path = 'schemas/' + encode(id);
  let stored = isNew ? { document: starter, version: 0 } : await get(path, signal);
  let history = [], made = null;
  const name = h('input', { 'data-keep': true, placeholder: 'product-added', pattern: '[a-z0-9][a-z0-9._\\-]{0,63}', 'aria-label': 'Id of the schema' });
  const about = h('input', { 'data-keep': true, list: 'events', autocomplete: 'off', maxlength: 256, placeholder: 'Product Added, or identify' });
  const events = h('datalist', { id: 'events', 'data-keep': true });
  const edit = editor('schemas', () => (isNew ? name.value.trim() : id), stored.document, mayOperate);
  name.oninput = () => edit.check();
  if (isNew) seenEvents(signal).then(seen => events.append(...[...seen, ...types].map(value => h('option', { value }))), () => {});

  async function draft() {
    const what = about.value.trim();
    if (!what) return say('Which event is it about?', 'bad');
    const drafted = await get(`schemas/draft?${types.includes(what) ? 'type' : 'event'}=${encode(what)}`, signal);
    made = drafted;
    if (!name.value) name.value = what.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
    await edit.fill(drafted.document);
    draw();
  }
  async function save() {
    if (!await edit.check()) return;
    const to = isNew ? name.value.trim() : id;
    if (!to) return say('Give it an id first.', 'bad');
    stored = await put('schemas/' + encode(to), edit.text(), stored.version);
    say('Stored. It holds for the next events within a second.');
    if (isNew) go('/data/schemas/' + encode(to));
    else await refresh();
  }
  async function drop() {
    if (!await ask('Delete this schema?', 'Events are no longer held against it. What is in quarantine for it can then be replayed.', 'Delete')) return;
    await remove(path);
    say('Deleted.');
    go('/data');
  }
  async function refresh() {
    history = (await get(path + '/history', signal)).items;
    draw();
  }

  const draw = () => show(view,
    head(isNew ? 'New schema' : stored.document.title ?? id, isNew ? 'What an event must hold' : [id, ', version ', String(stored.version), '  ', mode(stored.document)], mayOperate && !isNew ? button('Delete', drop, { class: 'danger' }) : null),
    h('div', { class: 'grid' },
      h('div', { class: 'wide' }, card('Document', h('small', null, 'checked as you type'), h('div', { class: 'body' },
        isNew ? [h('label', null, 'Id', name), h('h3', null, 'Rule')] : null, edit.field, edit.state,
        mayOperate ? h('div', { class: 'tools' }, button('Store', save, { class: 'primary' }), button('Undo changes', () => edit.fill(stored.document))) : h('p', { class: 'soft' }, 'This key may read. To change schemas use one with the role operate.')))),
      h('div', { class: 'stack narrow' }, isNew ? draftCard() : changes(history))));
  const draftCard = () => card('Draft from recorded events', null, h('div', { class: 'body' },
    h('div', { class: 'form' }, h('label', null, 'Event', about), events, button('Draft', draft)),
    made ? h('p', { role: 'status' }, `Made of ${count(made.events)} events of ${count(made.customers)} customers, `, time(made.from), ' to ', time(made.to), '. It accepts all of them, and warns.')
      : h('p', { class: 'soft' }, 'Types, formats and fields that were always there, of the newest events. A start for somebody who knows better.')));

  draw();
  if (isNew) edit.check();
  else await every(2500, signal, refresh);
}

const changes = history => card('History', null, history.length ? h('ul', { class: 'rows' }, history.map((one, at) => h('li', { class: 'item', 'data-key': one.version + one.action },
  h('div', null, h('b', null, `version ${one.version}`), ` ${one.action} `, h('span', { class: 'soft' }, 'by ', one.by ?? 'the installation', ', '), time(one.at)),
  one.document && history[at + 1]?.document ? h('details', null, h('summary', null, 'What changed'), diffOf(history[at + 1].document, one.document)) : null)))
  : empty('No changes yet', 'Who did what and when shows here.'));
