"""Sets a page for paper. Nothing is fetched but our own style sheets and fonts, from our disk."""

import logging
import mimetypes
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.contrib.staticfiles import finders
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

# A name that no resolver knows: relative addresses in our style sheets become addresses below it.
HERE: Final = "http://paper.invalid/"
STYLES: Final = ("css/paper.css", "css/slip.css")  # the first names the fonts

_OURS: Final = re.compile(
    r"(css|vendor/(inter|noto-sans-devanagari)(/files)?)/[a-z0-9-]+\.(css|woff2)"
)

log = logging.getLogger(__name__)


class Blocked(ValueError):
    """The page asked for something that is not one of our own style sheets or fonts."""


class OnlyOurs(URLFetcher):  # type: ignore[misc]  # WeasyPrint carries no types
    """Gives our style sheets and fonts from disk and refuses every other address, files too."""

    def __init__(self) -> None:
        super().__init__(allowed_protocols=(), allow_redirects=False)

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:  # noqa: ARG002
        """The bytes of one of our files; WeasyPrint leaves out what is refused."""
        name = url.removeprefix(HERE)
        if not url.startswith(HERE) or _OURS.fullmatch(name) is None:
            log.warning("a page for paper asked for %.200r", url)
            raise Blocked("only our own styles and fonts come onto paper")
        kind = mimetypes.guess_type(name)[0] or "font/woff2"
        return URLFetcherResponse(url, _file(name), {"Content-Type": kind})


def laid_out(html: str, *, title: str) -> Any:
    """The page with the look of css/paper.css, not written yet; ``title`` is for logs only."""
    fetcher, fonts = OnlyOurs(), FontConfiguration()
    styles = [CSS(url=f"{HERE}{name}", url_fetcher=fetcher, font_config=fonts) for name in STYLES]
    page = HTML(string=html, base_url=HERE, url_fetcher=fetcher)
    log.info("writing %s as PDF", title)
    return page.render(stylesheets=styles, font_config=fonts)


@cache
def _file(name: str) -> bytes:
    found = finders.find(name)
    if not isinstance(found, str):
        raise Blocked(f"there is no {name}")
    return Path(found).read_bytes()
