// One event that was not let in: what is wrong with it, mending, replaying and dropping it.
import { ask, h, say, show } from './dom.js';
import { Problem, get, post, put } from './api.js';
import { button, card, customerLink, encode, head, problemList, time } from './parts.js';
import { marked } from './marked.js';
import { stateBadge } from './quarantine.js';

export default async function quarantined(view, { id, signal, mayOperate }) {
  const path = 'quarantine/' + encode(id);
  let one = await get(path, signal);
  let isEditing = false, wrong = null, replayed = null;
  const field = h('textarea', { class: 'editor', 'data-keep': true, spellcheck: 'false', 'aria-label': 'The event, JSON', 'aria-describedby': 'body-state' });
  const state = h('div', { class: 'state', 'data-keep': true, role: 'status', id: 'body-state' });

  function parse() {
    try {
      const parsed = JSON.parse(field.value);
      field.setAttribute('aria-invalid', false);
      show(state, h('p', { class: 'good' }, '✓ JSON; storing says what else is wrong with it'));
      return parsed;
    } catch (failure) {
      field.setAttribute('aria-invalid', true);
      show(state, h('p', { class: 'bad' }, 'Not valid JSON: ' + failure.message));
      return null;
    }
  }
  field.oninput = parse;
  function edit() {
    isEditing = true;
    field.value = one.text ?? JSON.stringify(one.body, null, 2);
    parse();
    draw();
    field.focus();
  }
  async function store() {
    const body = parse();
    if (body === null) return;
    const asked = await ask('Mend this event?', 'The body that came is replaced. It is not taken in yet.', 'Mend', [
      ...(one.format === 'native' ? [] : [{ label: 'Written as', name: 'format', options: [['', `${one.format}, as it came`], ['native', 'native']] }]), { label: 'Reason, for the record', name: 'reason' }]);
    if (!asked) return;
    try {
      one = await put(path, { body, format: asked.format || undefined, reason: asked.reason || undefined });
      isEditing = false;
      say(one.errors.length ? 'Mended, but not yet right.' : 'Mended. It can be replayed.', one.errors.length ? 'bad' : 'good');
      draw();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      field.setAttribute('aria-invalid', true);
      show(state, problem.errors.length ? problemList(problem.errors) : h('p', { class: 'bad' }, problem.message));
    }
  }
  async function act(verb, name, text, isReasonRequired) {
    const asked = await ask(`${name} this event?`, text, name, [{ label: isReasonRequired ? 'Reason' : 'Reason, for the record', name: 'reason', required: isReasonRequired }]);
    if (!asked) return;
    wrong = null;
    try {
      const answer = await post(`${path}/${verb}`, { reason: asked.reason || undefined });
      replayed = answer?.status ?? null;
      say(verb === 'replay' ? 'Taken in.' : 'Dropped.');
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      wrong = problem;
    }
    one = await get(path, signal);
    draw();
  }

  function draw() {
    const { item, errors, notes } = one;
    const isOpen = item.state === 'open';
    const tools = mayOperate && isOpen && !isEditing ? [
      button('Edit', edit), button('Replay', () => act('replay', 'Replay', 'It is taken in by the rules of now.', false), errors.length ? {} : { class: 'primary' }),
      button('Drop', () => act('drop', 'Drop', 'It is let go of; it can be looked at for 30 more days.', true), { class: 'danger' })] : [];
    show(view, head(item.event ?? 'Unreadable event', [stateBadge(item.state), ' from ', item.source, ', received ', time(item.receivedAt)], tools),
      wrong ? h('p', { class: 'verdict warn', role: 'alert' }, wrong.message, wrong.errors.length ? problemList(wrong.errors) : null) : null,
      h('div', { class: 'grid' },
        h('div', { class: 'wide' }, card('Event', h('small', null, `as ${one.format}`), h('div', { class: 'body' }, isEditing
          ? [field, state, h('div', { class: 'tools' }, button('Mend', store, { class: 'primary' }), button('Cancel', () => { isEditing = false; draw(); }))]
          : one.text !== null && one.text !== undefined ? h('pre', null, one.text) : marked(one.body, errors)))),
        h('div', { class: 'stack narrow' },
          card('What is wrong', null, h('div', { class: 'body' }, h('dl', { class: 'pairs' },
            h('dt', null, 'Reason'), h('dd', null, item.reason), h('dt', null, 'Where'), h('dd', null, item.pointer ? h('code', null, item.pointer) : 'the whole of it'), h('dt', null, 'When it came'), h('dd', null, item.detail),
            item.schema ? [h('dt', null, 'Schema'), h('dd', null, h('a', { href: '/data/schemas/' + encode(item.schema) }, item.schema))] : null,
            item.customer ? [h('dt', null, 'Customer'), h('dd', null, customerLink(item.customer))] : null, item.messageId ? [h('dt', null, 'Message'), h('dd', null, h('code', null, item.messageId))] : null,
            item.seen > 1 ? [h('dt', null, 'Came'), h('dd', { class: 'num' }, `${item.seen} times`)] : null),
          !isOpen ? replayed ? h('p', { class: 'verdict good' }, `It is on its customer’s timeline: ${replayed}.`) : null
            : [h('h3', null, 'A replay would find now'), errors.length ? problemList(errors) : h('p', { class: 'good' }, '✓ Nothing: it can be replayed')])),
          card('What was done', null, notes.length ? h('ul', { class: 'rows' }, notes.toReversed().map(note => h('li', { class: 'item', 'data-key': note.at + note.action }, h('div', null, h('b', null, note.action), h('span', { class: 'soft' }, ' by ', note.by, ', '), time(note.at), note.reason ? h('small', null, note.reason) : null))))
            : h('p', { class: 'body soft' }, mayOperate ? 'Nothing yet. Edit what is wrong and replay it, or drop it.' : 'Nothing yet. This key may read; to mend it use one with the role operate.')))));
  }
  draw();
}
