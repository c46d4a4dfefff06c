/** Times, numbers and words as a person reads them. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {readdirSync, readFileSync} from 'node:fs';
import {compact, dateGroup, duration, money, rate, sentencesEnd} from '../../static/js/time.js';

const folder = new URL('../../static/js/words/', import.meta.url);
const files = readdirSync(folder).filter(file => file.endsWith('.js')).sort(); // what the server says is said.js's
const tables = new Map(await Promise.all(files.map(async file => [file, (await import(new URL(file, folder))).default])));

test('both languages have the same words, and the same of them are functions', () => {
  const english = files.filter(file => file.endsWith('en.js'));
  assert.ok(english.includes('en.js') && english.length * 2 === files.length, `each table has its twin: ${files}`);
  for (const file of english) {
    const [en, zh] = [tables.get(file), tables.get(file.replace(/en\.js$/, 'zh.js'))];
    assert.deepEqual(Object.keys(zh), Object.keys(en), file);
    for (const key of Object.keys(en)) {
      assert.equal(typeof zh[key], typeof en[key], key);
      if (typeof en[key] === 'string') assert.ok(en[key].trim() && zh[key].trim(), `${key} says something`);
    }
  }
});

test('no word stands in two tables', () => {
  const keys = files.filter(file => file.endsWith('en.js')).flatMap(file => Object.keys(tables.get(file)));
  assert.deepEqual(keys.filter((key, at) => keys.indexOf(key) !== at), []);
});

test('durations have as many digits as help', () => {
  assert.deepEqual([0, 840, 9_949, 9_950, 12_300, 59_600, 125_000].map(duration), ['0.0 s', '0.8 s', '9.9 s', '10 s', '12 s', '1 min 0 s', '2 min 5 s']);
});

test('money shows two digits that mean something', () => {
  assert.deepEqual([0, 0.00412, 0.0000009, 0.25, 3].map(n => money(n)), ['$0', '$0.0041', '$0.00000090', '$0.25', '$3.00']);
  assert.equal(money(1.5, 'CNY'), 'CNY 1.50');
});

test('rates and context sizes are short', () => {
  assert.deepEqual([rate(8.44), rate(62.4), compact(800), compact(128_000), compact(1_000_000), compact(1_048_576)], ['8.4', '62', '800', '128K', '1M', '1M']);
});

test('conversations are grouped by local days, not by 24 hours', () => {
  const now = new Date(2026, 2, 30, 0, 30);
  const at = (...parts) => dateGroup(new Date(...parts).toISOString(), now).key;
  assert.equal(at(2026, 2, 30, 0, 1), 'today');
  assert.equal(at(2026, 2, 29, 23, 59), 'yesterday');
  assert.equal(at(2026, 2, 24), 'week');
  assert.equal(at(2026, 2, 10), 'month');
  assert.equal(at(2025, 11, 10), '2025-11');
  assert.equal(at(2027, 0, 1), 'today'); // a clock that is ahead
});

test('only finished sentences are read out', () => {
  const text = 'One. Two is 3.5 long';
  assert.equal(text.slice(0, sentencesEnd(text, 0)), 'One.');
  assert.equal(sentencesEnd(text, 4), 4);
  assert.equal(sentencesEnd('你好。再见', 0), 3);
});

/** All sources of the page but the words themselves. */
function sources(at = new URL('../../static/js/', import.meta.url)) {
  return readdirSync(at, {withFileTypes: true}).flatMap(entry => {
    if (entry.isDirectory()) return entry.name === 'words' ? [] : sources(new URL(`${entry.name}/`, at));
    return entry.name.endsWith('.js') ? [[entry.name, readFileSync(new URL(entry.name, at), 'utf8')]] : [];
  });
}

test('every word that the page asks for is in a table', () => {
  const keys = files.filter(file => file.endsWith('en.js')).flatMap(file => Object.keys(tables.get(file)));
  const missing = [];
  let asked = 0;
  for (const [file, source] of sources()) {
    // t('key'), t(isSo ? 'key' : 'other'), and t(`some.${name}`): of the last, what stands before the name.
    for (const [, argument] of source.matchAll(/(?<![\w.$])t\(([^()]*)/g)) {
      for (const [, key] of argument.matchAll(/'([a-z]\w*(?:\.\w+)+)'/g)) {
        asked++;
        if (!keys.includes(key)) missing.push(`${file}: ${key}`);
      }
      const [, start] = /^`([^`$]*)\$\{/.exec(argument) ?? [];
      if (start && !keys.some(key => key.startsWith(start))) missing.push(`${file}: ${start}…`);
    }
  }
  assert.deepEqual(missing, []);
  assert.ok(asked > 100, `only ${asked} were found`);
});

test('every word in a table is asked for, by its name or by how it begins', () => {
  const all = sources().map(([, source]) => source).join('\n');
  const starts = [...all.matchAll(/`([a-z]\w*\.[\w.]*)\$\{/g)].map(([, start]) => start);
  const idle = files.filter(file => file.endsWith('en.js')).flatMap(file => Object.keys(tables.get(file)))
    .filter(key => !all.includes(`'${key}'`) && !starts.some(start => key.startsWith(start)));
  assert.deepEqual(idle, []);
});
