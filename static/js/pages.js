/**
 * Pages that stand in the conversation's place, by the name in their address. Each brings its view and its words when it is first
 * opened, and is up to date whenever it is opened again. Called by main.js.
 */
import {openUsage} from './usage_desk.js';

const PAGES = {usage: openUsage};

/** @param {string} name @param {HTMLElement} el @param {object} api @returns {Promise<string>} its title */
export async function open(name, el, api) {
  const title = await PAGES[name](el, api);
  el.scrollTop = 0;
  el.focus({preventScroll: true});
  return title;
}
