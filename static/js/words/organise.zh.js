/** 删除、归档与分支的中文。Used by organise.js. */
const many = n => (n === 1 ? '对话' : `${n} 个对话`);

export default {
  'undo': '撤销',
  'undo.done': '已恢复。',
  'gone.conversations': n => `${many(n)}已删除。`,
  'gone.branch': '这条消息和它之后的内容已删除。',
  'archive.done': n => `${many(n)}已归档。`,
  'archive.undone': n => `${many(n)}已回到列表。`,
  'fork.title': title => `${title}（分支）`,
  'fork.done': '这是新的分支，原来的对话保持不变。',
  'side.rename': '重命名',
  'side.delete': '删除',
  'side.pin': '置顶',
  'side.unpin': '取消置顶',
  'side.archive': '归档',
  'side.unarchive': '移出归档',
  'side.share': '分享…',
  'side.export': '导出…',
  'message.menu': '这条消息的操作',
  'act.fork': '从这里开始新的对话',
  'act.delete': '从这里起删除',
};
