// One source: how it is, its document, and switching it on and off.
import { ask, h, say, show } from './dom.js';
import { every, get, put, remove } from './api.js';
import { button, card, count, empty, encode, head, shares, time } from './parts.js';
import { editor } from './editor.js';
import { errorsOf, lag, rate, readSources, sourceState } from './sources.js';

const hidden = '***';
const starter = {
  type: 'json', secret: '', mapping: { customer: '/id', type: { value: 'identify' }, occurredAt: '/changed', traits: { email: '/email', first_name: '/first_name' }, consent: { email: '/newsletter' } },
};

/** The members whose values are secrets, which are not shown: where they are, and how to put them. */
const secretsOf = (node, at = '') => Object.entries(node ?? {}).flatMap(([name, value]) => value === hidden
  ? [{ pointer: `${at}/${name}`, put: secret => { node[name] = secret; } }]
  : value && typeof value === 'object' ? secretsOf(value, `${at}/${name}`) : []);

export default async function source(view, { id, signal, mayOperate, workspace, go }) {
  const isNew = id === 'new';
  const path = 'sources/' + encode(id);
  let stored = isNew ? { document: starter, version: 0 } : await get(path, signal);
  let known = null, history = [];
  const name = h('input', { 'data-keep': true, placeholder: 'crm', pattern: '[a-z0-9][a-z0-9._\\-]{0,63}', 'aria-label': 'Id of the source' });
  const edit = editor('sources', () => (isNew ? name.value.trim() : id), stored.document, mayOperate);
  name.oninput = () => edit.check();

  async function save() {
    if (!await edit.check()) return;
    const to = isNew ? name.value.trim() : id;
    if (!to) return say('Give it an id first.', 'bad');
    stored = await put('sources/' + encode(to), edit.text(), stored.version);
    say('Stored. It holds everywhere within a second.');
    if (isNew) go('/data/sources/' + encode(to));
    else {
      edit.reset(stored.document);
      await refresh();
    }
  }
  async function turn(isOn) {
    const document = structuredClone(stored.document);
    const secrets = secretsOf(document);
    const asked = await ask(isOn ? 'Switch this source on?' : 'Switch this source off?',
      (isOn ? 'What it sends is taken in again; what is fetched goes on where it was.' : 'What it sends is refused, and nothing is fetched from it.') + (secrets.length ? ' Its secrets are not shown to anybody, so a change must bring them along.' : ''),
      isOn ? 'Switch on' : 'Switch off', secrets.map(({ pointer }) => ({ label: pointer, name: pointer, type: 'password', required: true, maxlength: 1024 })));
    if (!asked) return;
    for (const secret of secrets) secret.put(asked[secret.pointer]);
    document.enabled = isOn;
    stored = await put(path, document, stored.version);
    say(isOn ? 'Switched on.' : 'Switched off.');
    edit.reset(stored.document);
    await refresh();
  }
  async function drop() {
    if (!await ask('Delete this source?', 'What it sends from now on is refused. What it has sent stays.', 'Delete')) return;
    await remove(path);
    say('Deleted.');
    go('/data');
  }
  async function refresh() {
    const [{ items }, changes] = await Promise.all([readSources(signal), get(path + '/history', signal)]);
    known = items.find(one => one.id === id) ?? known;
    history = changes.items;
    draw();
  }

  const isOff = () => stored.document.enabled === false;
  const tools = () => !mayOperate || isNew ? [] : [button(isOff() ? 'Switch on' : 'Switch off', () => turn(isOff()), isOff() ? { class: 'primary' } : {}), button('Delete', drop, { class: 'danger' })];
  const draw = () => show(view,
    head(isNew ? 'New source' : stored.document.name ?? id, isNew ? 'Where events come from' : [id, ', version ', String(stored.version), '  ', known ? sourceState({ ...known, stored }) : null], tools()),
    h('div', { class: 'grid' },
      h('div', { class: 'wide' }, card('Document', h('small', null, 'checked as you type'), h('div', { class: 'body' },
        isNew ? [h('label', null, 'Id', name), h('h3', null, 'What it is')] : null, edit.field, edit.state,
        mayOperate ? h('div', { class: 'tools' }, button('Store', save, { class: 'primary' }), isNew ? null : h('small', null, `Secrets show as ${hidden}: type them again to store a change.`))
          : h('p', { class: 'soft' }, 'This key may read. To change sources use one with the role operate.')))),
      h('div', { class: 'stack narrow' }, isNew || !known ? null : [numbersCard(known), known.status ? polledCard(known.status) : addressCard(stored.document, workspace, id), changesCard(history)])));

  draw();
  if (isNew) edit.check();
  else await every(2000, signal, refresh);
}

function numbersCard(source) {
  const numbers = source?.numbers;
  if (!numbers) return card('Numbers', null, empty('Nothing yet', 'Its first event counts here within two seconds.'));
  return card('Numbers', h('small', null, 'of this process'), h('div', { class: 'body' },
    h('dl', { class: 'pairs' }, [['Rate', rate(numbers)], ['Lag', lag(numbers)], ['Events', count(numbers.events)], ['Taken in', count(numbers.taken)], ['Errors', count(errorsOf(source))], ['Last', time(numbers.lastAt)]]
      .map(([name, text]) => [h('dt', null, name), h('dd', { class: 'num' }, text)])),
    numbers.open ? [h('h3', null, 'In quarantine'), shares(numbers.openReasons, () => 'warn'), h('p', { class: 'more' }, h('a', { class: 'button', href: '/data/quarantine?source=' + encode(source.id) }, 'Look at them'))] : null));
}

const polledCard = status => card('Asked', status.error ? h('span', { class: 'badge bad' }, `${count(status.failures)} failed`) : null, h('dl', { class: 'pairs body' },
  h('dt', null, 'Last'), h('dd', null, time(status.lastAt)), h('dt', null, 'Next'), h('dd', null, time(status.nextAt)), h('dt', null, 'Goes on from'), h('dd', null, status.cursor ?? h('span', { class: 'soft' }, 'the beginning')),
  status.error ? [h('dt', null, 'Error'), h('dd', { class: 'bad' }, status.error)] : null,
  h('dt', null, 'Events'), h('dd', { class: 'num' }, count(status.events)), h('dt', null, 'Refused'), h('dd', { class: 'num' }, count(status.refused), status.refusal ? h('small', null, status.refusal) : null)));

/** Brokers and tables are fetched from: what they are has a url of its own. */
const addressCard = (document, workspace, id) => document.url || document.uri || document.host ? null
  : card('Where it sends to', null, h('p', { class: 'body' }, h('code', null, `${location.origin}/v1/webhooks/${encode(workspace)}/${encode(id)}`)));

const changesCard = history => card('History', null, history.length
  ? h('ul', { class: 'rows' }, history.map(one => h('li', { class: 'item', 'data-key': one.version + one.action }, h('div', null, h('b', null, `version ${one.version}`), ` ${one.action} `, h('span', { class: 'soft' }, 'by ', one.by ?? 'the installation', ', '), time(one.at)))))
  : empty('No changes yet', 'Who did what and when shows here.'));
