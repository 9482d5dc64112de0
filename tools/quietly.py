"""Runs a command and shows what it said only when it fails."""

import subprocess
import sys


def main(command: list[str]) -> int:
    """The command's own exit code."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.stderr.buffer.write(done.stdout)
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
