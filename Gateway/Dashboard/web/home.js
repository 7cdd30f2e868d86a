// How it goes: what needs somebody first, then what is decided, as it is decided.
import { h, show } from './dom.js';
import { every, get } from './api.js';
import { card, count, customerLink, empty, head, line, outcome, sampler, shares, time, triggerLink } from './parts.js';
import { nobodyYet } from './customers.js';
import { readSenders, senderRow } from './senders.js';

const decisionsMax = 30;

const sum = counted => Object.values(counted).reduce((all, one) => all + one, 0);
const rate = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });
const lasting = seconds => seconds === null || seconds === undefined ? '–' : seconds < 1 ? `${rate.format(seconds * 1000)} ms` : `${rate.format(seconds)} s`;

export default async function home(view, { signal }) {
  // Decisions come to the list every two seconds.
  const sampling = sampler(2);
  let known = null, decided = 0, senders = [], turn = 0;
  await every(1000, signal, async () => {
    const [overview, recent] = await Promise.all([get('overview', signal), get('decisions/recent?limit=' + decisionsMax, signal)]);
    // How senders are changes less often, and asks more of the server.
    if (turn++ % 3 === 0) senders = await readSenders(signal);
    if (!recent.items.length && !(await get('customers?limit=1', signal)).items.length) return show(view, head('Home'), h('section', { class: 'card' }, nobodyYet()));
    const isNew = one => known !== null && !known.has(one.decisionId);
    if (known) sampling.note(Math.max(0, recent.decided - decided), recent.items.filter(isNew).length);
    draw(view, overview, recent.items.map(one => ({ ...one, isFresh: isNew(one) })), senders, sampling.words);
    decided = recent.decided;
    known = new Set(recent.items.map(one => one.decisionId));
  });
}

function draw(view, overview, decisions, senders, sampled) {
  const attention = senders.reduce((all, one) => all + one.attention.length, 0);
  const broken = overview.senders.filter(one => one.breaker !== 'closed');
  const decided = sum(overview.decisions);
  const span = Math.round(overview.seconds);
  const rates = overview.eventsEachSecond;
  show(view, head('Home', `The last ${span} seconds of this process; ${count(overview.activations)} ${overview.activations === 1 ? 'customer' : 'customers'} in memory`, h('a', { class: 'button', href: '/cluster' }, 'Cluster')),
    h('div', { class: 'tiles' },
      attention || broken.length ? h('a', { class: 'tile alarm', 'data-key': 'alarm', href: '/senders' }, h('span', null, 'Needs attention'), h('b', null, count(attention || broken.length)),
        h('small', null, broken.length ? `breaker ${broken.map(one => `${one.breaker}: ${one.id}`).join(', ')}` : attention === 1 ? 'send that failed or is held' : 'sends that failed or are held')) : null,
      h('div', { class: 'tile', 'data-key': 'rate' }, h('span', null, 'Events a second'), h('b', null, rate.format(rates.at(-1) ?? overview.eventsPerSecond)), h('small', null, `${count(sum(overview.events))} in ${span} s`), line(rates.length ? rates : [0], `Events in each of the last ${rates.length} seconds`)),
      tile('Decisions', count(decided), `${count(overview.decisions.send)} to send`),
      tile('Delivered', count(overview.sends.sent), sum(overview.sends) > (overview.sends.sent ?? 0) ? `of ${count(sum(overview.sends))} attempts` : 'every attempt'),
      tile('Event to decision', lasting(overview.decisionLatency.p50), `p95 ${lasting(overview.decisionLatency.p95)}, p99 ${lasting(overview.decisionLatency.p99)}`),
      tile('Deadlines late by', lasting(overview.deadlineLateness.p50), `p99 ${lasting(overview.deadlineLateness.p99)}; journal queue ${count(overview.journalQueue)}`)),
    h('div', { class: 'grid' },
      h('div', { class: 'stack wide' }, card('Decisions as they come', h('small', sampled ? { class: 'warn', role: 'status' } : null, sampled ?? 'each with its reason'), decisions.length
        ? h('ul', { class: 'rows' }, decisions.map(row))
        : empty('Nothing decided yet', 'The first decision of any trigger shows here with its reason, also each decision not to send.'))),
      h('div', { class: 'stack narrow' },
        card('Outcomes', h('small', null, `last ${span} seconds`), h('div', { class: 'body' }, decided ? shares(overview.decisions, name => (name === 'send' ? 'good' : 'mute')) : h('p', { class: 'soft' }, 'No decision in this time.'))),
        card('Senders', null, senders.length ? h('div', { class: 'rows' }, senders.map(senderRow)) : empty('No sender yet', 'Without one nothing can leave.')))));
}

const row = one => h('li', { class: 'item decision' + (one.isFresh ? ' fresh' : ''), 'data-key': one.decisionId },
  time(one.decidedAt), customerLink(one.customer), triggerLink(one.trigger), outcome(one), h('span', { class: 'soft' }, one.detail ?? ''));

const tile = (name, many, more) => h('div', { class: 'tile', 'data-key': name }, h('span', null, name), h('b', null, many), h('small', null, more));
