// One trigger: what it says, what came of it, changing it.
import { ask, h, say, show } from './dom.js';
import { every, get, post, put } from './api.js';
import { bars, button, card, count, empty, encode, head, kindOf, shares, time } from './parts.js';
import { reading } from './reading.js';
import { hourly, standing } from './triggers.js';
import { editor } from './editor.js';
import { backtest } from './backtest.js';
import { diffOf } from './diff.js';
import { completion, seenNames } from './names.js';

const starter = { name: 'Cart abandoned', on: { event: 'Product Added' }, wait: { for: 'PT1H' }, unless: [{ event: 'Order Completed' }], limits: { cooldown: 'P1D' }, send: { sender: 'email', template: 'cart-abandoned', expires: 'PT6H' } };

export default async function trigger(view, { id, signal, mayOperate, go }) {
  const isNew = id === 'new';
  const path = 'triggers/' + encode(id);
  let stored = isNew ? { document: starter, version: 0 } : await get(path, signal);
  let counts = null, history = [], draft = stored.document;

  const name = h('input', { 'data-keep': true, placeholder: 'cart-abandoned', pattern: '[a-z0-9][a-z0-9._\\-]{0,63}', 'aria-label': 'Id of the trigger' });
  const edit = editor('triggers', () => (isNew ? name.value.trim() : id), stored.document, mayOperate, valid => { draft = valid; draw(); });
  name.oninput = () => edit.check();
  const names = mayOperate ? h('div', { 'data-keep': true }) : null;
  if (mayOperate) seenNames(signal).then(seen => names.append(completion(edit.field, seen)), () => {});

  const tryOut = mayOperate ? backtest(() => (isNew ? name.value.trim() : id), async () => (await edit.check()) ? JSON.parse(edit.text()) : null, signal, () => draw()) : () => null;

  async function save() {
    if (!await edit.check()) return;
    const to = isNew ? name.value.trim() : id;
    if (!to) return say('Give it an id first.', 'bad');
    stored = await put('triggers/' + encode(to), edit.text(), stored.version);
    say('Stored. It holds everywhere within a second.');
    if (isNew) go('/triggers/' + encode(to));
    else await refresh();
  }
  async function operate(action, title, text, fields = []) {
    const asked = await ask(title, text, action[0].toUpperCase() + action.slice(1), [...fields, { label: 'Reason, for the record', name: 'reason' }]);
    if (!asked) return;
    const body = { reason: asked.reason || undefined };
    for (const { name: member } of fields) if (asked[member] !== '') body[member] = Number(asked[member]);
    stored = await post(`${path}/${action}`, body);
    await edit.fill(stored.document);
    draft = stored.document;
    say('Done. It holds everywhere within a second.');
    await refresh();
  }
  async function refresh() {
    [counts, { items: history }] = await Promise.all([get(path + '/counts', signal), get(path + '/history', signal)]);
    draw();
  }

  const tools = () => !mayOperate || isNew ? [] : [
    stored.document.enabled === false
      ? button('Resume', () => operate('resume', 'Resume this trigger?', 'Nothing that came due meanwhile is sent.'), { class: 'primary' })
      : button('Pause', () => operate('pause', 'Pause this trigger?', 'Nothing more is sent, and what comes due while it is paused is suppressed for good.')),
    button('Ramp', () => operate('ramp', 'Ramp this trigger', 'The share of customers it is open to, and the share of those that get nothing.', [
      { label: 'Percent', name: 'percent', type: 'number', min: 0, max: 100, step: .01, value: stored.document.rollout?.percent ?? 100 },
      { label: 'Holdout, percent', name: 'holdout', type: 'number', min: 0, max: 100, step: .01, value: stored.document.rollout?.holdout ?? 0 }])),
  ];
  const draw = () => show(view,
    head(isNew ? 'New trigger' : draft.name ?? id, isNew ? 'Nothing is sent before you store it.' : [id, ', version ', String(stored.version), '  ', standing(stored.document)], tools()),
    h('div', { class: 'grid' },
      h('div', { class: 'stack wide' },
        card('In plain words', null, h('div', { class: 'body' }, reading(draft))),
        card('Document', h('small', null, 'checked as you type'), h('div', { class: 'body' },
          isNew ? h('label', null, 'Id', name) : null, isNew ? h('h3', null, 'Rule') : null, edit.field, names, edit.state,
          mayOperate ? h('div', { class: 'tools' }, button('Store', save, { class: 'primary' }), button('Undo changes', () => edit.fill(stored.document).then(() => { draft = stored.document; draw(); }))) : h('p', { class: 'soft' }, 'This key may read. To change triggers use one with the role operate.')))),
      h('div', { class: 'stack narrow' }, tryOut(), isNew ? null : [counted(counts), changes(history)])));

  draw();
  if (!isNew) await every(2500, signal, refresh);
  else edit.check();
}

function counted(counts) {
  if (!counts) return card('What came of it', null, h('div', { class: 'body soft' }, 'Counting …'));
  if (!Object.keys(counts.total.decisions).length) return card('What came of it', null, empty('Nothing yet', 'Its first decision shows here within about two seconds.'));
  return card('What came of it', h('small', null, 'all time'), h('div', { class: 'body' },
    bars(hourly(counts), 'Decisions by hour of the last 48 hours'), h('h3', null, 'Decided'), shares(counts.total.decisions, name => (name === 'send' ? 'good' : 'mute')),
    Object.keys(counts.total.sends).length ? [h('h3', null, 'Sends'), shares(counts.total.sends, kindOf)] : null,
    Object.keys(counts.total.suppressed).length ? [h('h3', null, 'Withdrawn before they left'), shares(counts.total.suppressed, () => 'mute')] : null,
    counts.versions.length > 1 ? [h('h3', null, 'By version'), h('dl', { class: 'pairs' }, counts.versions.map(one => [h('dt', null, 'version ' + one.version), h('dd', { class: 'num' }, `${count(one.counts.decisions.send)} sent of ${count(Object.values(one.counts.decisions).reduce((all, many) => all + many, 0))}`)]))] : null));
}

function changes(history) {
  return card('History', null, history.length ? h('ul', { class: 'rows' }, history.map((one, at) => h('li', { class: 'item', 'data-key': one.version + one.action + one.at },
    h('div', null, h('b', null, `version ${one.version}`), ` ${one.action} `, h('span', { class: 'soft' }, 'by ', one.by ?? 'the installation', ', '), time(one.at), one.reason ? h('small', null, one.reason) : null),
    one.document && history[at + 1]?.document ? h('details', null, h('summary', null, 'What changed'), diffOf(history[at + 1].document, one.document)) : null)))
    : empty('No changes yet', 'Who did what and when shows here.'));
}
