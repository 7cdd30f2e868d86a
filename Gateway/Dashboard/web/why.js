// Why, and why not: what would be decided about a customer now, check by check.
import { h } from './dom.js';
import { Problem, get } from './api.js';
import { card, encode, inWords, time, triggerLink } from './parts.js';

const asked = {
  event: 'it happened', unless: 'nothing closed it', enabled: 'the trigger is enabled', rollout: 'within the rollout', condition: 'the condition holds', consent: 'the customer did not refuse',
  limits: 'the limits leave room', 'quiet-hours': 'the hours are not quiet', expires: 'it would not be too late', outbox: 'the outbox has room', holdout: 'not in the control group', shadow: 'not in shadow mode',
  cap: 'the channel’s cap leaves room', suppression: 'the address is not suppressed',
};

const unasked = {
  event: 'it has not happened', unless: 'an event closed it', enabled: 'the trigger is paused', rollout: 'outside of the rollout', condition: 'the condition does not hold', consent: 'the customer refused',
  limits: 'the limits leave no room', 'quiet-hours': 'the hours are quiet', expires: 'it would be too late', outbox: 'the outbox is full', holdout: 'in the control group', shadow: 'in shadow mode',
  cap: 'the channel’s cap leaves no room', suppression: 'the address is suppressed',
};

/** Whatever does not hold, and what a reader would ask for first. */
const isTelling = check => !check.holds || check.name === 'condition' || check.name === 'event';

const mark = holds => h('span', { class: 'mark ' + (holds ? 'good' : 'bad'), role: 'img', 'aria-label': holds ? 'holds' : 'does not hold' }, holds ? '✓' : '✕');

const tree = part => h('li', { 'data-key': part.pointer }, mark(part.holds), h('div', null,
  h('code', null, part.text), part.actual !== null && part.actual !== undefined ? h('small', null, ' is ', h('b', null, part.actual)) : null,
  part.children.length ? h('ul', { class: 'checks' }, part.children.map(tree)) : null));

/** A panel that asks anew whenever the customer has changed. */
export async function whyPanel(path, signal, redraw) {
  const triggers = (await get('triggers', signal)).items;
  const choice = h('select', { 'data-keep': true, 'aria-label': 'Trigger' }, triggers.map(({ id, document }) => h('option', { value: id }, document.name ?? id)));
  let answer = null;
  let isChosen = false;
  async function refresh(profile) {
    // What is asked most often is about what waits, else about what was decided last.
    const likely = profile?.waits[0]?.trigger ?? profile?.decisions[0]?.trigger;
    if (!isChosen && triggers.some(({ id }) => id === likely)) choice.value = likely;
    isChosen = true;
    if (!choice.value) return;
    try {
      answer = await get(`${path}/explain?trigger=${encode(choice.value)}`, signal);
    } catch (problem) {
      // The trigger was deleted meanwhile, or the server is busy: the customer is worth showing all the same.
      if (!(problem instanceof Problem)) throw problem;
      answer = null;
    }
  }
  choice.onchange = async () => { await refresh(); redraw(); };
  const draw = () => card('Why, why not', triggers.length ? choice : null, h('div', { class: 'body' }, !triggers.length ? h('p', { class: 'soft' }, 'There is no trigger yet.') : !answer ? null : [
    h('p', { class: 'verdict ' + (answer.would === 'send' ? 'good' : 'warn') }, answer.would === 'send' ? 'If its time were now, it would be sent.' : ['If its time were now: not sent, ', inWords(answer.would), '.']),
    h('p', { class: 'small soft' }, triggerLink(answer.trigger), ` version ${answer.version}`, answer.about ? [', about ', answer.about.name ?? 'an event', ' of ', time(answer.about.occurredAt)] : ''),
    h('ul', { class: 'checks' }, answer.checks.filter(isTelling).map(line)),
    h('details', null, h('summary', null, `${answer.checks.filter(check => !isTelling(check)).length} more hold`), h('ul', { class: 'checks' }, answer.checks.filter(check => !isTelling(check)).map(line))),
  ]));
  const line = check => h('li', { 'data-key': check.name }, mark(check.holds), h('div', null, (check.holds ? asked : unasked)[check.name] ?? inWords(check.name), check.detail ? h('small', null, check.detail) : null,
    check.name === 'condition' && answer.condition ? h('ul', { class: 'checks' }, tree(answer.condition)) : null));
  return { refresh, draw };
}
