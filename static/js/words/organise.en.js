/** Deleting, archiving, forking, in English. Used by organise.js. */
const many = n => (n === 1 ? 'The conversation' : `${n.toLocaleString('en')} conversations`);

export default {
  'undo': 'Undo',
  'undo.done': 'It is back.',
  'gone.conversations': n => `${many(n)} ${n === 1 ? 'was' : 'were'} deleted.`,
  'gone.branch': 'The message and what followed it were deleted.',
  'archive.done': n => `${many(n)} ${n === 1 ? 'is' : 'are'} in the archive now.`,
  'archive.undone': n => `${many(n)} ${n === 1 ? 'is' : 'are'} in the list again.`,
  'fork.title': title => `${title} (fork)`,
  'fork.done': 'This is the fork. The conversation it comes from stays as it is.',
  'side.rename': 'Rename',
  'side.delete': 'Delete',
  'side.pin': 'Keep on top',
  'side.unpin': 'No longer keep on top',
  'side.archive': 'Archive',
  'side.unarchive': 'Take out of the archive',
  'side.share': 'Share…',
  'side.export': 'Export…',
  'message.menu': 'Actions for this message',
  'act.fork': 'Go on from here in a new conversation',
  'act.delete': 'Delete from here on',
};
