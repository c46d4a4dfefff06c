/** The words of the notification in English. Loaded by away.js. */
export default {
  'away.ended': 'The answer has ended.',
};
