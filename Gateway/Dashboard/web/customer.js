// One customer, live: what is known and where it came from, what waits, what was decided and why, and everything that was recorded.
import { ask, h, paced, say, show } from './dom.js';
import { Problem, follow, get, post } from './api.js';
import { badge, button, card, clock, count, countdown, empty, encode, face, head, inWords, kindOf, money, outcome, sampler, time, triggerLink, value } from './parts.js';
import { attemptsOf } from './attempts.js';
import { conflictsOf } from './conflicts.js';
import { factRow } from './facts.js';
import { identitiesOf } from './identities.js';
import { timeTravel } from './travel.js';
import { whyPanel } from './why.js';

const factsMax = 200;

/** While more happens than can be read, fewer rows: drawing them is most of the work. */
const sampledFactsMax = 30;

/** Four times a second is live to the eye. */
const drawPause = 250;

/** Why and why not is asked of the server. */
const whyPause = 1000;

export default async function customer(view, { id, query, signal, mayOperate, go }) {
  const path = 'customers/' + encode(id);
  let profile = null, facts = [], next = null, skipped = 0, came = 0, calming;
  const sampling = sampler(1);
  const attempts = attemptsOf(path, signal, () => draw());
  const conflicts = conflictsOf(path, signal, () => draw());
  const identities = identitiesOf(path, mayOperate);
  const travel = timeTravel(path, signal, () => draw());
  const why = await whyPanel(path, signal, () => draw());

  const soon = paced(drawPause, signal, () => draw());
  const askWhy = paced(whyPause, signal, async () => {
    // What could not be asked now is asked with the next change.
    await why.refresh(profile).catch(() => {});
    draw();
  });

  function onChange({ event, data }) {
    if (event === 'erased') throw new Problem(404, { detail: `Nothing is known of the customer '${id}' any more.` });
    if (event === 'facts') {
      const known = new Set(facts.map(fact => fact.version));
      // What the stream skipped is in the timeline; the page then begins anew from here.
      if (data.skipped) [facts, next, skipped] = [[], data.items.at(-1).version, data.skipped];
      const fresh = data.items.filter(fact => !known.has(fact.version)).map(fact => ({ ...fact, isFresh: true }));
      came += fresh.length + data.skipped;
      if (data.skipped || fresh.some(conflicts.mayFollowFrom)) conflicts.refresh();
      facts = [...fresh, ...facts].slice(0, factsMax);
      next = facts.length === factsMax ? facts.at(-1).version : next;
    } else {
      // An id that was merged is whoever it is now.
      if (data.customer !== id) return go(`/customers/${encode(data.customer)}?was=${encode(id)}`, true);
      profile = data;
      travel.follow(profile.version);
      askWhy();
    }
    if (profile) soon();
  }
  async function older() {
    const page = await get(`${path}/timeline?limit=100&before=${next}`, signal);
    facts = [...facts, ...page.items];
    next = page.next;
    draw();
  }
  async function resolve(send, action, text) {
    const asked = await ask(`${action} this send?`, text, action, [{ label: 'Reason, for the record', name: 'reason' }]);
    if (!asked) return;
    await post(`${path}/sends/${send.decisionId}/${action.toLowerCase()}`, { reason: asked.reason || undefined });
    say('Recorded.');
  }
  async function operate(wait, verb, name, text, fields) {
    const asked = await ask(`${name}: ${wait.trigger}`, text, name, [...fields, { label: 'Reason, for the record', name: 'reason' }]);
    if (!asked) return;
    await post(`${path}/waits/${encode(wait.trigger)}/${verb}`, { key: wait.key ?? undefined, by: asked.by, reason: asked.reason || undefined });
    say('Recorded.');
  }
  /** What is drawn of what has come, and words for it where that is not all. */
  function sample() {
    const shown = facts.slice(0, sampling.words ? sampledFactsMax : factsMax);
    const fresh = shown.filter(fact => fact.isFresh && !fact.isDrawn);
    for (const fact of fresh) fact.isDrawn = true;
    sampling.note(came, fresh.length);
    came = 0;
    clearTimeout(calming);
    // When it is calm again nothing else would bring the other rows back.
    if (sampling.words) calming = setTimeout(soon, 1000);
    return shown;
  }
  function draw() {
    if (!profile) return;
    const then = travel.past;
    const shown = then ?? profile;
    show(view, header(shown), becameOf(shown, query.get('was')), travel.draw(), h('div', { class: 'grid' },
      h('div', { class: 'stack wide' }, waits(shown, !then, mayOperate && operate), sends(shown, mayOperate && !then && resolve, then ? null : attempts), decisions(shown), then ? null : timeline(sample(), next, older, sampling.words)),
      h('div', { class: 'stack narrow' }, then ? null : why.draw(), traits(shown, then ? null : conflicts), identities(shown, !then), cart(shown), orders(shown), counters(shown))));
  }

  const first = await get(path + '/timeline?limit=40', signal);
  [facts, next] = [first.items, first.next];
  conflicts.refresh();
  await follow(path, facts[0]?.version ?? 0, signal, onChange);
}

/** Whoever followed an address of before is told why it is another one now. */
function becameOf({ customer, identities }, was) {
  return identities.some(one => one.id === was && one.state === 'linked') ? h('p', { class: 'verdict', role: 'status' }, h('b', null, was), ' is ', h('b', null, customer), ' now.') : null;
}

function header(profile) {
  const named = [profile.traits.first_name?.value, profile.traits.last_name?.value].filter(part => typeof part === 'string').join(' ');
  const address = profile.traits.email?.value;
  return h('div', { class: 'head' },
    h('div', { class: 'who' }, face(named || profile.customer, 52), h('div', null,
      h('h1', null, named || profile.customer),
      h('p', { class: 'soft' }, [profile.customer, typeof address === 'string' ? address : null].filter(Boolean).join(' · ')),
      h('div', { class: 'chips' }, Object.entries(profile.consent).map(([channel, said]) => badge(`${channel}: ${said.value ? 'agreed' : 'refused'}`, said.value ? 'good' : 'bad'))))),
    h('div', { class: 'tools small soft' }, h('span', null, 'seen since ', time(profile.firstSeenAt)), h('span', null, 'last ', time(profile.lastSeenAt)), h('span', { class: 'badge info num' }, 'version ' + count(profile.version))));
}

const waitActions = [
  ['fire', 'Fire', 'It ends now. All that is asked of a wait that runs out is asked, so it may still not be sent.', []],
  ['shift', 'Shift', 'It runs out so much later, or earlier with a minus sign before it.', [{ label: 'By, as an ISO 8601 duration', name: 'by', value: 'PT1H', required: true }]],
  ['cancel', 'Cancel wait', 'It is closed, and nothing is sent.', []],
];

function waits({ waits }, isNow, operate) {
  return card('Waiting', waits.length ? badge(`${waits.length} open`, 'info') : null, waits.length
    ? h('ul', { class: 'rows' }, waits.map(wait => h('li', { class: 'item wait', 'data-key': wait.trigger + wait.key },
      isNow ? countdown(wait.armedAt, wait.deadline) : h('span', { class: 'badge info num' }, 'until ', clock(wait.deadline)),
      h('div', null, triggerLink(wait.trigger), wait.key ? ` (${wait.key})` : '', h('small', null, `since ${clock(wait.armedAt)}, ${wait.arms === 1 ? 'one event' : wait.arms + ' events'}; due ${clock(wait.deadline)}`)),
      isNow && operate ? h('div', { class: 'tools' }, waitActions.map(([verb, name, text, fields]) => button(name, () => operate(wait, verb, name, text, fields), verb === 'cancel' ? { class: 'danger' } : {}))) : null)))
    : empty('Nothing waits', 'When a trigger with a wait matches an event, its countdown ticks here.'));
}

const engagements = [['deliveredAt', 'delivered', 'good'], ['openedAt', 'opened', 'good'], ['clickedAt', 'clicked', 'good'], ['machineOpenedAt', 'opened by a machine', 'mute'], ['bouncedAt', 'bounced', 'bad'], ['complainedAt', 'complained', 'bad'], ['unsubscribedAt', 'unsubscribed', 'warn']];

function sends({ sends }, resolve, attempts) {
  const words = send => [
    `${send.sender}${send.template ? ', template ' + send.template : ''}${send.content && send.content !== 'default' ? ' as ' + send.content : ''}`,
    attempts ? null : send.attempts === 1 ? 'one attempt' : `${send.attempts} attempts`,
    send.nextAttemptAt ? 'next ' + clock(send.nextAttemptAt) : null,
  ].filter(Boolean).join(' · ');
  return card('Sends', null, sends.length
    ? h('ul', { class: 'rows' }, sends.slice(0, 20).map(send => h('li', { class: 'item send', 'data-key': send.decisionId },
      badge(send.state, kindOf(send.state)),
      h('div', null, triggerLink(send.trigger), send.key ? ` (${send.key})` : '', send.reason ? h('span', { class: 'warn' }, ' ' + inWords(send.reason)) : null, h('small', null, words(send)), attempts?.(send),
        send.engagement ? h('div', { class: 'chips' }, engagements.filter(([at]) => send.engagement[at]).map(([at, text, kind]) => h('span', { class: 'badge ' + kind, title: send.engagement[at] }, text))) : null),
      h('div', { class: 'tools' }, time(send.createdAt),
        resolve && ['failed', 'held', 'pending', 'parked'].includes(send.state) ? [
          button('Retry', () => resolve(send, 'Retry', 'It is tried now. All that is asked before a delivery is asked again.')),
          button('Drop', () => resolve(send, 'Drop', 'It is let go of for good.'), { class: 'danger' })] : null))))
    : empty('Nothing sent', 'A decision to send shows here with every attempt.'));
}

function decisions({ decisions }) {
  return card('Decisions', null, decisions.length
    ? h('ul', { class: 'rows' }, decisions.slice(0, 20).map(one => h('li', { class: 'item decision own', 'data-key': one.decisionId },
      time(one.at), h('span', null, triggerLink(one.trigger), one.key ? ` (${one.key})` : ''), outcome(one), h('span', { class: 'soft', title: one.detail ?? '' }, one.detail ?? ''))))
    : empty('Nothing decided', 'No trigger has come to an outcome for this customer.'));
}

function timeline(facts, next, older, sampled) {
  return card('Timeline', h('small', sampled ? { class: 'warn', role: 'status' } : null, sampled ?? 'every recorded fact, newest first'),
    h('ol', { class: 'rows', 'aria-live': 'off' }, facts.map(fact => factRow(fact, fact.isFresh))),
    next ? h('div', { class: 'empty' }, button('Show older', older)) : null);
}

function traits({ traits, consent }, conflicts) {
  const row = ([field, name, trait]) => [h('dt', { 'data-key': 't-' + field }, name),
    h('dd', { 'data-key': 'v-' + field }, value(trait.value), h('small', { title: 'event ' + trait.messageId }, trait.source, ', ', time(trait.at)), conflicts?.of(field))];
  const all = [...Object.entries(traits).map(([name, trait]) => [name, name, trait]), ...Object.entries(consent).map(([channel, said]) => ['consent.' + channel, 'consent ' + channel, said])];
  return card('Traits', h('small', null, 'with where each came from'), all.length
    ? h('dl', { class: 'pairs body' }, all.map(row))
    : empty('No traits', 'Send an identify with traits, such as the e-mail address that mail goes to.'));
}

function cart({ cart }) {
  return card('Cart', cart.lines.length ? h('b', { class: 'num' }, money(cart.total)) : null, cart.lines.length
    ? h('ul', { class: 'rows' }, cart.lines.map(item => h('li', { class: 'item send', 'data-key': item.productId }, h('span', { class: 'num soft' }, `${item.quantity} ×`), h('span', null, item.name ?? item.productId), h('span', { class: 'num' }, money(item.price)))))
    : empty('Empty', 'Product Added fills it, Order Completed empties it.'));
}

function orders({ orders }) {
  return orders.length ? card('Orders', badge(String(orders.length), 'mute'), h('ul', { class: 'rows' }, orders.slice(0, 8).map(order => h('li', { class: 'item send', 'data-key': order.orderId },
    h('span', null, order.orderId), h('small', null, time(order.at), order.status === 'completed' ? '' : ', ' + order.status), h('span', { class: 'num' }, money(order.total, order.currency)))))) : null;
}

function counters({ counters }) {
  const all = Object.entries(counters).sort((one, other) => other[1].count - one[1].count);
  return all.length ? card('Counters', null, h('dl', { class: 'pairs body' }, all.slice(0, 16).map(([name, counter]) => [h('dt', { 'data-key': name }, name), h('dd', { class: 'num' }, count(counter.count), h('small', null, 'last ', time(counter.lastAt)))]))) : null;
}
