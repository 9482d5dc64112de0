"""Writes counters/paper/data from the published data of razorpay/ifsc.

    python tools/ifsc.py FOLDER [TARGET]

FOLDER holds IFSC.json, banks.json, banknames.json, sublet.json and custom-sublets.json. Two files
come out: branches.bin with every code, banks.json with the names of banks and what they lend.
"""

import json
import struct
import sys
import zlib
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

TARGET: Final = Path(__file__).resolve().parents[1] / "counters" / "paper" / "data"


def main(arguments: list[str]) -> int:
    """Read the folder, write both files."""
    source = Path(arguments[0])
    target = Path(arguments[1]) if len(arguments) > 1 else TARGET
    write(source, target)
    return 0


def write(source: Path, target: Path) -> None:
    """Both files, the same bytes for the same data."""
    branches = _read(source, "IFSC.json")
    banks = {
        code: [bank.get("micr") or "", bank.get("ifsc") or ""]
        for code, bank in _read(source, "banks.json").items()
    }
    told = {
        "names": _read(source, "banknames.json"),
        "banks": banks,
        "sublets": _read(source, "sublet.json"),
        "prefixes": _read(source, "custom-sublets.json"),
    }
    (target / "branches.bin").write_bytes(zlib.compress(packed(branches), 9))
    text = json.dumps(told, ensure_ascii=False, indent=0, sort_keys=True)
    (target / "banks.json").write_text(text + "\n", encoding="utf-8")


def packed(branches: Mapping[str, Iterable[int | str]]) -> bytes:
    """Each bank's four letters, how many codes it has, and the steps from code to code in base 36.

    Steps are small and alike, so that they compress to a tenth.
    """
    out = bytearray()
    for bank, codes in sorted(branches.items()):
        values = sorted({int(str(code).zfill(6), 36) for code in codes})
        steps = [high - low for low, high in pairwise([0, *values])]
        out += struct.pack(f"<4sI{len(steps)}I", bank.encode("ascii"), len(steps), *steps)
    return bytes(out)


def _read(source: Path, name: str) -> Any:
    return json.loads((source / name).read_text(encoding="utf-8"))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
