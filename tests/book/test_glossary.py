"""One word for one thing: no name uses a second word for a term of the glossary."""

import ast
import re
from collections.abc import Iterator

import pytest

from precision_lib.runs import TABLES
from tools.steps import ROOT

GLOSSARY = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.+?) \| (.+?) \|$", GLOSSARY, re.MULTILINE)[1:]
REFUSED = {other: word for word, others in ROWS for other in others.split(", ")}
LIBRARY = sorted((ROOT / "precision_lib").rglob("*.py"))


def names() -> Iterator[tuple[str, str]]:
    """Modules, columns and options, each with what it is."""
    for path in LIBRARY:
        yield f"module {path.relative_to(ROOT)}", path.stem
        if path.parent.name == "cli":
            text = path.read_text(encoding="utf-8")
            for option in re.findall(r'"--([\w-]+)|(\w+): Annotated\[', text):
                yield f"option of {path.name}", "".join(option)
    for table, schema in TABLES.items():
        yield from ((f"column of {table}", str(name)) for name in schema.columns)


def titles() -> Iterator[tuple[str, str]]:
    """First sentences of files and headings of prose pages."""
    for path in LIBRARY:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        yield f"title of {path.relative_to(ROOT)}", text.partition("\n")[0]
    for path in sorted((ROOT / "book").glob("*.md")):
        for line in re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE):
            yield f"heading of {path.name}", line


def refused(text: str) -> list[str]:
    """Words of a name or a title that the glossary refuses."""
    plain = " " + re.sub(r"[\W_]+", " ", text.lower()) + " "
    return [word for word in REFUSED if f" {word} " in plain]


def test_the_words_are_terms_of_the_glossary() -> None:
    terms = GLOSSARY.split("{glossary}")[1].split("```")[0].splitlines()
    assert len(REFUSED) > 10
    assert set(REFUSED.values()) <= set(terms)


@pytest.mark.parametrize("source", [names, titles])
def test_no_name_or_title_uses_a_second_word(source: object) -> None:
    listed = list(source())  # type: ignore[operator]
    assert len(listed) > 50
    wrong = {f"{what}: {text}": refused(text) for what, text in listed if refused(text)}
    assert not wrong, f"say {[REFUSED[w] for words in wrong.values() for w in words]}"


def test_a_planted_second_word_is_found() -> None:
    assert refused("weight_ste") == ["ste"]
    assert refused("What shares a scale, and why") == ["what shares a scale"]
    assert not refused("steps") and not refused("resample")
