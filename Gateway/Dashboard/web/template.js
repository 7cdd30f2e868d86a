// One template: its document, and beside it the mail as one customer would get it.
import { h, say, show } from './dom.js';
import { Problem, get, post, put } from './api.js';
import { button, card, encode, head, problemList } from './parts.js';
import { editor } from './editor.js';

const starter = { subject: '{{traits.first_name}}, hello', html: '<h1>Hello {{traits.first_name}}</h1>\n<p>{{event.properties.name}} is still here.</p>', text: 'Hello {{traits.first_name}}' };

export default async function template(view, { id, signal, mayOperate, go }) {
  const isNew = id === 'new';
  let stored = isNew ? { document: starter, version: 0 } : await get('templates/' + encode(id), signal);
  const people = (await get('customers?limit=20', signal)).items.map(hit => hit.customer);
  const name = h('input', { 'data-keep': true, placeholder: 'cart-abandoned', 'aria-label': 'Id of the template' });
  const customer = h('input', { 'data-keep': true, list: 'people', value: people[0] ?? '', autocomplete: 'off' });
  const event = h('input', { 'data-keep': true, list: 'events', autocomplete: 'off', placeholder: 'none', value: '' });
  const frame = h('iframe', { class: 'mail', 'data-keep': true, src: '/ui/preview.html', sandbox: 'allow-scripts', title: 'The mail as it would look' });
  const outcome = h('div', { 'data-keep': true });
  const plain = h('pre', { 'data-keep': true });
  const edit = editor('templates', () => (isNew ? name.value.trim() : id), stored.document, mayOperate, render);
  let timer, html = '';
  const paint = () => frame.contentWindow?.postMessage(html, '*');
  frame.onload = paint;

  async function latest() {
    const page = customer.value.trim() ? await get(`customers/${encode(customer.value.trim())}/timeline?limit=200`, signal).catch(() => null) : null;
    return (page?.items ?? []).filter(item => item.type === 'eventApplied').map(item => item.fact.event);
  }
  async function render() {
    if (!customer.value.trim()) return show(outcome, h('p', { class: 'soft' }, 'Choose a customer: a mail is rendered with a live profile.'));
    const happened = (await latest()).find(one => !event.value || one.name === event.value);
    try {
      const mail = await post(`templates/${encode(isNew ? 'draft' : id)}/preview`, {
        customer: customer.value.trim(), document: JSON.parse(edit.text()), event: happened ? { name: happened.name, properties: happened.properties ?? {} } : undefined });
      html = mail.html ?? '';
      paint();
      plain.textContent = mail.text ?? 'No text.';
      show(outcome, h('dl', { class: 'pairs' },
        h('dt', null, 'Subject'), h('dd', { class: 'strong' }, mail.subject ?? '—'), mail.preheader ? [h('dt', null, 'Preheader'), h('dd', { class: 'soft' }, mail.preheader)] : null,
        h('dt', null, 'Content'), h('dd', null, mail.content ?? h('span', { class: 'bad' }, 'none can be used')),
        happened ? [h('dt', null, 'Event'), h('dd', null, happened.name ?? happened.type)] : null,
        h('dt', null, 'Missing'), h('dd', null, mail.missing.length ? h('div', { class: 'chips' }, mail.missing.map(miss => h('span', { class: 'badge warn', title: miss.part ?? 'required' }, miss.field))) : h('span', { class: 'good' }, 'nothing'))),
      mail.errors.map(error => h('p', { class: 'warn' }, error)));
    } catch (problem) {
      if (!(problem instanceof Problem)) return;
      show(outcome, problem.errors.length ? problemList(problem.errors) : h('p', { class: 'bad' }, problem.message));
    }
  }
  async function save() {
    if (!await edit.check()) return;
    const to = isNew ? name.value.trim() : id;
    if (!to) return say('Give it an id first.', 'bad');
    stored = await put('templates/' + encode(to), edit.text(), stored.version);
    say('Stored. It holds everywhere within a second.');
    if (isNew) go('/templates/' + encode(to));
  }
  for (const field of [customer, event]) field.oninput = () => { clearTimeout(timer); timer = setTimeout(render, 250); };

  show(view, head(isNew ? 'New template' : id, isNew ? null : 'version ' + stored.version), h('div', { class: 'grid' },
    h('div', { class: 'half' }, card('HTML', null, h('div', { class: 'body' }, frame))),
    h('div', { class: 'stack half' },
      card('Preview', h('small', null, 'nothing is sent'), h('div', { class: 'body' },
        h('div', { class: 'form' }, h('label', null, 'Customer', customer), h('label', null, 'Latest event named', event)),
        h('datalist', { id: 'people' }, people.map(one => h('option', { value: one }))), h('datalist', { id: 'events' }, ['Product Added', 'Product Viewed', 'Order Completed'].map(one => h('option', { value: one }))),
        outcome)),
      card('Text', null, h('div', { class: 'body' }, plain))),
    h('div', { class: 'full' }, card('Document', h('small', null, 'checked as you type'), h('div', { class: 'body' },
      isNew ? h('label', null, 'Id', name) : null, edit.field, edit.state, mayOperate ? button('Store', save, { class: 'primary' }) : null)))));
  await render();
}
