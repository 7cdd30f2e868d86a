// What changed from one text to another, line by line (the longest common subsequence).
import { h } from './dom.js';

const linesMax = 400;

export function diff(before, after) {
  const [old, now] = [before.split('\n'), after.split('\n')];
  if (old.length > linesMax || now.length > linesMax) return h('p', { class: 'soft' }, 'Too long to compare here.');
  const common = Array.from({ length: old.length + 1 }, () => new Uint16Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--) common[i][j] = old[i] === now[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  const lines = [];
  for (let i = 0, j = 0; i < old.length || j < now.length;) {
    if (i < old.length && j < now.length && old[i] === now[j]) lines.push(h('span', null, '  ' + old[i++])), j++;
    else if (j < now.length && (i === old.length || common[i][j + 1] >= common[i + 1][j])) lines.push(h('span', { class: 'added' }, '+ ' + now[j++]));
    else lines.push(h('span', { class: 'gone' }, '− ' + old[i++]));
  }
  return h('div', { class: 'diff' }, lines);
}

export const diffOf = (before, after) => diff(before ? JSON.stringify(before, null, 2) : '', after ? JSON.stringify(after, null, 2) : '');
