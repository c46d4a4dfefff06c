/** A file to import in batches: none larger than the server takes, and files go before conversations do. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {batchesOf} from '../../static/js/import_file.js';

const one = (...sizes) => ({conversation: {}, messages: [{attachments: sizes.map((size, at) => ({id: `${at}`, name: `${at}`, data: 'A'.repeat(size)}))}]});
const sizes = body => body.messages[0].attachments.map(file => file.data?.length ?? null);

test('a conversation that is too large at once goes without its largest files', () => {
  const [batch] = batchesOf(one(20e6, 26e6, 1000, 24e6));
  assert.deepEqual([sizes(batch.body), batch.without], [[20e6, null, 1000, 24e6], 1]);
});

test('what fits goes as it is, and each batch knows what it left behind', () => {
  const batches = batchesOf({format: 'rill', conversations: [one(10), {conversation: {}, messages: 'odd'}, one(40e6, 41e6), one(5e6), null]});
  assert.deepEqual(batches.map(({count, without}) => [count, without]), [[2, 0], [1, 1], [1, 0], [1, 0]]);
  assert.deepEqual(sizes(batches[1].body.conversations[0]), [40e6, null]);
  assert.equal(batches[0].body.format, 'rill');
});
