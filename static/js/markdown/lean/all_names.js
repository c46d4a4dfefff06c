/**
 * The whole table of named characters: a chunk of its own, which lean/entities.js fetches.
 */

export { decodeHTMLStrict } from 'all-entities';
