"""The last touches on a page: its foot, what its markup lacks, and fewer icons."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

SOLUTION = re.compile("Solution to(<a [^>]*>) ")
TOGGLE = '<summary><span class="toctree-toggle"'
NAMED_TOGGLE = TOGGLE.replace(
    "<summary>", '<summary aria-label="Show or hide the pages below">'
)
SIGNATURE = re.compile(
    r'<dl>\s*((?:<dd><em class="sig-param">(?:(?!<dd>|<dl>).)*</dd>\s*)+)</dl>',
    re.DOTALL,
)
LIST_IN_LIST = re.compile(r"</li>\s*<ul>((?:(?!</?ul>).)*)</ul>", re.DOTALL)
TABLE = re.compile(r'<table border="1" class="dataframe">.*?</table>', re.DOTALL)
MOST_ROWS = 8  # of a table that is read in passing
CELL = re.compile(r"(<t[hd][^>]*>)([^<]+)(</t[hd]>)")
LONG_NUMBER = re.compile(r"\d{5,}(\.0)?")
MINUS_ZERO = re.compile(r"-(0\.0+)\b")
TWO_HEADS = re.compile(
    r"<tr[^>]*>((?:(?!</tr>).)*)</tr>\s*<tr[^>]*>((?:(?!</tr>).)*)</tr>\s*(?=</thead>)",
    re.DOTALL,
)
HEAD = re.compile(r"<th[^>]*>([^<]*)</th>")
FORMULA = re.compile(
    r'(\(?<span class="math notranslate nohighlight">[^<]*</span>[,.;:)?’”]+)'
)
MARKUP = r'<(pre|code|dt|script|style)\b.*?</\1>|<(\w+) class="math .*?</\2>|<[^>]*>'
END = r'(?:<span class="pasted-text">)?−?[\d.,]+(?:</span>)?%?'
WHOLE = '<span class="whole">{}</span>'  # no line ends in it
IN_TEXT: dict[str, Callable[[str], str]] = {  # where neither code nor markup stands
    r"(?<![\w.-])-(?=\.?\d|∞)": lambda hyphen: "−",
    r"(?<![\w.)\]])\.(?=\d)": lambda point: "0.",
    rf"\({END} to {END}\)|\(p (?:=|&lt;) [\d.]+\)": WHOLE.format,
    r"(?<!\w)[γn]_(?:D|N|w|a|kv|post)\b": lambda name: (
        f"{name[0]}<sub>{name[2:]}</sub>"
    ),
    r"\be\d+m\d+(?=(?:fn|fnuz|ieee)?\b)": str.upper,  # types of floating point
}
ICONS = "_static/scripts/fontawesome.js"
ICON = re.compile(
    r'"?([\w-]+)"?:\[[\d.]+,[\d.]+,\[([^\]]*)\],"[0-9a-f]+",'
    r'(?:"[^"]*"|\["[^"]*","[^"]*"\])\],?'
)
ICON_NAME = re.compile(r"\bfa-([a-z0-9-]+)")


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the foot before the pages are made and the rest after."""
    app.connect("config-inited", write_foot)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_foot(app: Sphinx, config: Config) -> None:
    """Put the version and the digest of the run tables at the foot of each page."""
    version = importlib.metadata.version("precision-lib")
    config.html_theme_options["extra_footer"] = (
        f'<p class="book-made-from">Version {version}'
        f' · run tables <code title="SHA-256 of the tables in data/">'
        f"{data_digest()[:12]}</code></p>"
    )


def data_digest() -> str:
    """One hash of the names and contents of the run tables."""
    from precision_lib.paths import DATA

    total = hashlib.sha256()
    for path in sorted(DATA.rglob("*.csv")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(DATA)} {content}\n".encode())
    return total.hexdigest()


def finish(app: Sphinx, failure: Exception | None) -> None:
    """Rewrite the pages and drop the icons that none of them shows."""
    if failure is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    pages = [path for path in folder.rglob("*.html") if "_static" not in path.parts]
    for path in pages:
        text = path.read_text(encoding="utf-8")
        path.write_text(finished(text), encoding="utf-8")
    scripts = [
        path for path in folder.glob("_static/**/*.js") if "mathjax" not in path.parts
    ]
    scripts = [path for path in scripts if path != folder / ICONS]
    shown: set[str] = set()
    for path in [*pages, *scripts]:
        shown.update(ICON_NAME.findall(path.read_text(encoding="utf-8")))
    icons = folder / ICONS
    icons.write_text(only(shown, icons.read_text(encoding="utf-8")), encoding="utf-8")


def finished(page: str) -> str:
    """A page whose markup a screen reader can follow.

    The toggles of the contents get names. The parameters of a long signature are a
    definition list without terms, and the works cited children that no list may have;
    both become plain lists. The list of a package's modules moves into its item.
    Tables of a chapter are in words, and long ones are folded. Outside of code a
    negative number has a minus for a hyphen, a decimal point a digit before it and a
    constant a subscript; no line ends within an interval or before a formula's comma.
    """
    page = TABLE.sub(lambda found: folded(spoken(one_head(found[0]))), page)
    page = page.replace(TOGGLE, NAMED_TOGGLE)
    page = LIST_IN_LIST.sub(r"<ul>\1</ul></li>", page)
    page = page.replace('role="doc-biblioentry"', 'role="listitem"')
    page = SOLUTION.sub(r"Solution to \1", page)
    page = FORMULA.sub(WHOLE.format(r"\1"), page)
    for text, change in IN_TEXT.items():
        page = in_text(text, change, page)
    return SIGNATURE.sub(as_list, page)


def in_text(text: str, change: Callable[[str], str], page: str) -> str:
    """The page with this text changed, but not in code, formulas or tags."""
    return re.sub(
        f"{MARKUP}|(?P<text>{text})",
        lambda found: change(found["text"]) if found["text"] else found[0],
        page,
        flags=re.DOTALL,
    )


def one_head(table: str) -> str:
    """A table that names its rows in the line of its heads, not in one below."""

    def joined(found: re.Match[str]) -> str:
        above, below = HEAD.findall(found[1]), HEAD.findall(found[2])
        if len(above) != len(below) or any(map(all, zip(above, below, strict=True))):
            return found[0]
        names = "".join(f"<th>{a or b}</th>" for a, b in zip(above, below, strict=True))
        return f'<tr style="text-align: right;">{names}</tr>'

    return TWO_HEADS.sub(joined, table)


def spoken(table: str) -> str:
    """A table with words for code names, thousands apart, a dash for what is absent.

    A zero has no sign.
    """
    from precision_lib.findings.table_words import WORDS

    def said(found: re.Match[str]) -> str:
        text = MINUS_ZERO.sub(r"\1", found[2])
        if LONG_NUMBER.fullmatch(text):
            text = f"{float(text):,.0f}"
        elif text in ("NaN", "nan"):
            text = "–"
        return f"{found[1]}{WORDS.get(text, text)}{found[3]}"

    return CELL.sub(said, table)


def folded(table: str) -> str:
    """A table of a chapter, behind a line that says its length if it is long."""
    rows = table.partition("<tbody>")[2].count("<tr")
    if rows <= MOST_ROWS:
        return table
    line = f"<summary>The table of {rows} rows</summary>"
    return f'<details class="long-table">{line}{table}</details>'


def as_list(found: re.Match[str]) -> str:
    """The parameters of a signature as a list."""
    items = found[1].replace("<dd>", '<div role="listitem">')
    items = items.replace("</dd>", "</div>")
    return f'<div role="list" class="signature-list">{items}</div>'


def only(shown: set[str], script: str) -> str:
    """Font Awesome's script with the icons of these names, of some two thousand.

    All of them weigh more than the rest of a page together.
    """

    def keep(found: re.Match[str]) -> str:
        names = {found[1], *re.findall(r'"([\w-]+)"', found[2])}
        return found[0] if names & shown else ""

    return ICON.sub(keep, script)
