/** The words of finding in a conversation in English. Loaded by find.js. */
export default {
  'find.label': 'Find in this conversation',
  'find.hint': 'Find in this conversation',
  'find.count': (at, of) => `${at} of ${of.toLocaleString('en')}`,
  'find.none': 'Not found',
  'find.older': 'Previous place',
  'find.newer': 'Next place',
  'find.close': 'Close',
  'find.gone': 'That message is no longer there. It may have been deleted since.',
};
