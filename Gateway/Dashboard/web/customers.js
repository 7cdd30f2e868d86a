// Everybody, the latest active first; or those whose id, address or declared trait starts with a text.
import { h, show } from './dom.js';
import { every, get } from './api.js';
import { card, count, customerLink, empty, encode, face, head } from './parts.js';

const example = `curl -X POST ${location.origin}/v1/events \\
  -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \\
  -d '{"customer": "ada", "name": "Product Added", "properties": {"name": "Trail Shoe"}}'`;

export const nobodyYet = () => empty('Nobody yet', 'Post an event, and its customer appears here within a second.', h('pre', null, example));

export default async function customers(view, { query, signal }) {
  const text = query.get('q') ?? '';
  const field = h('input', { type: 'search', 'data-keep': true, value: text, maxlength: 256, placeholder: 'Start of an id or e-mail address, or plan:gold', 'aria-label': 'Start of an id, an e-mail address or a trait', size: 38 });
  field.oninput = () => {
    history.replaceState(null, '', field.value ? '/customers?q=' + encode(field.value) : '/customers');
    refresh();
  };
  async function refresh() {
    const asked = field.value.trim();
    const { items } = await get('customers?limit=60&search=' + encode(asked), signal);
    if (asked !== field.value.trim()) return;
    show(view,
      head('Customers', asked ? null : 'The latest active first', field),
      items.length || asked
        ? card(asked ? `Starting with “${asked}”` : 'Recently active', h('small', null, `${count(items.length)}${items.length === 60 ? ' or more' : ''}`), items.length
          ? h('div', { class: 'rows' }, items.map(item => h('a', { class: 'row person', href: '/customers/' + encode(item.customer), 'data-key': item.customer },
            face(item.customer), h('span', { class: 'strong' }, item.customer), h('span', { class: 'soft' }, item.email ?? ''), h('small', { class: 'num' }, 'version ' + count(item.version)))))
          : empty('Nobody found', `No id and no e-mail address starts with “${asked}”. The search knows ids and addresses by their beginning, and traits that are declared as searchable, written plan:gold.`))
        : h('section', { class: 'card' }, nobodyYet()));
  }
  await every(2000, signal, refresh);
}
