/** 分享页面的中文。Loaded by entry-share.js. */
export default {
  'shared.untitled': '一段对话',
  'shared.note': when => `分享于 ${when}，只读。`,
  'shared.you': '提问',
  'shared.answer': name => `${name} 的回答`,
  'shared.model': '模型',
  'shared.length': '回答达到了长度上限。',
  'shared.stopped': '回答在此停止。',
  'shared.failed': '回答在此中断。',
  'shared.interrupted': '回答在此中断。',
  'shared.files': '文件',
  'shared.download': name => `下载 ${name}`,
  'shared.gone': '这个链接已经失效。',
  'shared.failure': '对话没能加载。请刷新页面重试。',
  'shared.made': '由 Rill 生成',
};
