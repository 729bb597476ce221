"""The page of the precision explorer: its form, its constants and its scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FORM = Path(__file__).with_name("explorer_form.html")
FIELD = """\
<div class="explorer-field">
<label for="explorer-{name}">{label}</label>
<input class="explorer-number" id="explorer-{name}" type="text" inputmode="decimal"
 autocomplete="off" spellcheck="false"
 aria-describedby="explorer-{name}-absent explorer-{name}-error">
<input class="explorer-slider" id="explorer-{name}-slider" type="range"
 aria-label="{spoken}, slider">
<p class="explorer-hint" id="explorer-{name}-absent" hidden></p>
<p class="explorer-error" id="explorer-{name}-error" role="alert"></p>
</div>
"""
FIELDS = {
    "N": ("Parameters <i>N</i>", "Parameters N"),
    "D": ("Training tokens <i>D</i>", "Training tokens D"),
    "weights": ("Weights", "Bits of the weights in training"),
    "activations": ("Activations", "Bits of the activations in training"),
    "kv": ("KV cache", "Bits of the KV cache in training"),
    "post": ("Bits after rounding", "Bits of the weights after rounding"),
    "budget": ("Training budget <i>C</i>", "Training budget C"),
}
STYLES = ("explorer/uplot/uPlot.min.css", "explorer/explorer.css")
SCRIPTS = (
    "explorer/uplot/uPlot.iife.min.js",
    "explorer/laws.js",
    "explorer/state.js",
    "explorer/charts.js",
    "explorer/results.js",
    "explorer/explorer.js",
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and hang its scripts on the page that has it."""
    app.add_directive("precision-explorer", PrecisionExplorer)
    app.connect("html-page-context", add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class PrecisionExplorer(SphinxDirective):
    """The form, and the fits of the present run tables as a block of data."""

    def run(self) -> list[nodes.Node]:
        """Fit the laws and lay out the form."""
        from precision_lib.findings.explorer_constants import page_data

        self.env.note_dependency(str(FORM))
        self.env.note_reread()
        html = FORM.read_text(encoding="utf-8")
        for name, (label, spoken) in FIELDS.items():
            field = FIELD.format(name=name, label=label, spoken=spoken)
            html = html.replace(f"<!-- field {name} -->", field)
        html = html.replace("<!-- data -->", page_data())
        html = html.replace("<!-- plans -->", plans())
        marked = nodes.raw("", html, format="html", classes=["precision-explorer"])
        return [marked]


def plans() -> str:
    """Which run to make next, and which grids could identify a law, as tables."""
    from precision_lib.decide import paper_fit
    from precision_lib.findings.explorer_plans import (
        grid_words,
        judged_grids,
        next_runs,
    )
    from precision_lib.findings.our_laws import our_laws

    ours = our_laws()
    said = "Could a grid of runs identify the law of the weights? Planted are"
    tables = {
        "Which run would narrow an interval of our runs the most": next_runs(ours),
        f"{said} our constants, {grid_words(ours[0])}": judged_grids(ours[0]),
        f"{said} the paper's, {grid_words(paper_fit())}": judged_grids(paper_fit()),
    }
    shown = []
    for caption, table in tables.items():
        html = table.to_html(index=False, border=0, classes="explorer-wraps")
        html = html.replace("<th>", '<th scope="col">')
        html = html.replace("<thead>", f"<caption>{caption}</caption><thead>")
        label = f'tabindex="0" role="region" aria-label="{caption}"'
        shown.append(f'<div class="explorer-scroll" {label}>{html}</div>')
    return "\n".join(shown)


def add_files(
    app: Sphinx, page: str, template: str, context: dict[str, Any], tree: nodes.document
) -> None:
    """Load the scripts and style sheets on the explorer's page only."""
    if tree is None or not any(
        "precision-explorer" in node["classes"] for node in tree.findall(nodes.raw)
    ):
        return
    for name in STYLES:
        app.add_css_file(name)
    for name in SCRIPTS:
        app.add_js_file(name, loading_method="defer")
