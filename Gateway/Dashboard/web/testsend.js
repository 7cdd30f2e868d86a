// A test of a sender: one message, at once, and what the provider answered.
import { ask, h } from './dom.js';
import { Problem, get, post } from './api.js';
import { badge, button, card, encode, problemList } from './parts.js';

const kinds = { sent: 'good', retry: 'warn', unknown: 'warn' };
const words = { sent: 'The provider took it.', retry: 'It did not go out; it might later.', failed: 'It cannot go out.', unknown: 'No answer came: it may have gone out.', refused: 'It was not tried.' };

/** @param redraw Told when there is an answer to show. */
export function testSend(signal, redraw) {
  let last = null;

  /** A template that speaks of an event is shown with the customer's latest. */
  async function latest(customer) {
    const page = await get(`customers/${encode(customer)}/timeline?limit=200`, signal).catch(() => ({ items: [] }));
    const event = page.items.find(item => item.type === 'eventApplied')?.fact.event;
    return event ? { name: event.name ?? undefined, properties: event.properties ?? undefined } : undefined;
  }
  async function start(ids) {
    const templates = (await get('templates', signal)).items.map(({ id }) => id);
    const asked = await ask('Send a test', 'It goes out at once, marked as a test, past queue and breaker. It is recorded nowhere and counts for nothing.', 'Send', [
      ...(ids.length > 1 ? [{ label: 'By', name: 'sender', options: ids.map(id => [id, id]) }] : []),
      { label: 'To', name: 'to', type: 'email', required: true, placeholder: 'you@example.com' },
      { label: 'Says', name: 'template', options: [['', 'the text below'], ...templates.map(id => [id, `template ${id}`])] },
      { label: 'Text, where no template is chosen', name: 'text', value: 'This is a test.', maxlength: 1000 },
      { label: 'Customer to render the template with', name: 'customer', placeholder: 'nobody' },
    ]);
    if (!asked) return;
    const id = asked.sender ?? ids[0];
    const customer = asked.template && asked.customer.trim() || undefined;
    try {
      last = { id, to: asked.to, ...await post(`senders/${encode(id)}/test`, asked.template
        ? { to: asked.to, template: asked.template, customer, event: customer ? await latest(customer) : undefined }
        : { to: asked.to, text: asked.text }) };
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      last = { id, to: asked.to, outcome: 'refused', detail: problem.errors.length ? null : problem.message, errors: problem.errors };
    }
    redraw();
  }

  return {
    button: ids => button('Test send', () => start(ids)),
    draw: () => last && card('Test', badge(last.outcome, kinds[last.outcome] ?? 'bad'), h('div', { class: 'body' },
      h('p', { class: 'strong' }, words[last.outcome] ?? last.outcome),
      last.errors?.length ? problemList(last.errors) : null,
      h('dl', { class: 'pairs' },
        h('dt', null, 'By'), h('dd', null, last.id), h('dt', null, 'To'), h('dd', null, last.to),
        last.subject ? [h('dt', null, 'Subject'), h('dd', null, last.subject)] : null,
        last.detail ? [h('dt', null, 'Answer'), h('dd', null, last.detail)] : null,
        last.providerId ? [h('dt', null, 'Its id'), h('dd', null, h('code', null, last.providerId))] : null,
        last.seconds === undefined ? null : [h('dt', null, 'Took'), h('dd', { class: 'num' }, `${last.seconds.toLocaleString()} s`)]))),
  };
}
