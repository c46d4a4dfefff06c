/** What the server says, in Chinese: whole, with its parts, with a status; what is not known stays as it came. */
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';
import {translator} from '../../static/js/said.js';

const say = translator(JSON.parse(readFileSync(new URL('../../static/js/words/server.zh.json', import.meta.url), 'utf8')));

test('one sentence or several are said, also with a status at an end', () => {
  for (const [english, chinese] of [
    ['There is nothing at this address.', '这个地址下什么也没有。'],
    ['The answer before this is still being written. Stop it or wait for its end, then send again.', '前面的回答还没有写完。请停止它或等它写完，再重新发送。'],
    ['The model service is receiving too many requests (status 429). Your message is kept. Try again in 7 seconds.', '模型服务收到的请求太多（状态 429）。你的消息还在。请在 7 秒后再试。'],
  ]) assert.equal(say(english), chinese);
});

test("a person's own text and the upstream's words stay as they are, whatever is in them", () => {
  assert.equal(say('There is a preset named “Nothing was changed. Mine” already. Nothing was changed; choose another name.'),
    '已有名为“Nothing was changed. Mine”的预设。什么都没有改动；请换一个名字。');
  assert.equal(say('The model did not accept the request (status 400). It said: "Bad things. Happen (really)?". Your message is kept. Change the message or its settings, or choose another model.'),
    '模型没有接受这个请求（状态 400）。它说：“Bad things. Happen (really)?”。你的消息还在。请修改消息或设置，或换一个模型。');
});

test('a part that is our own word is said, too', () => {
  assert.equal(say('Waiting for the first words of the answer took longer than this server\'s limit of 900 seconds. What had arrived is kept; continue it, or ask again.'),
    '等待回答的第一个字超过了服务器 900 秒的时限。已收到的部分还在；可以继续，也可以重新提问。');
  assert.equal(say('`limit`: Input should be less than or equal to 5.'), '`limit`：不能大于 5。');
});

test('one unknown sentence leaves the whole as it came', () => {
  for (const words of ['Who knows?', 'Your message is kept. Who knows?', '', 'Your message is kept']) assert.equal(say(words), words);
});
