// All templates.
import { h, show } from './dom.js';
import { every, get } from './api.js';
import { card, empty, encode, head, time } from './parts.js';

export default async function templates(view, { signal, mayOperate }) {
  await every(5000, signal, async () => {
    const { items } = await get('templates', signal);
    const add = mayOperate ? h('a', { class: 'button primary', href: '/templates/new' }, 'New template') : null;
    show(view, head('Templates', 'What mails say', add), items.length
      ? card('All', null, h('div', { class: 'rows' }, items.map(({ id, version, updatedAt, document }) => h('a', { class: 'row person', href: '/templates/' + encode(id), 'data-key': id },
        mark(), h('span', null, h('b', null, id), h('small', null, document.description ?? (document.layout ? 'in ' + document.layout : ''))), h('span', { class: 'soft' }, document.subject ?? 'for others to include'), h('small', { class: 'num' }, `version ${version}, `, time(updatedAt))))))
      : h('section', { class: 'card' }, empty('No template yet', 'A template says what a mail says, with the profile as it is at the moment of sending.', add && h('p', null, add))));
  });
}

function mark() {
  const picture = document.querySelector('[data-page=templates] svg').cloneNode(true);
  picture.setAttribute('class', 'face');
  picture.setAttribute('width', 24);
  picture.setAttribute('fill', 'none');
  picture.setAttribute('stroke', 'currentColor');
  return picture;
}
