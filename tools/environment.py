"""Create .venv, or leave it alone when it is up to date.

Runs on the reader's own Python with nothing installed, so it imports the
standard library only:

    python3 -m tools.environment requirements.txt [more-requirements.txt]

The environment is up to date when its stamp equals the hash of the
requirements files, pyproject.toml and the Python that made it. The variable
TORCH_INDEX names a package index to take torch from.
"""

import hashlib
import os
import platform
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST_PYTHON = (3, 11)


def main(requirements: "list[str]") -> int:
    """Bring .venv in step with the requirements files; the exit status."""
    if sys.version_info < OLDEST_PYTHON:
        return _fail(
            f"Python {sys.version.split()[0]} is too old; install Python 3.11 or newer "
            "and run make again (or name one: make book PYTHON=python3.12)."
        )
    wanted = {name: _key(ROOT / name) for name in requirements}
    stamps = {name: VENV / f"stamp-{Path(name).stem}" for name in requirements}
    stale = [
        name
        for name, stamp in stamps.items()
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted[name]
    ]
    if not stale:
        print("environment: .venv is up to date", flush=True)
        return 0
    print(f"environment: installing {' and '.join(stale)} into .venv ...", flush=True)
    start = time.monotonic()
    if not _made_by_this_python():
        try:
            venv.create(VENV, clear=True, with_pip=True)
        except (subprocess.CalledProcessError, OSError):
            return _fail(
                "the environment could not be created in .venv; "
                "on Debian and Ubuntu install the package python3-venv first."
            )
    for name in stale:
        for command in _install_commands(name):
            if subprocess.run(command, cwd=ROOT, check=False).returncode:
                return _fail(f"pip could not install {name}: see the lines above.")
        stamps[name].write_text(wanted[name], encoding="utf-8")
    print(f"environment: ready in {time.monotonic() - start:.0f} s", flush=True)
    return 0


def _install_commands(name: str) -> "list[list[str]]":
    """Torch first and from its own index if one is named, then the rest.

    The rest finds torch already there, whatever index it came from.
    """
    pip = [str(_python()), "-m", "pip", "install", "--quiet"]
    pip.append("--disable-pip-version-check")
    commands = [[*pip, "--requirement", name]]
    index = os.environ.get("TORCH_INDEX", "").strip()
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    torch = [line.split("#")[0].strip() for line in lines if line.startswith("torch==")]
    if torch and index:
        commands.insert(0, [*pip, *torch, "--index-url", index])
    return commands


def _key(requirements: Path) -> str:
    """Hash of all that decides what is installed."""
    digest = hashlib.sha256(f"{platform.python_version()} {VENV}".encode())
    for path in (requirements, ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _made_by_this_python() -> bool:
    configuration = VENV / "pyvenv.cfg"
    if not (configuration.is_file() and _python().is_file()):
        return False
    lines = configuration.read_text(encoding="utf-8").splitlines()
    return f"version = {platform.python_version()}" in lines


def _python() -> Path:
    scripts = "Scripts" if os.name == "nt" else "bin"
    return VENV / scripts / "python"


def _fail(sentence: str) -> int:
    print(f"environment: {sentence}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
