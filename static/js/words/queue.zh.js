/** 待发消息的中文。Loaded by views/queue.js. */
export default {
  'queue.label': '等待发送',
  'queue.waiting': '回答写完后自动发送。',
  'queue.stopped': '回答已停止，消息暂缓发送。',
  'queue.failed': '回答中断了，消息暂缓发送。',
  'queue.interrupted': '回答被打断，消息暂缓发送。',
  'queue.now': '现在发送',
  'queue.gone': '服务器上已没有它的文件。',
  'queue.gone.all': '服务器上已没有它的文件。请撤回，再重新添加文件。',
  'queue.bare': '不带文件发送',
  'queue.files': n => `${n} 个文件`,
  'queue.edit': '修改这条消息',
  'queue.save': '保留修改',
  'queue.drop': '撤回这条消息',
  'queue.added': '消息会等回答写完后发送。',
  'queue.dropped': '消息已撤回。',
  'queue.undo': '恢复',
};
