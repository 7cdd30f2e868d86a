// Completing names in a document: events and fields that real customers have, and the words of the language.
import { h, show } from './dom.js';
import { get } from './api.js';
import { encode } from './parts.js';

const shownMax = 12;
const words = [
  'on', 'event', 'where', 'key', 'wait', 'for', 'mode', 'debounce', 'fixed', 'atMost', 'unless', 'if', 'all', 'any', 'not', 'field', 'op', 'value', 'count', 'within', 'freshness', 'limits', 'cooldown', 'max', 'per',
  'quietHours', 'rollout', 'percent', 'holdout', 'shadow', 'send', 'sender', 'template', 'expires', 'topic', 'data', 'priority', 'enabled', 'name', 'description',
  'profile.cart.total', 'profile.cart.items', 'profile.orders.count', 'profile.orders.revenue', 'profile.consent.email', 'event.source', 'event.name',
];

/** What the latest active customers did. */
async function latestEvents(signal) {
  const { items } = await get('customers?limit=10', signal);
  const events = [];
  for (const { customer } of items) {
    const page = await get(`customers/${encode(customer)}/timeline?limit=60`, signal).catch(() => ({ items: [] }));
    events.push(...page.items.filter(item => item.type === 'eventApplied').map(item => item.fact.event));
  }
  return events;
}

export const seenEvents = async signal => [...new Set((await latestEvents(signal)).map(({ name }) => name).filter(Boolean))];

/** What the latest active customers did and are, and what there is to send by. */
export async function seenNames(signal) {
  const [events, senders, templates] = await Promise.all([latestEvents(signal), get('senders', signal), get('templates', signal)]);
  const names = new Set();
  for (const event of events) {
    if (event.name) names.add(event.name);
    for (const property of Object.keys(event.properties ?? {})) names.add('event.properties.' + property);
    for (const trait of Object.keys(event.traits ?? {})) names.add('profile.traits.' + trait);
  }
  for (const { id } of [...senders.items, ...templates.items]) names.add(id);
  return [...names, ...words];
}

/** The text between the last quotation mark and the cursor: what is being typed. */
function typing(field) {
  const before = field.value.slice(0, field.selectionStart);
  const line = before.slice(before.lastIndexOf('\n') + 1);
  return (line.match(/"/g)?.length ?? 0) % 2 ? line.slice(line.lastIndexOf('"') + 1) : null;
}

/** A row of names below a field that fit what is being typed; Alt and Enter takes the first. */
export function completion(field, names) {
  const row = h('div', { class: 'chips names', 'data-keep': true, 'aria-label': 'Names that fit' });
  let fitting = [];
  function take(name) {
    const part = typing(field) ?? '';
    const rest = field.value.slice(field.selectionStart).match(/^[^"\n]*/)[0];
    field.setRangeText(name, field.selectionStart - part.length, field.selectionStart + rest.length, 'end');
    field.dispatchEvent(new Event('input'));
    field.focus();
  }
  function suggest() {
    const part = typing(field)?.toLowerCase() ?? null;
    fitting = part === null ? [] : names.filter(name => name.toLowerCase().includes(part) && name.toLowerCase() !== part).slice(0, shownMax);
    show(row, fitting.length ? fitting.map((name, at) => h('button', { type: 'button', class: 'plain', 'data-key': name, onclick: () => take(name) }, name, at === 0 ? h('kbd', null, 'Alt ⏎') : null))
      : h('small', null, 'Names seen in real data show here while you type between quotation marks.'));
  }
  for (const happening of ['input', 'keyup', 'click']) field.addEventListener(happening, suggest);
  field.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || !event.altKey || !fitting.length) return;
    event.preventDefault();
    take(fitting[0]);
  });
  suggest();
  return row;
}
