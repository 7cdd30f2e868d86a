// A JSON document with what is wrong in it marked where it is, by JSON pointer (RFC 6901).
import { h } from './dom.js';

const step = name => '/' + String(name).replaceAll('~', '~0').replaceAll('/', '~1');

/** Lines of text, each with the pointer of the value that begins on it. */
function lines(value, pointer = '', indent = '', before = '', after = '') {
  const isArray = Array.isArray(value);
  const members = value && typeof value === 'object' ? Object.entries(value) : [];
  if (!members.length) return [{ pointer, text: indent + before + JSON.stringify(value) + after }];
  return [
    { pointer, text: indent + before + (isArray ? '[' : '{') },
    ...members.flatMap(([name, member], at) => lines(member, pointer + step(name), indent + '  ', isArray ? '' : JSON.stringify(name) + ': ', at < members.length - 1 ? ',' : '')),
    { text: indent + (isArray ? ']' : '}') + after },
  ];
}

/** @param errors What is missing is marked where it would be. */
export function marked(value, errors) {
  const all = lines(value);
  const pointers = new Set(all.map(line => line.pointer));
  const placed = errors.map(error => {
    let at = error.pointer;
    while (at && !pointers.has(at)) at = at.slice(0, at.lastIndexOf('/'));
    return { ...error, at, rest: error.pointer.slice(at.length) };
  });
  return h('pre', { class: 'marked', tabindex: 0, 'aria-label': 'The event' }, all.map(({ pointer, text }) => {
    const wrong = placed.filter(error => error.at === pointer);
    return [h('span', { class: wrong.length ? 'wrong' : null }, text || ' '), wrong.map(error => h('mark', null, `${error.rest ? error.rest + ' ' : ''}${error.detail}`))];
  }));
}
