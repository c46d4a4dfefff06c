/** What stands in the picker, in which order, and what a query finds. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {modelOf, sectionsOf, textOf, typedModel, wordsOf} from '../../static/js/picker_rows.js';
import {ago} from '../../static/js/ago.js';

const model = (id, name, owner = id.split('/')[0]) => ({id, name, owner});
const MODELS = [model('z-ai/glm', 'Z.AI: GLM'), model('openai/gpt-5', 'OpenAI: GPT-5'), model('openai/gpt-5-mini', 'OpenAI: GPT-5 Mini'), model('alias', 'Alias', '')];
const LABELS = {favourites: 'Starred', recents: 'Recent', others: 'Others'};
const shape = sections => sections.map(({label, models}) => [label, models.map(m => m.id)]);

test('owners stand by name as they write themselves, those without one last', () => {
  assert.deepEqual(shape(sectionsOf(MODELS, {favourites: [], recents: []}, LABELS)),
    [['OpenAI', ['openai/gpt-5', 'openai/gpt-5-mini']], ['Z.AI', ['z-ai/glm']], ['Others', ['alias']]]);
});

test('starred ones come first, then the last chosen that are not starred, listed or not', () => {
  const preferred = {favourites: ['z-ai/glm', 'gone/model'], recents: ['z-ai/glm', 'openai/gpt-5:azure', 'a/1', 'a/2', 'a/3', 'a/4']};
  assert.deepEqual(shape(sectionsOf(MODELS, preferred, LABELS)).slice(0, 2),
    [['Starred', ['z-ai/glm', 'gone/model']], ['Recent', ['openai/gpt-5:azure', 'a/1', 'a/2', 'a/3']]]);
});

test('a pinned provider is known by its model, and by no prefix of another', () => {
  assert.equal(modelOf(MODELS, 'openai/gpt-5:azure').name, 'OpenAI: GPT-5 · azure');
  assert.equal(modelOf(MODELS, 'openai/gpt-5:a:b').name, 'OpenAI: GPT-5 · a:b');
  for (const slug of ['openai/gpt-5-max', 'openai/gpt-5:', 'nobody/knows:azure']) assert.equal(modelOf(MODELS, slug), null, slug);
});

test('a typed id with a provider is accepted when its model is listed, and when nothing is', () => {
  assert.equal(typedModel(MODELS, 'openai/gpt-5:azure', false).id, 'openai/gpt-5:azure');
  assert.equal(typedModel([], ' somebody/new ', false).id, 'somebody/new');
  assert.equal(typedModel(MODELS, 'openai/gpt', true).id, 'openai/gpt', 'also beside what it finds');
  assert.equal(typedModel(MODELS, 'gpt', true), null, 'a word is no id while it finds something');
  assert.equal(typedModel(MODELS, 'openai/gpt-5', true), null, 'what is listed is no typed one');
  assert.equal(typedModel(MODELS, 'two words', false), null);
});

test('every word is looked for in id, name and owner, whatever its case', () => {
  const find = query => MODELS.filter(m => wordsOf(query).every(word => textOf(m).includes(word))).map(m => m.id);
  assert.deepEqual(find('GPT mini'), ['openai/gpt-5-mini']);
  assert.deepEqual(find('z.ai'), ['z-ai/glm']);
});

test('the age of the list is told in the largest unit that fits', () => {
  const at = seconds => ago('2026-01-01T00:00:00.000Z', Date.parse('2026-01-01T00:00:00.000Z') + seconds * 1000, 'en');
  assert.match(at(3), /now/);
  assert.match(at(12 * 60 + 5), /^12 min/);
  assert.match(at(2 * 3600), /^2 hr/);
  assert.equal(at(-50), 'now');
});
