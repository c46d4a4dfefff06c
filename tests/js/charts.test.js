/** Which bars of a chart get their date. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {datesAt} from '../../static/js/views/charts.js';

test('the first and the last bar have their date, and those between as far as there is room', () => {
  assert.deepEqual(datesAt(30, 720), [0, 5, 10, 15, 19, 24, 29]);
  assert.deepEqual(datesAt(30, 300), [0, 15, 29]);
  assert.deepEqual(datesAt(2, 720), [0, 1]);
  assert.deepEqual(datesAt(1, 720), [0]);
  assert.deepEqual(datesAt(7, 100), [0, 6]);
});
