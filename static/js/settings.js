/**
 * What stands in the settings, as a list of sections of lines; views/settings.js draws it. A new setting is a line here and its
 * words in words/settings.*.js. Loaded when the settings are first opened. Called by wishes.js.
 *
 * A line is one of
 *   {label, choices: [{value, label, lang?}], value, choose: value => void}   one of few
 *   {label, note?, isOn, turn: isOn => boolean | Promise<boolean>}            a switch; it answers what holds now
 *   {label, note?, run: () => void, icon?, isGrave?, href?}                   something to do, or a place to go to
 * @typedef {{title: string, lines: object[]}} Section
 */
import {wish} from './dom.js';
import {dataSection} from './files.js';
import {chooseLook, lookOf, LOOKS} from './look.js';
import {recall, remember} from './prefs.js';
import {mountSettings} from './views/settings.js';
import {addWords, changeLanguage, language, t} from './words.js';

let view = null;

/** @param {object} parts everything that main.js has made */
export async function openSettings(parts) {
  await addWords({en: () => import('./words/settings.en.js'), zh: () => import('./words/settings.zh.js')});
  const data = await dataSection(parts);
  view ??= mountSettings(document.body);
  view.open(() => sectionsOf(parts, data));
}

const look = name => ({
  label: t(`set.${name}`),
  choices: LOOKS[name].map(value => ({value, label: t(`set.${name}.${value}`)})),
  value: lookOf(name),
  choose: value => chooseLook(name, value),
});

/** Asked of the browser only when a person turns it on. */
function notifications() {
  const permission = globalThis.Notification && navigator.serviceWorker ? Notification.permission : 'unsupported';
  return {
    label: t('set.notify'),
    note: t(permission === 'denied' || permission === 'unsupported' ? `set.notify.${permission}` : 'set.notify.how'),
    isOn: permission === 'granted' && recall('notify', false),
    async turn(isOn) {
      const isAllowed = isOn && permission !== 'unsupported' && await Notification.requestPermission() === 'granted';
      remember('notify', isAllowed || null);
      return isAllowed;
    },
  };
}

/** @returns {Section[]} */
function sectionsOf({api, models, session, views}, data) {
  const {user, mode} = session.value ?? {};
  const say = error => views.notices.say(error.message);
  return [
    {title: t('set.appearance'), lines: [
      look('theme'),
      look('text'),
      look('density'),
      {label: t('set.language'), value: language, choose: changeLanguage,
        choices: [{value: 'en', label: 'English', lang: 'en'}, {value: 'zh', label: '简体中文', lang: 'zh-CN'}]},
    ]},
    {title: t('set.notices'), lines: [notifications()]},
    data,
    {title: t('set.more'), lines: [
      {label: t('set.model'), note: models.nameOf.value(models.preferred.value.default_model ?? '') || t('set.model.none'),
        run: () => wish(document.body, 'openPicker', {title: t('set.model'), pick: id => models.makeDefault(id).catch(say)})},
      {label: t('set.usage'), note: t('set.usage.note'), href: '/usage'},
      {label: t('set.keys'), run: () => wish(document.body, 'openKeySheet')},
      ...(mode === 'accounts' && user ? [{label: t('set.logout', user.name), run: () => api.logout().then(() => location.assign('/login'), say)}] : []),
    ]},
  ];
}
