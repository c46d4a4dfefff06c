/**
 * A block of code as a file: its name, and handing it to the browser. Loaded for the first download; called by code_block.js.
 */

const LINES_LOOKED_AT = 2;
const REVOKE_MS = 10_000; // the browser has read it by then

// Where the language's own word is not the ending.
const ENDINGS = {
  python: 'py', py3: 'py', ipython: 'py', javascript: 'js', node: 'js', typescript: 'ts', shell: 'sh', bash: 'sh', zsh: 'sh', console: 'sh', markdown: 'md',
  ruby: 'rb', rust: 'rs', golang: 'go', kotlin: 'kt', csharp: 'cs', 'c#': 'cs', 'c++': 'cpp', objectivec: 'm', 'objective-c': 'm', haskell: 'hs',
  perl: 'pl', powershell: 'ps1', pwsh: 'ps1', latex: 'tex', elixir: 'ex', erlang: 'erl', fsharp: 'fs', clojure: 'clj', ocaml: 'ml', julia: 'jl',
  yaml: 'yml', plaintext: 'txt', text: 'txt', plain: 'txt', nginx: 'conf', apache: 'conf', protobuf: 'proto', terraform: 'tf', hcl: 'tf', assembly: 'asm',
  fortran: 'f90', matlab: 'm', jsonc: 'json', patch: 'diff', graphviz: 'dot', solidity: 'sol', vb: 'vb', batch: 'bat', cmd: 'bat',
};
const WHOLE_NAMES = { make: 'Makefile', makefile: 'Makefile', dockerfile: 'Dockerfile', docker: 'Dockerfile' };

// `# app.py`, `// src/index.ts`, `<!-- index.html -->`: a first line that is nothing but a comment with a file's name in it.
const NAMED = /^\s*(?:#|\/\/|--|;|%|\/\*|<!--)\s*(?:file(?:name)?:\s*)?(?:[\w.@-]+\/)*([\w-][\w.-]{0,80}\.[a-z][a-z0-9]{0,7})\s*(?:\*\/|-->)?\s*$/i;

/**
 * @param {string} text @param {string} language as it stands behind the fence; may be empty
 * @returns {string} what the code calls itself, else `code` with the language's ending
 */
export function fileNameOf(text, language) {
  for (const line of text.split('\n', LINES_LOOKED_AT)) {
    const named = NAMED.exec(line);
    if (named) return named[1];
  }
  const word = language.toLowerCase();
  if (WHOLE_NAMES[word]) return WHOLE_NAMES[word];
  const ending = ENDINGS[word] ?? (/^[a-z][a-z0-9]{0,9}$/.test(word) ? word : 'txt');
  return `code.${ending}`;
}

/** @param {string} text @param {string} language */
export function saveCode(text, language) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain;charset=utf-8' }));
  link.download = fileNameOf(text, language);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), REVOKE_MS);
}
