/**
 * The page behind a shared link: one branch to read, drawn with the renderer and the look of the conversation itself. It knows
 * no store, no feed and no session, and asks the server one thing. Loaded by templates/share.html.
 */
import {html, nothing, render} from 'lit-html';
import {createMarkdown, setMathsStylesheet} from './markdown/index.js';
import {ICONS} from './icons.js';
import {labels} from './views/markdown_labels.js';
import {addWords, language, locale, t} from './words.js';

const page = document.getElementById('shared');
const token = location.pathname.split('/').at(-1);

const digits = new Intl.NumberFormat(locale, {maximumSignificantDigits: 2});

const nameOf = model => model?.split('/').at(-1) || t('shared.model');

function drawMessage(message) {
  return message.role === 'user'
    ? html`<article class="utterance" aria-label=${t('shared.you')}>${drawAttached(message)}${message.content ? html`<div class="utterance-text" dir="auto">${message.content}</div>` : nothing}</article>`
    : html`<article class="reply" aria-label=${t('shared.answer', nameOf(message.model))}>
        <div class="reply-head">${ICONS.rill}<h2 class="reply-name" title=${message.model ?? nothing}>${nameOf(message.model)}</h2></div>
        ${message.reasoning ? html`<div class="thinking"><details><summary>${t('reply.thoughts')}</summary><div class="md thinking-text"></div></details></div>` : nothing}
        <div class="md"></div>${message.ending ? html`<p class="reply-note">${t(`shared.${message.ending}`)}</p>` : nothing}${drawSources(message)}</article>`;
}

/** A picture is shown and leads to itself in full; any other file is downloaded. */
const drawFile = one => {
  const address = `/api/shares/${token}/attachments/${one.number}`;
  return one.kind === 'image'
    ? html`<li><a class="shared-picture" href=${address} target="_blank" rel="noopener"><img src="${address}?thumb=1" alt=${one.name} loading="lazy"
        width=${one.width ?? nothing} height=${one.height ?? nothing}></a></li>`
    : html`<li><a class="file" href=${address} download=${one.name} title=${t('shared.download', one.name)}><span class="file-picture is-sheet"
        aria-hidden="true">${endingOf(one)}</span><span class="file-words"><span class="file-name"><bdi>${one.name}</bdi></span><span
        class="file-note">${sizeOf(one)}</span></span></a></li>`;
};

const endingOf = ({name}) => (name.includes('.') ? name.split('.').at(-1).slice(0, 4).toUpperCase() : '…');
const sizeOf = ({size}) => (size < 1e6 ? `${digits.format(Math.max(0.1, size / 1000))} kB` : `${digits.format(size / 1e6)} MB`);

const drawAttached = ({attachments}) => (attachments?.length
  ? html`<ul class="files is-said shared-files" aria-label=${t('shared.files')}>${attachments.map(drawFile)}</ul>` : nothing);

const drawSources = ({citations}) => {
  const safe = citations.filter(({url}) => /^https?:\/\//.test(url));
  return safe.length ? html`<h3 class="shared-sources">${t('reply.sources')}</h3><ul class="shared-list">${safe.map(({url, title}) =>
    html`<li><a href=${url} target="_blank" rel="noopener noreferrer nofollow">${title || url}</a></li>`)}</ul>` : nothing;
};

function draw({title, shared_at, messages}) {
  const when = new Date(shared_at).toLocaleDateString(locale, {dateStyle: 'long'});
  render(html`<header class="shared-head"><h1><bdi>${title || t('shared.untitled')}</bdi></h1><p>${t('shared.note', when)}</p></header>
    <div class="thread">${messages.map(drawMessage)}</div><footer class="shared-foot">${ICONS.rill}<span>${t('shared.made')}</span></footer>`, page);
  const articles = page.querySelectorAll('article');
  messages.forEach((message, at) => {
    if (message.role === 'user') return;
    createMarkdown(articles[at].querySelector(':scope > .md'), {labels}).end(message.content);
    if (message.reasoning) createMarkdown(articles[at].querySelector('.thinking-text'), {labels}).end(message.reasoning);
  });
}

async function start() {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  setMathsStylesheet(document.documentElement.dataset.maths);
  await addWords({en: () => import('./words/shared.en.js'), zh: () => import('./words/shared.zh.js')});
  try {
    const response = await fetch(`/api/shares/${token}`);
    if (!response.ok) throw new Error(t(response.status === 404 ? 'shared.gone' : 'shared.failure'));
    draw(await response.json());
  } catch (error) {
    render(html`<div class="greeting">${ICONS.rill}<h1>${error instanceof TypeError ? t('shared.failure') : error.message}</h1></div>`, page);
  }
}

start();
