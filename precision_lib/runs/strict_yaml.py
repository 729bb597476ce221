"""YAML in which a key that stands twice is an error, not a silent loss."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from precision_lib.errors import UserError


class _Loader(yaml.SafeLoader):
    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                line = key.start_mark.line + 1
                raise UserError(
                    f"key '{name}' stands twice, again in line {line}; keep one."
                )
            seen.add(name)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises UserError if it cannot be read, is no YAML, or a key stands twice in one
    mapping.

    >>> from precision_lib.paths import DATA
    >>> sorted(read_yaml(DATA / "rate_rule.yaml"))[0]
    'batch'
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    except (UnicodeError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise UserError(f"{path}: is no YAML ({said}).") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
