/** The words of messages that wait to be sent, in English. Loaded by views/queue.js. */
export default {
  'queue.label': 'Waiting to be sent',
  'queue.waiting': 'Sent when the answer is complete.',
  'queue.stopped': 'Held, because the answer was stopped.',
  'queue.failed': 'Held, because the answer broke off.',
  'queue.interrupted': 'Held, because the answer was interrupted.',
  'queue.now': 'Send now',
  'queue.gone': 'The server no longer has its files.',
  'queue.gone.all': 'The server no longer has its files. Take it back, and attach them again.',
  'queue.bare': 'Send without its files',
  'queue.files': n => (n === 1 ? '1 file' : `${n} files`),
  'queue.edit': 'Change this message',
  'queue.save': 'Keep the change',
  'queue.drop': 'Take this message back',
  'queue.added': 'The message waits for the end of the answer.',
  'queue.dropped': 'The message was taken back.',
  'queue.undo': 'Undo',
};
