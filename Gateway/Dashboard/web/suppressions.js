// Addresses that get no mail.
import { ask, h, say, show } from './dom.js';
import { get, put, remove } from './api.js';
import { badge, button, card, empty, encode, head, time } from './parts.js';

export default async function suppressions(view, { signal, mayOperate }) {
  let entries = [], next = null, asked = '';
  const field = h('input', { type: 'search', 'data-keep': true, placeholder: 'A whole e-mail address', 'aria-label': 'A whole e-mail address', size: 30 });
  field.onchange = () => { asked = field.value.trim(); load(); };

  async function load(after = null) {
    const page = await get(asked ? 'suppressions?address=' + encode(asked) : `suppressions?limit=100${after ? '&after=' + encode(after) : ''}`, signal);
    entries = after ? [...entries, ...page.items] : page.items;
    next = page.next;
    draw();
  }
  async function add() {
    const given = await ask('Suppress an address', 'It gets no mail from any trigger until it is taken off the list.', 'Suppress', [{ label: 'Address', name: 'address', type: 'email', required: true }]);
    if (!given) return;
    await put('suppressions/' + encode(given.address), '{"reason":"manual"}');
    say('Suppressed.');
    await load();
  }
  async function lift(address) {
    if (!await ask('Take it off the list?', `${address} gets mail again.`, 'Take off')) return;
    await remove('suppressions/' + encode(address));
    say('It gets mail again.');
    await load();
  }
  const draw = () => show(view, head('Suppressed addresses', 'Nothing is sent to these, whatever a trigger decides', field, mayOperate ? button('Suppress an address', add, { class: 'primary' }) : null),
    h('section', { class: 'card' }, entries.length
      ? h('ul', { class: 'rows' }, entries.map(entry => h('li', { class: 'item send', 'data-key': entry.address }, badge(entry.reason, 'warn'), h('span', null, h('b', null, entry.address), entry.detail ? h('small', null, entry.detail) : null),
        h('div', { class: 'tools' }, entry.at ? time(entry.at) : null, mayOperate ? button('Take off', () => lift(entry.address)) : null))), next ? h('li', { class: 'empty' }, button('Show more', () => load(next))) : null)
      : asked ? empty('Not on the list', `${asked} is not suppressed.`) : empty('Nobody is suppressed', 'Hard bounces, complaints and unsubscribes put addresses here; so can you.')));
  await load();
}
