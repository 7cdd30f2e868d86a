// All senders and how they are.
import { h, show } from './dom.js';
import { every, get } from './api.js';
import { testSend } from './testsend.js';
import { badge, card, count, empty, encode, head } from './parts.js';

/** Every sender with its status and the first of what needs attention. */
export async function readSenders(signal) {
  const { items } = await get('senders', signal);
  return Promise.all(items.map(async ({ id, document }) => {
    const [status, attention] = await Promise.all([get(`senders/${encode(id)}/status`, signal), get(`senders/${encode(id)}/attention?limit=100`, signal)]);
    return { id, document, status, attention: attention.items, more: attention.next !== null || attention.forgotten > 0 };
  }));
}

export const senderRow = ({ id, document, status, attention, more }) => h('a', { class: 'row send', href: '/senders/' + encode(id), 'data-key': id },
  badge(status.breaker === 'closed' ? 'healthy' : status.breaker, status.breaker === 'closed' ? 'good' : status.breaker === 'open' ? 'bad' : 'warn'),
  h('span', null, h('b', null, id), h('small', null, `${document.type}${document.channel ? ', ' + document.channel : ''} · ${count(status.waiting)} waiting, ${count(status.delivering)} under way`)),
  attention.length ? badge(`${count(attention.length)}${more ? '+' : ''} need attention`, 'bad') : null);

export default async function senders(view, { signal, mayOperate }) {
  let all = [];
  const test = testSend(signal, () => draw());
  await every(2500, signal, async () => {
    all = (await readSenders(signal)).sort((one, other) => other.attention.length - one.attention.length);
    draw();
  });

  function draw() {
    show(view, head('Senders', 'Where mail goes out', mayOperate && all.length ? test.button(all.map(({ id }) => id)) : null), all.length
      ? h('div', { class: 'stack' }, test.draw(), card('All', null, h('div', { class: 'rows' }, all.map(senderRow))))
      : h('section', { class: 'card' }, empty('No sender yet', 'For a start, a file with a line a mail:', h('pre', null, `curl -X PUT ${location.origin}/v1/senders/email \\\n  -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \\\n  -d '{"type": "log", "channel": "email"}'`))));
  }
}
