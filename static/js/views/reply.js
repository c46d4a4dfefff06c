/**
 * One reply: its mark and live line, the thinking fold, the text as it grows, what went wrong, and the foot.
 * Text only ever grows here; a reply that goes on after Continue is drawn anew once. Called by thread.js.
 */
import {html, nothing, render} from 'lit-html';
import {createMarkdown} from '../renderer.js';
import {ICONS} from '../icons.js';
import {isFinal} from '../store/apply.js';
import {memoryOf} from '../prefs.js';
import {duration, firstSentence} from '../time.js';
import {said, t} from '../words.js';
import {wish} from '../dom.js';
import {labels} from './markdown_labels.js';
import {mountReplyFoot} from './reply_foot.js';
import {mountThinking} from './thinking.js';

const folds = memoryOf('folds');

/**
 * @param {{isPinned: () => boolean, timeline: (id: string) => Promise<object>, mountFoot?: Function, ended?: (message: object) => object}} tools
 *   `mountFoot` and `ended`: what a column has in place of the foot, and of the live line at the end
 * @returns {{el: HTMLElement, update: (state: {message: object, live?: object, of: object[], isLast: boolean,
 *   name: string}) => void,
 *   tick: () => void}}
 */
export function mountReply(tools) {
  const el = document.createElement('article');
  el.className = 'reply';
  const [head, thinkingEl, body, sources, trouble, foot] = ['reply-head', 'thinking', 'md', 'reply-sources', 'reply-trouble', 'reply-foot'].map(name => {
    const part = document.createElement('div');
    part.className = name;
    el.append(part);
    return part;
  });
  const thinking = mountThinking(thinkingEl, {...tools, labels});
  const replyFoot = (tools.mountFoot ?? mountReplyFoot)(foot, tools);
  let state = null;
  let markdown = null;
  let shown = 0; // UTF-16 units of the text that the renderer has
  let told = ''; // by the server about this reply, in the person's language
  let askAgainAt = 0; // while the server waits to ask the upstream again
  let clock = null; // when this run was first seen, and its first thought and word

  function drawText(text, isEnded) {
    if (text.length > shown) {
      if (!markdown) {
        // After an end the renderer is closed: a Continue draws the whole text anew, in the same frame.
        markdown = createMarkdown(body, {labels});
        shown = 0;
      }
      const fresh = text.slice(shown);
      shown = text.length;
      if (!isEnded) markdown.push(fresh);
      else close(fresh);
    } else if (isEnded && markdown) close('');
  }

  /** A finished reply comes in one piece: it is drawn in one go. */
  function close(rest) {
    markdown.end(rest);
    markdown = null;
  }

  function drawHead(message, isRunning) {
    render(html`${ICONS.rill}<h2 class="reply-name" title=${message.model ?? nothing}>${state.name}</h2>
      ${isRunning ? html`<span class="reply-live"></span>` : tools.ended?.(message) ?? nothing}`, head);
    if (isRunning) tick();
  }

  /** What is happening now and for how long; only this line moves before the first word. */
  function tick() {
    const line = head.querySelector('.reply-live');
    if (!line || !clock) return;
    const {message} = state;
    const live = state.live ?? message;
    const since = performance.now() - clock.start;
    const hasBegun = Boolean(live.content);
    line.classList.toggle('is-calm', hasBegun);
    line.classList.toggle('is-sentence', Boolean(message.retry));
    let words;
    if (message.retry) words = waitingWords(message.retry);
    else if (hasBegun) {
      const first = message.timings?.first_content_ms ?? clock.content;
      words = first === undefined || first === null ? t('reply.writing') : t('reply.first', duration(first));
    } else if (live.reasoning) words = `${t('reply.thinking')} ${duration(since - (clock.reasoning ?? 0))}`;
    else if (message.status === 'streaming') words = `${t('reply.waiting')} ${duration(since)}`;
    else words = `${t(`reply.${message.status}`)} ${duration(since)}`;
    if (line.textContent !== words) line.textContent = words;
    thinking.tick(since - (clock.reasoning ?? 0));
  }

  function waitingWords({attempt, of}) {
    const seconds = Math.max(0, Math.ceil((askAgainAt - performance.now()) / 1000));
    return `${told} ${t('reply.retry', seconds, attempt, of)}`;
  }

  /** Our own clock: the server tells its times with the end. A run found under way has no known first word. */
  function keepTime(message, live) {
    if (!live) clock = null;
    else if (!clock) {
      const age = Math.max(0, Date.now() - Date.parse(message.created_at));
      const isFresh = age < 10_000 && !live.content && !live.reasoning;
      clock = {start: performance.now() - (isFresh ? 0 : Math.min(age, 3_600_000)), reasoning: live.reasoning && !isFresh ? 0 : undefined,
        content: live.content && !isFresh ? null : undefined};
    }
    if (clock && live.reasoning && clock.reasoning === undefined) clock.reasoning = performance.now() - clock.start;
    if (clock && live.content && clock.content === undefined) clock.content = performance.now() - clock.start;
  }

  /** The words come a moment later: in the same frame in English, with their table in another language. */
  function tell(message) {
    const sentence = message.error?.message ?? (message.retry ? firstSentence(message.retry.reason) : '');
    if (!sentence) return void render(drawTrouble(message, el, ''), trouble);
    said(sentence).then(words => {
      if (state.message !== message) return;
      told = words;
      render(drawTrouble(message, el, told), trouble);
      tick();
    });
  }

  return {
    el,
    update(next) {
      const isSame = state && next.message === state.message && next.live === state.live && next.of === state.of
        && next.isLast === state.isLast && next.name === state.name;
      if (isSame) return;
      const isGrowth = state && next.message === state.message && next.live && state.live && next.of === state.of && next.name === state.name;
      if (next.message.retry && next.message !== state?.message) askAgainAt = performance.now() + next.message.retry.wait_ms;
      state = next;
      const {message} = next;
      const isRunning = !isFinal(message);
      const live = isRunning ? next.live ?? message : undefined;
      const {content, reasoning} = live ?? message;
      keepTime(message, live);
      thinking.update({text: reasoning ?? '', isRunning, hasAnswer: Boolean(content), timings: message.timings, id: message.id});
      drawText(content ?? '', !isRunning);
      if (isGrowth) return; // a delta: nothing but the text has changed
      el.classList.toggle('is-running', isRunning);
      el.dataset.id = message.id;
      el.dataset.status = message.status;
      el.setAttribute('aria-label', t('reply.label', next.name));
      body.classList.toggle('streaming', isRunning);
      drawHead(message, isRunning);
      if (message.citations?.length) import('./sources.js').then(late => late.drawSources(sources, state.message.citations));
      tell(message);
      replyFoot.update(next);
    },
    tick,
  };
}

/** Why a reply is not a plain end, in a sentence, and what can be done about it. */
function drawTrouble(message, el, told) {
  const {status, error, finish_reason: reason, content} = message;
  if (!isFinal(message)) return nothing;
  if (error) {
    return html`<div class="trouble ${status === 'interrupted' ? 'is-interrupted' : 'is-failed'}">${ICONS.warn}<div>
      <p>${told}</p>
      <div class="trouble-actions">${content ? continueButton(message, el) : nothing}${error.retryable || !content ? html`<button type="button"
        class="button" @click=${() => wish(el, 'regenerateReply', {message})}>${ICONS.again}${t('act.retry')}</button>` : nothing}</div>
      ${drawDetails(message)}</div></div>`;
  }
  if (status === 'stopped') return note(t('reply.stopped'), message, el);
  if (reason === 'length') return note(t('reply.length'), message, el);
  if (reason === 'content_filter') return html`<p class="reply-note">${t('reply.filtered')}</p>`;
  return content ? nothing : html`<p class="reply-note">${t('reply.empty')}</p>`;
}

const note = (sentence, message, el) => html`<p class="reply-note">${sentence} ${continueButton(message, el)}</p>`;

const continueButton = (message, el) => html`<button type="button" class="button" title=${t('act.continue.how')}
  @click=${() => wish(el, 'continueReply', {message})}>${
  ICONS.go}${t('act.continue')}</button>`;

function drawDetails({id, error: {type, status, upstream_type, upstream_code, request_id}}) {
  const facts = {type, status, upstream_type, upstream_code, request_id};
  const known = Object.entries(facts).filter(([, value]) => value !== undefined && value !== null);
  const name = `${id}/details`;
  const keep = event => event.target.open !== Boolean(folds.get(name)) && folds.set(name, event.target.open || null);
  return html`<details class="trouble-details" ?open=${folds.get(name)} @toggle=${keep}><summary>${t('reply.details')}</summary>
    <dl>${known.map(([word, value]) => html`<div><dt>${word}</dt><dd>${value}</dd></div>`)}</dl></details>`;
}
