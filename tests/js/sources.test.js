/** Citations become a list of pages: each once, with a name, and only those that a browser may open. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {mergeCitations} from '../../static/js/views/sources.js';

test('a page that is cited twice stands once, where it was first cited, with the better of its titles', () => {
  const pages = mergeCitations([
    {url: 'https://www.example.org/a', title: 'https://www.example.org/a'},
    {url: 'https://example.org/b?utm_source=openai', title: 'B'},
    {url: 'https://example.org/a/#part-2', title: 'The letter A'},
    {url: 'https://example.org/b', title: 'B again'},
  ]);
  assert.deepEqual(pages, [
    {url: 'https://www.example.org/a', host: 'example.org', title: 'The letter A'},
    {url: 'https://example.org/b?utm_source=openai', host: 'example.org', title: 'B'},
  ]);
});

test('what asks for another page is another page', () => {
  const urls = ['https://a.org/?q=1', 'https://a.org/?q=2', 'https://a.org:8443/?q=1', 'https://b.org/?q=1'];
  assert.equal(mergeCitations(urls.map(url => ({url, title: 'x'}))).length, 4);
});

test('a page without a title is named by its address', () => {
  const [page] = mergeCitations([{url: 'https://www.sqlite.org/wal.html', title: ''}]);
  assert.deepEqual([page.title, page.host], ['sqlite.org/wal.html', 'sqlite.org']);
});

test('what is no address of the web is left out', () => {
  for (const url of ['javascript:alert(1)', 'data:text/html,x', 'ftp://a.org', 'nothing', '']) assert.deepEqual(mergeCitations([{url, title: 'x'}]), []);
});
