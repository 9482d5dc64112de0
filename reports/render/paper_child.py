"""A process of its own that turns one page into PDF: it holds no secret and may not grow.

Reads the page from standard input and writes the PDF to standard output. Its arguments are the
title for its log, the limit of memory in bytes, of processor time in seconds, and the folders of
our static files as ``prefix=path``.
"""

import resource
import sys
from collections.abc import Sequence

from django.conf import settings


def main(arguments: Sequence[str]) -> int:
    """Limit this process, learn where our styles lie, write the PDF."""
    title, memory, seconds, *folders = arguments
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    settings.configure(
        STATICFILES_DIRS=[_folder(one) for one in folders],
        STATICFILES_FINDERS=["django.contrib.staticfiles.finders.FileSystemFinder"],
        STATIC_URL="/static/",
    )
    # Not before the limits stand: this loads the libraries that they are for.
    from cspdcl.ui import paper  # noqa: PLC0415

    sys.stdout.buffer.write(paper.pdf(sys.stdin.buffer.read().decode(), title=title))
    return 0


def _folder(argument: str) -> str | tuple[str, str]:
    prefix, _equals, path = argument.partition("=")
    return (prefix, path) if prefix else path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
