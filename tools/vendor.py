"""Copies the front-end files that pages use from node_modules into var/vendor.

Each library keeps its licence. Source maps and old font formats stay behind, because the static
files' manifest refuses a reference to a file that is not there. Django serves them as vendor/...
"""

import os
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
TARGET = Path(os.environ.get("CSPDCL_VAR") or ROOT / "var") / "vendor"

SOURCE_MAP = re.compile(r"(//# sourceMappingURL=.*|/\*# sourceMappingURL=.*?\*/)\s*$")
OLD_FONTS = re.compile(
    r""",?\s*url\(["']?[^)"']+\.(?:woff|ttf|eot)(?:[?#][^)"']*)?["']?\)\s*format\([^)]*\)"""
)
FONT_VERSION = re.compile(r"(\.woff2)\?[^\"')]*")
SUBSETS = ("devanagari", "latin", "latin-ext")  # the rupee sign lives in latin-ext
INTERPRETER_IMPORT = re.compile(r"^import (\{[^}]+\}) from 'vega-util';$", re.MULTILINE)
INTERPRETER_EXPORT = "export { expression as expressionInterpreter };"


def main() -> int:
    """Build the directory anew beside the old one, then put it in its place."""
    draft = TARGET.with_name(f"{TARGET.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    build(draft)
    shutil.rmtree(TARGET, ignore_errors=True)
    draft.rename(TARGET)
    files = [path for path in TARGET.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1_000_000
    print(f"      {len(files)} files, {size:.1f} MB in {TARGET}")
    return 0


def build(target: Path) -> None:
    """Every library, each in a folder of its own."""
    tabler = MODULES / "@tabler" / "core"
    copy(tabler, "dist/css/tabler.min.css", target / "tabler")
    copy(tabler, "dist/js/tabler.min.js", target / "tabler")
    icons = MODULES / "@tabler" / "icons-webfont"
    copy(icons, "dist/tabler-icons.min.css", target / "icons", change=only_woff2)
    copy(icons, "dist/fonts/tabler-icons.woff2", target / "icons" / "fonts")
    for family in ("inter", "noto-sans-devanagari"):
        copy_font(MODULES / "@fontsource-variable" / family, target / family)
    for library in ("vega", "vega-lite", "vega-embed"):
        copy(MODULES / library, f"build/{library}.min.js", target / "vega")
    interpreter = MODULES / "vega-interpreter"
    copy(interpreter, "build/vega-interpreter.js", target / "vega", change=for_browsers)
    # The administration's Alpine without eval; its plugins come with django-unfold.
    copy(MODULES / "@alpinejs" / "csp", "dist/cdn.min.js", target / "alpine")
    keep_licences(target)


def copy(
    package: Path, name: str, folder: Path, *, change: Callable[[str], str] = lambda text: text
) -> None:
    """One file; a text file without its reference to a source map."""
    source = package / name
    if not source.is_file():
        raise SystemExit(f"{source} is missing: run npm ci")
    folder.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".woff2":
        shutil.copyfile(source, folder / source.name)
        return
    text = SOURCE_MAP.sub("", source.read_text(encoding="utf-8"))
    (folder / source.name).write_text(change(text), encoding="utf-8")


def only_woff2(css: str) -> str:
    """Every browser we support reads woff2; the query would hide the file from the manifest."""
    return FONT_VERSION.sub(r"\1", OLD_FONTS.sub("", css))


def copy_font(package: Path, folder: Path) -> None:
    """The variable weights of one family, in the scripts that our pages write."""
    blocks = re.findall(
        r"/\*.*?\*/\s*@font-face\s*\{.*?\}", (package / "index.css").read_text(), re.DOTALL
    )
    wanted = [block for block in blocks if is_wanted(package.name, block)]
    if not wanted:
        raise SystemExit(f"{package}/index.css has no font face of {', '.join(SUBSETS)}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.css").write_text("\n\n".join(wanted) + "\n")
    for block in wanted:
        for name in re.findall(r"files/[\w.-]+\.woff2", block):
            copy(package, name, folder / "files")


def is_wanted(family: str, block: str) -> bool:
    """Whether the font face is for one of our scripts; the comment before it names the subset."""
    return any(f"/* {family}-{subset}-wght-normal */" in block for subset in SUBSETS)


def for_browsers(module: str) -> str:
    """The interpreter as a plain script: vega.min.js holds what it imports from vega-util."""
    imported = INTERPRETER_IMPORT.findall(module)
    if len(imported) != 1 or module.count(INTERPRETER_EXPORT) != 1 or module.count("import ") != 1:
        raise SystemExit("vega-interpreter has another shape now: change tools/vendor.py")
    body = INTERPRETER_IMPORT.sub(f"const {imported[0]} = globalThis.vega;", module)
    body = body.replace(
        INTERPRETER_EXPORT, "globalThis.vegaInterpreter = { expressionInterpreter: expression };"
    )
    return f"(function () {{\n'use strict';\n{body.strip()}\n}})();\n"


def keep_licences(target: Path) -> None:
    """The licence of each library that is served, beside its files."""
    for folder, packages in served_packages():
        for package in packages:
            for licence in (MODULES / package).glob("LICENSE*"):
                shutil.copyfile(
                    licence,
                    target / folder / f"LICENSE.{package.replace('/', '-').lstrip('@')}.txt",
                )


def served_packages() -> Iterable[tuple[str, tuple[str, ...]]]:
    """Folder under vendor/ and the packages that filled it."""
    yield "tabler", ("@tabler/core",)
    yield "icons", ("@tabler/icons-webfont",)
    yield "inter", ("@fontsource-variable/inter",)
    yield "noto-sans-devanagari", ("@fontsource-variable/noto-sans-devanagari",)
    yield "vega", ("vega", "vega-lite", "vega-embed", "vega-interpreter")


if __name__ == "__main__":
    raise SystemExit(main())
