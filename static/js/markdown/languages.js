/**
 * highlight.js with the languages that answers are written in: a chunk of its own.
 *
 * Only highlight.js of ours imports it, and only when a block of code names a language.
 */

import hljs from 'highlight.js/lib/common';
import dart from 'highlight.js/lib/languages/dart';
import dockerfile from 'highlight.js/lib/languages/dockerfile';
import elixir from 'highlight.js/lib/languages/elixir';
import haskell from 'highlight.js/lib/languages/haskell';
import latex from 'highlight.js/lib/languages/latex';
import nginx from 'highlight.js/lib/languages/nginx';
import powershell from 'highlight.js/lib/languages/powershell';
import scala from 'highlight.js/lib/languages/scala';

const MORE = { dart, dockerfile, elixir, haskell, latex, nginx, powershell, scala };

for (const [name, language] of Object.entries(MORE)) hljs.registerLanguage(name, language);

export default hljs;
