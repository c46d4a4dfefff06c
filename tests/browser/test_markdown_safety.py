"""Nothing an answer says can run, load, or look like our own page.

Draws hostile texts, whole and character by character, under the product's policy, and checks every
element and attribute against a list written down here, apart from the product's. Also that nothing
was fetched, no dialog opened, and the policy had nothing to refuse: it is the second line.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.markdown_site import markdown_page  # noqa: F401

TAGS = set(
    "section p h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code figure figcaption span button div table thead tbody tr th td hr br em strong s del ins a img "
    "input label abbr b cite dd details dl dt i kbd mark q samp small sub summary sup u var".split()
)
ATTRIBUTES = {
    "*": {"title", "lang", "dir", "class"}, "a": {"href", "rel", "target"}, "img": {"src", "alt", "loading", "decoding", "referrerpolicy"},
    "input": {"type", "disabled", "checked", "aria-label"}, "button": {"type", "aria-live"}, "label": set(), "pre": {"tabindex"},
    "div": {"align", "role", "tabindex", "aria-label"}, "p": {"align"}, "ol": {"start"}, "details": {"open"},
    "td": {"align", "colspan", "rowspan"}, "th": {"align", "colspan", "rowspan"},
}
CLASSES_OF_OURS = {"math", "display", "pending", "open", "code", "copy", "download", "wrap", "language", "task", "table", "html", "remote-image", "host", "maths-error"}
PROTOCOLS = {"http:", "https:", "mailto:", "tel:"}  # as the browser itself reads the address
ADDRESSES = [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "java&#10;script:alert(1)", "&#106;avascript:alert(1)",
    "&#x6A;&#x61;vascript&colon;alert(1)", "javascript&#58;alert(1)", "%6Aavascript:alert(1)", "\x01javascript:alert(1)", "&Tab;javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>", "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==", "data:image/svg+xml,<svg onload=alert(1)>",
    "vbscript:x", "file:///etc/passwd", "blob:http://h/1", "view-source:http://h", "ftp://h/x", "javascript://h/%0aalert(1)", "\u00a0javascript:alert(1)",
    "\u200bjavascript:alert(1)", "javascript\\:alert(1)", "jav\\ascript:alert(1)", "ws://h", "intent://h", "about:blank", "//h.example/x", "\\\\h.example\\x",
]
HTML = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<img/src=x/onerror=alert(1)>", "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "<math><mtext></mtext><script>alert(1)</script></math>", "<iframe src=javascript:alert(1)></iframe>", "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href='javascript:alert(1)'>x</a>", "<a href=javascript&colon;alert(1) onclick=alert(1)>x</a>", "<b onmouseover=alert(1) style='position:fixed' class=copy id=host name=x>x</b>",
    "<details open ontoggle=alert(1)><summary>s</summary></details>", "<form action=/api/logout><input name=q><button formaction=javascript:alert(1)>b</button></form>",
    "<link rel=stylesheet href=//h/x.css>", "<style>*{display:none}</style>", "<base href=//h/>", "<meta http-equiv=refresh content='0;url=//h'>", "<object data=//h></object>",
    "<embed src=//h>", "<video src=//h onerror=alert(1)>", "<audio src=//h>", "<template><script>alert(1)</script></template>", "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<b <script>alert(1)</script>>", "<!--><script>alert(1)</script>-->", "<![CDATA[<script>alert(1)</script>]]>", "<?php echo '<script>alert(1)</script>' ?>", "<p title='&quot; onclick=alert(1)'>x</p>",
    "<table background=//h><tr><td background=//h width=9999>x</td></tr></table>", "<div>**x** <a href='java&#9;script:alert(1)'>y</a>\n\n[z](javascript:alert(1))</div>", "<portal src=//h>", "<dialog open>x</dialog>",
    "<img srcset='//h/x 1x' src='https://h.example/p.png'>", "<a href='https://ok.example' ping=//h target=_self rel=opener download>x</a>", "<q cite=//h>x</q>", "<b" + " x" * 2000 + ">y</b>",
    "<input type=image src=//h>", "<textarea autofocus onfocus=alert(1)>", "<marquee onstart=alert(1)>", "<body onload=alert(1)>", "<x-y onclick=alert(1)>z</x-y>", "<a><a><a href=javascript:alert(1)>x",
    "<b>" * 3000 + "deep", "> " * 500 + "deep", "- " * 500 + "deep", "*" * 3000 + "x" + "*" * 3000, "[" * 3000 + "x" + "](y)" * 500,
]
MATHS = ["$\\href{javascript:alert(1)}{x}$", "$\\url{javascript:alert(1)}$", "$\\includegraphics{https://h.example/x.png}$", "$\\htmlData{x=y}{z}$", "$\\htmlClass{copy}{x}$", "$\\htmlStyle{position:fixed}{x}$", "$\\htmlId{host}{x}$",
         "$\\def\\a{\\a\\a}\\a x$", "$\\rule{9999999em}{9999999em}x$", "$$\\text{<img src=x onerror=alert(1)>}$$", "$x", "\\(\\unknown{x}\\)"]
REPORT = """([text, pieces]) => {
  const host = document.getElementById('host');
  const markdown = createMarkdown(host);
  for (const piece of pieces ? [...text] : [text]) markdown.push(piece);
  markdown.end();
  const isOurs = node => node.closest('.katex, .katex-display') === null;
  const all = [...host.querySelectorAll('*')];
  return {
    nodes: all.filter(isOurs).map(node => [node.localName, [...node.attributes].map(({name, value}) => [name, name === 'href' ? node.protocol : value]), node.namespaceURI]),
    loud: all.filter(node => !isOurs(node)).flatMap(node => [...node.attributes]).filter(({name, value}) => /^on|href|src$/.test(name) || /script:/i.test(value)).map(({name}) => name),
    text: host.textContent,
  };
}"""


def _texts() -> list[str]:
    links = [form.format(a) for a in ADDRESSES for form in ("[x]({})", "[x](<{}>)", "<{}>", "![x]({})", "[x][r]\n\n[r]: {}", '<a href="{}">x</a>', "<img src='{}'>")]
    return [*links, *HTML, *MATHS, "```\"onclick=alert(1) x\nx\n```", "```js\"><script>\nalert(1)\n```", "| <script> | [x](javascript:y) |\n|---|---|\n| <img src=x onerror=y> | 1 |"]


def _problems(report: dict) -> list[str]:
    found = [f"in maths: {name}" for name in report["loud"]]
    for tag, attributes, namespace in report["nodes"]:
        if tag not in TAGS or namespace != "http://www.w3.org/1999/xhtml":
            found.append(f"element {tag}")
        for name, value in attributes:
            if name not in ATTRIBUTES["*"] | ATTRIBUTES.get(tag, set()):
                found.append(f"attribute {tag} {name}")
            elif name == "href" and value not in PROTOCOLS:
                found.append(f"link {value}")
            elif name == "src" and not value.startswith(("/api/attachments/", "data:image/", "blob:")):
                found.append(f"image {value}")
            elif name == "class" and not all(part in CLASSES_OF_OURS or part.startswith(("language-", "hljs-")) or part.endswith("_") for part in value.split()):
                found.append(f"class {value}")
    return found


@pytest.mark.parametrize("in_pieces", [False, True], ids=["whole", "by character"])
def test_hostile_text_makes_only_listed_elements_and_attributes(markdown_page: Page, in_pieces: bool) -> None:  # noqa: F811
    page = markdown_page
    dialogs: list[str] = []
    requests: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: requests.append(request.url))
    problems = {}
    for text in _texts():
        found = _problems(page.evaluate(REPORT, [text, in_pieces and len(text) < 1000]))
        if found:
            problems[text[:200]] = found[:5]
    page.evaluate("new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)))")  # let what was started show itself
    assert problems == {}
    assert dialogs == []
    assert [url for url in requests if not url.startswith(("blob:", "data:", f"{page.url}KaTeX_", f"{page.url}api/attachments/"))] == []
    assert page.refused == []  # type: ignore[attr-defined]


def test_the_check_finds_a_planted_hole(markdown_page: Page) -> None:  # noqa: F811
    planted = REPORT.replace("const isOurs", "const evil = document.createElement('a'); evil.setAttribute('href', 'javascript:1'); host.append(evil, document.createElement('svg')); const isOurs")
    assert set(_problems(markdown_page.evaluate(planted, ["x", False]))) == {"link javascript:", "element svg"}


def test_what_is_not_drawn_is_shown_as_text(markdown_page: Page) -> None:  # noqa: F811
    for text in ("<script>alert(1)</script>", "a <form> b", "<think>hm</think>", "<svg></svg>"):
        assert text in markdown_page.evaluate(REPORT, [text, False])["text"]


@pytest.mark.parametrize(("source", "host"), [
    ("![cat](https://h.example/p.png?q=secret)", "h.example"),
    ("![cat](https://ok.example@evil.example:81/p.png)", "evil.example:81"),
    ("![](/api/attachments/../logout)", "/api/attachments/../logout"),
    ("<img src='//h.example/x' alt=cat>", "//h.example/x"),
])
def test_an_image_from_elsewhere_is_a_link_that_names_its_host(markdown_page: Page, source: str, host: str) -> None:  # noqa: F811
    markdown_page.evaluate(REPORT, [source, False])
    assert markdown_page.locator("#host img").count() == 0
    assert markdown_page.locator("#host a.remote-image .host").text_content() == host


@pytest.mark.parametrize("src", ["data:image/png;base64,iVBORw0KGgo=", "/api/attachments/17"])
def test_an_image_of_our_own_is_shown(markdown_page: Page, src: str) -> None:  # noqa: F811
    markdown_page.evaluate(REPORT, [f"![cat]({src})", False])
    assert markdown_page.locator("#host img").get_attribute("src") == src
