/** The words of the page behind a shared link in English. Loaded by entry-share.js. */
export default {
  'shared.untitled': 'A conversation',
  'shared.note': when => `Shared on ${when}, to read only.`,
  'shared.you': 'Question',
  'shared.answer': name => `Answer of ${name}`,
  'shared.model': 'a model',
  'shared.length': 'The answer reached its length limit.',
  'shared.stopped': 'The answer was stopped here.',
  'shared.failed': 'The answer broke off here.',
  'shared.interrupted': 'The answer broke off here.',
  'shared.files': 'Files',
  'shared.download': name => `Download ${name}`,
  'shared.gone': 'This link leads nowhere any more.',
  'shared.failure': 'The conversation could not be loaded. Reload the page to try again.',
  'shared.made': 'Made with Rill',
};
