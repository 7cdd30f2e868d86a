// Events that were not let in: finding them, and replaying or dropping many.
import { ask, h, say, show } from './dom.js';
import { every, get, post } from './api.js';
import { badge, button, card, count, empty, encode, head, inWords, time } from './parts.js';

const bulkMax = 500;
const states = ['open', 'warned', 'replayed', 'dropped'];
export const stateBadge = state => badge(state, { open: 'warn', warned: 'info', replayed: 'good' }[state] ?? 'mute');

export default async function quarantine(view, { query, signal, mayOperate }) {
  let counts = [], entries = [], next = null, isPaged = false, progress = null;
  const wanted = { source: '', event: '', reason: '', state: 'open', ...Object.fromEntries(query) };
  const select = name => h('select', { 'data-keep': true, name, onchange: event => filter(name, event.target.value) });
  const fields = { source: select('source'), reason: select('reason'), state: select('state') };
  const eventName = h('input', { 'data-keep': true, type: 'search', name: 'event', value: wanted.event, placeholder: 'any', autocomplete: 'off', onchange: event => filter('event', event.target.value.trim()) });
  choices(fields.state, [['', 'any'], ...states.map(state => [state, state])], wanted.state);

  const asQuery = (more = {}) => new URLSearchParams(Object.entries({ ...wanted, ...more }).filter(([, value]) => value !== '' && value !== null)).toString();
  function filter(name, value) {
    wanted[name] = value;
    history.replaceState(null, '', '/data/quarantine?' + new URLSearchParams(Object.entries(wanted)));
    isPaged = false;
    return load();
  }
  /** The first page, unless older ones are being looked at. */
  async function load() {
    if (isPaged) return;
    const [page, all] = await Promise.all([get('quarantine?' + asQuery({ limit: 50 }), signal), get('quarantine/counts', signal)]);
    if (isPaged) return;
    [entries, next, counts] = [page.items, page.next, all.items];
    for (const name of ['source', 'reason']) choices(fields[name], [['', 'any'], ...new Set([...counts.map(one => one[name]), wanted[name]].filter(Boolean))], wanted[name]);
    draw();
  }
  async function older() {
    const page = await get('quarantine?' + asQuery({ limit: 50, before: next }), signal);
    isPaged = true;
    entries = [...entries, ...page.items];
    next = page.next;
    draw();
  }
  /** How many open ones the filter has; of an event's name only what is shown is known. */
  const open = () => wanted.event
    ? `${count(entries.filter(({ state }) => state === 'open').length)}${next ? '+' : ''}`
    : count(counts.filter(one => one.state === 'open' && (!wanted.source || one.source === wanted.source) && (!wanted.reason || one.reason === wanted.reason)).reduce((all, one) => all + one.events, 0));

  async function all(verb, name, text, isReasonRequired) {
    const asked = await ask(`${name} ${open()} events?`, text, name, [{ label: isReasonRequired ? 'Reason' : 'Reason, for the record', name: 'reason', required: isReasonRequired }]);
    if (!asked) return;
    const refused = {};
    let done = 0;
    try {
      for (let before = null, isFirst = true; isFirst || before; isFirst = false) {
        const answer = await post(`quarantine/${verb}?` + asQuery({ state: 'open', limit: bulkMax, before }), { reason: asked.reason || undefined });
        done += answer.done;
        for (const [why, many] of Object.entries(answer.refused)) refused[why] = (refused[why] ?? 0) + many;
        before = answer.next;
        progress = `${count(done)} done so far`;
        draw();
        if (signal.aborted) return;
      }
    } finally {
      progress = null;
    }
    say([`${count(done)} done`, ...Object.entries(refused).map(([why, many]) => `${count(many)} ${inWords(why)}`)].join(', ') + '.', done || !Object.keys(refused).length ? 'good' : 'bad');
    isPaged = false;
    await load();
  }

  const isOpenShown = () => (wanted.state === 'open' || wanted.state === '') && open() !== '0';
  const tools = () => progress ? h('small', { role: 'status' }, progress) : !mayOperate || !isOpenShown() ? [] : [
    button(`Replay all ${open()}`, () => all('replay', 'Replay', 'Those that are right by the rules of now are taken in; the others stay.', false)),
    button(`Drop all ${open()}`, () => all('drop', 'Drop', 'They are let go of; they can be looked at for 30 more days.', true), { class: 'danger' })];
  const draw = () => show(view, head('Quarantine', 'Events that were not let in: nothing disappears'),
    h('div', { class: 'form' }, h('label', null, 'Source', fields.source), h('label', null, 'Event', eventName), h('label', null, 'Reason', fields.reason), h('label', null, 'State', fields.state)),
    card('Events', h('div', { class: 'tools' }, tools()), entries.length
      ? [h('div', { class: 'rows' }, entries.map(one => h('a', { class: 'row held', href: '/data/quarantine/' + one.id, 'data-key': one.id },
        stateBadge(one.state), h('span', null, h('b', null, one.event ?? 'Unreadable'), one.customer ? ` of ${one.customer}` : '', h('small', null, 'from ', one.source, one.seen > 1 ? `, came ${count(one.seen)} times` : '')),
        h('span', null, badge(one.reason, 'mute'), ' ', one.pointer ? h('code', null, one.pointer) : null, h('small', null, one.detail)), time(one.receivedAt)))),
      next ? h('div', { class: 'empty' }, button('Show older', older)) : null]
      : counts.length ? empty('None of these', 'No event in quarantine fits the filter.') : empty('Nothing in quarantine', 'An event that fails an enforced schema, or cannot be read, is kept here until somebody mends or drops it.', h('p', null, h('a', { href: '/data/schemas/new' }, 'Make a schema')))));
  draw();
  await every(3000, signal, load);
}

function choices(field, options, chosen) {
  const wanted = JSON.stringify(options);
  if (field.dataset.options === wanted) return;
  field.dataset.options = wanted;
  field.replaceChildren(...options.map(option => h('option', { value: Array.isArray(option) ? option[0] : option }, Array.isArray(option) ? option[1] : option)));
  field.value = chosen;
}
