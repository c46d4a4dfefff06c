/** One table of keys: what it says, the listener does, on every machine. */
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';
import {actOf, KEYS, labelsOf, wishOf} from '../../static/js/keys.js';

const press = (key, held = {}) => ({key, code: /^[a-z]$/i.test(key) ? `Key${key.toUpperCase()}` : '', ctrlKey: false, metaKey: false, shiftKey: false, ...held});

test('every line of the table is obeyed, with Ctrl and with the command key', () => {
  for (const [wish, keys] of Object.entries(KEYS)) {
    const parts = keys.split(' ');
    const held = {shiftKey: parts.includes('Shift')};
    const [apple, other] = parts[0] === 'Mod' ? [{metaKey: true}, {ctrlKey: true}] : [{}, {}];
    assert.equal(wishOf(press(parts.at(-1), {...held, ...other}), false), wish);
    assert.equal(wishOf(press(parts.at(-1), {...held, ...apple}), true), wish);
  }
});

test('Ctrl is left to the system on Apple machines, and the system key on others', () => {
  assert.equal(wishOf(press('k', {ctrlKey: true}), true), undefined); // there it cuts to the end of the line
  assert.equal(wishOf(press('k', {metaKey: true}), false), undefined);
});

test('a letter is what the key says; where that is not Latin, where it is', () => {
  assert.equal(wishOf({...press('k', {ctrlKey: true}), code: 'KeyV'}, false), 'openPalette'); // Dvorak
  assert.equal(wishOf({...press('л', {ctrlKey: true}), code: 'KeyK'}, false), 'openPalette'); // Russian
});

test('no two wishes have the same keys', () => {
  assert.equal(new Set(Object.values(KEYS)).size, Object.keys(KEYS).length);
});

test('each machine reads its own names', () => {
  assert.deepEqual(labelsOf('Mod Shift O', true), ['⌘', '⇧', 'O']);
  assert.deepEqual(labelsOf('Mod Shift O', false), ['Ctrl', 'Shift', 'O']);
});

test('an item of a list has its own keys, and none of them with another key held', () => {
  assert.deepEqual(['F2', 'Delete', 'Backspace', 'Enter'].map(key => actOf(press(key), false)), ['rename', 'remove', undefined, undefined]);
  assert.deepEqual([actOf(press('Backspace', {metaKey: true}), true), actOf(press('Backspace', {metaKey: true}), false)], ['remove', undefined]);
  for (const held of ['ctrlKey', 'shiftKey', 'altKey', 'metaKey']) assert.equal(actOf(press('Delete', {[held]: true}), false), undefined, held);
});

test('every wish that has a key or stands in the palette is granted', async () => {
  const {COMMANDS} = await import('../../static/js/commands.js');
  const granted = readFileSync(new URL('../../static/js/wishes.js', import.meta.url), 'utf8');
  for (const wish of [...Object.keys(KEYS), ...COMMANDS.map(command => command.run)]) {
    assert.match(granted, new RegExp(`^\\s+(async )?${wish}[:(,]`, 'm'), wish);
  }
});

test('every action has its words', async () => {
  const {COMMANDS, FIELD_KEYS, LIST_KEYS} = await import('../../static/js/commands.js');
  const words = (await import('../../static/js/words/palette.en.js')).default;
  for (const id of [...COMMANDS.map(command => command.id), ...[...FIELD_KEYS, ...LIST_KEYS].map(([id]) => id)]) assert.ok(words[`cmd.${id}`], id);
});
