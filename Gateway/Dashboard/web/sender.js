// One sender: how it is, and the sends that need somebody.
import { ask, h, say, show } from './dom.js';
import { every, get, post } from './api.js';
import { testSend } from './testsend.js';
import { badge, button, card, count, customerLink, empty, encode, head, inWords, time, triggerLink } from './parts.js';

export default async function sender(view, { id, signal, mayOperate }) {
  const path = 'senders/' + encode(id);
  const { document, version } = await get(path, signal);

  async function resolveAll(action, many) {
    const asked = await ask(`${action} ${many} sends?`, action === 'Retry' ? 'They are tried now. All that is asked before a delivery is asked again.' : 'They are let go of for good.', action, [{ label: 'Reason, for the record', name: 'reason' }]);
    if (!asked) return;
    const { done, refused } = await post(`${path}/attention/${action.toLowerCase()}`, { limit: 1000, reason: asked.reason || undefined });
    say([`${count(done)} done`, ...Object.entries(refused).map(([why, number]) => `${number} ${inWords(why)}`)].join(', ') + '. The list follows in about two seconds.');
  }
  async function resolve(entry, action) {
    const asked = await ask(`${action} this send?`, `To ${entry.customer}, of ${entry.trigger}.`, action, [{ label: 'Reason, for the record', name: 'reason' }]);
    if (!asked) return;
    await post(`customers/${encode(entry.customer)}/sends/${entry.decisionId}/${action.toLowerCase()}`, { reason: asked.reason || undefined });
    say('Recorded. The list follows in about two seconds.');
  }

  let status, attention;
  const test = testSend(signal, () => draw());
  await every(2000, signal, async () => {
    [status, attention] = await Promise.all([get(path + '/status', signal), get(path + '/attention?limit=100', signal)]);
    draw();
  });

  function draw() {
    const many = attention.items.length;
    show(view,
      head(id, [document.type, ', version ', String(version)], badge(status.breaker === 'closed' ? 'healthy' : 'breaker ' + status.breaker, status.breaker === 'closed' ? 'good' : 'bad'), mayOperate ? test.button([id]) : null),
      h('div', { class: 'grid' },
        h('div', { class: 'stack wide' }, card('Needs attention', mayOperate && many ? h('div', { class: 'tools' }, button('Retry all', () => resolveAll('Retry', count(many) + (attention.next ? '+' : ''))), button('Drop all', () => resolveAll('Drop', count(many) + (attention.next ? '+' : '')), { class: 'danger' })) : null,
          many ? h('ul', { class: 'rows' }, attention.items.map(entry => h('li', { class: 'item send', 'data-key': entry.decisionId },
            badge(entry.state, 'bad'),
            h('div', null, customerLink(entry.customer), ' · ', triggerLink(entry.trigger), entry.reason ? h('span', { class: 'warn' }, ' ' + inWords(entry.reason)) : null, entry.detail ? h('small', null, entry.detail) : null),
            h('div', { class: 'tools' }, time(entry.at), mayOperate ? [button('Retry', () => resolve(entry, 'Retry')), button('Drop', () => resolve(entry, 'Drop'), { class: 'danger' })] : null))))
            : empty('Nothing needs you', 'Sends that failed for good, and those of which nobody knows whether they arrived, show here.'),
          attention.forgotten ? h('p', { class: 'body soft' }, `${count(attention.forgotten)} older ones made room; they are in their customers’ profiles.`) : null)),
        h('div', { class: 'stack narrow' }, test.draw(),
          card('Now', null, h('dl', { class: 'pairs body' }, h('dt', null, 'Breaker'), h('dd', null, status.breaker, status.openUntil ? h('small', null, 'next attempt ', time(status.openUntil)) : null), h('dt', null, 'Waiting'), h('dd', { class: 'num' }, count(status.waiting)), h('dt', null, 'Under way'), h('dd', { class: 'num' }, count(status.delivering)))),
          card('Document', h('small', null, 'secrets stay hidden'), h('div', { class: 'body' }, h('pre', null, JSON.stringify(document, null, 2)))))));
  }
}
