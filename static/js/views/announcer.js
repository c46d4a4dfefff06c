/**
 * Reads answers out at a calm rate: their start, their finished sentences every few seconds, their end.
 * The text itself is no live region: a reader would hear every token. Called by main.js.
 */
import {isFinal} from '../store/apply.js';
import {sentencesEnd} from '../time.js';
import {t} from '../words.js';

const EVERY_MS = 4000;

/** @param {HTMLElement} el an aria-live="polite" region */
export function mountAnnouncer(el) {
  let followed = null; // the reply that is read out: {id, said, isThinking}
  let text = '';
  let known = {}; // messages of the open conversation, as last seen
  let timer = 0;

  function say(words) {
    // A new node each time: the same words twice are said twice.
    const line = document.createElement('p');
    line.textContent = words;
    el.replaceChildren(line);
  }

  function sayMore() {
    timer = 0;
    const end = followed ? sentencesEnd(text, followed.said) : 0;
    if (!followed || end === followed.said) return;
    say(text.slice(followed.said, end).trim());
    followed.said = end;
  }

  function sayEnd(message, said) {
    say(`${message.content.slice(said).trim()} ${t(`live.${message.status}`)}`.trim());
  }

  /** An answer that came and ended between two frames was never seen running. */
  function sayQuick(messages) {
    const ids = Object.keys(messages);
    const newest = messages[ids.at(-1)];
    const isNew = newest && !known[newest.id] && ids.some(id => known[id]);
    if (isNew && newest.role === 'assistant' && isFinal(newest)) sayEnd(newest, 0);
  }

  return {
    say,
    /** @param {{reply: object|null, live?: object, name: string, messages: object}} state `messages` of the open conversation */
    update({reply, live, name, messages}) {
      if (messages !== known && !followed && !reply) sayQuick(messages);
      known = messages;
      if (followed && followed.id !== reply?.id) {
        clearTimeout(timer);
        timer = 0;
        const ended = messages[followed.id];
        if (ended) {
          sayEnd(ended, followed.said);
        }
        followed = null;
      }
      if (!reply || !live) return;
      if (!followed) {
        followed = {id: reply.id, said: live.content.length, isThinking: false};
        say(t('live.start', name));
      }
      if (live.reasoning && !live.content && !followed.isThinking) {
        followed.isThinking = true;
        say(t('live.thinking', name));
      }
      text = live.content;
      if (!timer) timer = setTimeout(sayMore, EVERY_MS);
    },
  };
}
