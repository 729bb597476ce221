"""What a page may do: its Content Security Policy.

The policy lets a browser run the scripts of the book and
nothing else, and fetch nothing from elsewhere. Inline scripts, which the theme has,
are allowed one by one by their hashes; two buttons of the theme have handlers in an
attribute, allowed by hash too. Styles may stand inline: MathJax, the icons and the
tables of pandas make them as they go, so they have no hash to know beforehand.
"""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

# 'self' for a server; file: for a copy on disk, where Firefox takes 'self' for nothing.
OWN = "'self' file:"
POLICY = {
    "default-src": "'none'",
    "script-src": OWN,
    "style-src": f"{OWN} 'unsafe-inline'",
    "img-src": f"{OWN} data:",
    "font-src": OWN,
    "form-action": OWN,
    "base-uri": "'none'",
}


CHARSET = re.compile(r"<meta charset=[^>]*>", re.IGNORECASE)


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the policies when the pages are made."""
    app.connect("build-finished", write_policies)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_policies(app: Sphinx, failure: Exception | None) -> None:
    """Give every page the policy that allows its own inline scripts."""
    if failure is not None or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        if "_static" not in path.parts:
            page = path.read_text(encoding="utf-8")
            path.write_text(with_policy(page), encoding="utf-8")


def with_policy(page: str) -> str:
    """A page that carries its policy."""
    policy = policy_for(page)
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}" />'
    charset = CHARSET.search(page)  # which must come first; a forward has none
    cut = charset.end() if charset else 0
    return f"{page[:cut]}\n    {meta}{page[cut:]}"


def policy_for(page: str) -> str:
    """The policy of one page, from its HTML."""
    found = InlineScripts()
    found.feed(page)
    hashes = [f"'sha256-{sha256(text)}'" for text in sorted(found.scripts)]
    if found.handlers:
        hashes.append("'unsafe-hashes'")
        hashes += [f"'sha256-{sha256(text)}'" for text in sorted(found.handlers)]
    policy = {**POLICY, "script-src": " ".join([OWN, *hashes])}
    return "; ".join(f"{name} {value}" for name, value in policy.items())


def sha256(text: str) -> str:
    """Hash of a script as a policy writes it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class InlineScripts(HTMLParser):
    """Texts of the inline scripts of a page and of its handlers in attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: set[str] = set()
        self.handlers: set[str] = set()
        self.inside: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note handlers, and that a script begins."""
        given = dict(attrs)
        self.handlers |= {v for k, v in attrs if k.startswith("on") and v}
        is_code = given.get("type") in (None, "", "text/javascript", "module")
        if tag == "script" and "src" not in given and is_code:
            self.inside = []

    def handle_data(self, data: str) -> None:
        """Take a piece of a script."""
        if self.inside is not None:
            self.inside.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Keep the script that ends."""
        if tag == "script" and self.inside is not None:
            self.scripts.add("".join(self.inside))
            self.inside = None
