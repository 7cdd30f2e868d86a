// How it goes: what needs somebody first, then what is decided, as it is decided.
import { h, show } from './dom.js';
import { every, get } from './api.js';
import { badge, card, count, customerLink, empty, encode, head, inWords, kindOf, line, outcome, shares, time, triggerLink } from './parts.js';
import { nobodyYet } from './customers.js';
import { readSenders, senderRow } from './senders.js';
import { hourly } from './triggers.js';

const add = (all, counted) => { for (const [name, many] of Object.entries(counted)) all[name] = (all[name] ?? 0) + many; return all; };
const sum = counted => Object.values(counted).reduce((all, one) => all + one, 0);

export default async function home(view, { signal }) {
  const profiles = new Map();
  await every(1500, signal, async () => {
    const [people, counts, senders] = await Promise.all([get('customers?limit=12', signal), get('triggers/counts', signal), readSenders(signal)]);
    await Promise.all(people.items.filter(one => profiles.get(one.customer)?.version !== one.version).map(async one => profiles.set(one.customer, await get('customers/' + encode(one.customer), signal))));
    if (!people.items.length) return show(view, head('Home'), h('section', { class: 'card' }, nobodyYet()));

    const decisions = {}, sends = {}, hours = new Array(48).fill(0);
    for (const trigger of counts.items) {
      add(decisions, trigger.total.decisions);
      add(sends, trigger.total.sends);
      hourly(trigger).forEach((many, at) => { hours[at] += many; });
    }
    const latest = people.items.flatMap(({ customer }) => profiles.get(customer).decisions.map(one => ({ ...one, customer }))).sort((one, other) => new Date(other.at) - new Date(one.at)).slice(0, 25);
    const attention = senders.reduce((all, one) => all + one.attention.length, 0);
    const waiting = people.items.reduce((all, { customer }) => all + profiles.get(customer).waits.length, 0);
    const broken = senders.filter(one => one.status.breaker !== 'closed');
    show(view, head('Home', null),
      h('div', { class: 'tiles' },
        h('div', { class: 'tile' }, h('span', null, 'Decisions'), h('b', null, count(sum(decisions))), h('small', null, 'in the last 48 hours'), line(hours, 'Decisions by hour of the last 48 hours')),
        tile('Sent', sends.sent, 'mails that left'), tile('Not sent', sum(decisions) - (decisions.send ?? 0), 'each with its reason'), tile('Waiting', waiting, 'of the latest active'),
        h('a', { class: 'tile' + (attention || broken.length ? ' alarm' : ''), href: '/senders' }, h('span', null, 'Needs attention'), h('b', null, count(attention)), h('small', null, broken.length ? `breaker open: ${broken.map(one => one.id).join(', ')}` : attention ? 'sends that failed' : 'all is well'))),
      h('div', { class: 'grid' },
        h('div', { class: 'stack wide' }, card('Decisions as they come', h('small', null, 'of the latest active customers'), latest.length
          ? h('ul', { class: 'rows' }, latest.map(decisionRow))
          : empty('Nothing decided yet', 'The first decision of any trigger shows here with its reason.'))),
        h('div', { class: 'stack narrow' },
          card('Senders', null, senders.length ? h('div', { class: 'rows' }, senders.map(senderRow)) : empty('No sender yet', 'Without one nothing can leave.')),
          card('Outcomes', h('small', null, 'all triggers'), h('div', { class: 'body' }, shares(decisions, name => (name === 'send' ? 'good' : 'mute')))))));
  });
}

const decisionRow = one => h('li', { class: 'item decision', 'data-key': one.decisionId },
  time(one.at), customerLink(one.customer), triggerLink(one.trigger), outcome(one), h('span', { class: 'soft', title: one.detail ?? '' }, one.detail ?? ''));

const tile = (name, many, more) => h('div', { class: 'tile' }, h('span', null, name), h('b', null, count(many)), h('small', null, more));
