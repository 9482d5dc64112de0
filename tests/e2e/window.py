"""One person's window on the house: it notes what goes wrong and looks at each page it opens."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

DESK = (1366, 768)
PHONE = (390, 844)

# The browser's word for an answer above 399; the answers are noted with their status.
ANSWER_NOTE = "Failed to load resource"
# A page that turns into a download, or is left while it loads, is no failure.
LEFT = "net::ERR_ABORTED"
# The same when a service worker was asked for the file; or no answer at all: that is looked into.
UNSURE = "net::ERR_FAILED"

LOOK = """() => ({
  title: document.title.replace(/\\s+/g, " ").trim(),
  headings: document.querySelectorAll("h1").length,
  over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  wide: [...document.querySelectorAll("body *")]
    .filter((node) => node.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .slice(0, 3).map((node) => `${node.tagName}.${node.className}`),
})"""

ASK = "url => fetch(url, {cache: 'no-store'}).then((answer) => answer.status, () => 0)"


class Window:
    """A browser context with one page; ``page`` is Playwright's."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.troubles: list[str] = []
        self.url = url
        self._expected: set[int] = set()
        self._is_offline = False
        self._unsure: list[str] = []  # files that failed, perhaps of a page that was left
        self.context = browser.new_context(
            base_url=url, locale="en-IN", viewport={"width": DESK[0], "height": DESK[1]}
        )
        self.context.set_default_timeout(10_000)
        self.context.on("console", self._heard)
        self.context.on("weberror", lambda error: self.troubles.append(f"script: {error.error}"))
        self.context.on("requestfailed", self._failed)
        self.context.on("response", self._answered)
        self.page: Page = self.context.new_page()

    @property
    def path(self) -> str:
        """Where the window is."""
        return urlsplit(self.page.url).path

    def sign_in(self, username: str, password: str) -> None:
        """Through the door, from the keyboard; the cursor stands in the first field."""
        self.open("/sign-in/")
        self.page.keyboard.type(username)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: "/sign-in/" not in url)

    def open(self, path: str) -> None:
        """Go to a page and look at it."""
        self.page.goto(path, wait_until="commit")
        self.look()

    def look(self) -> None:
        """Every page has a title and one heading, fits the desk and the phone, and is quiet."""
        self.page.wait_for_load_state("load")
        self.fits_both(self.path)

    def fits_both(self, where: str) -> None:
        """The page as it stands, on the phone and at the desk."""
        for width, height in (PHONE, DESK):
            self.page.set_viewport_size({"width": width, "height": height})
            self.fits(f"{where} at {width}")

    def fits(self, where: str) -> None:
        """The page as it stands: title, one heading, nothing beyond the edge, no trouble so far."""
        seen = self.page.evaluate(LOOK)
        self._ask_again()
        assert seen["headings"] == 1, f"{where} has {seen['headings']} headings of the first level"
        assert not seen["title"].startswith("·"), f"{where} has no title of its own"
        assert "CSPDCL" in seen["title"], f"{where} is called {seen['title']!r}"
        assert seen["over"] <= 0, f"{where} is {seen['over']} px too wide: {seen['wide']}"
        assert self.troubles == [], f"{where}: {self.troubles}"

    @contextmanager
    def offline(self) -> Iterator[None]:
        """For a while there is no network, and what the browser says of that is no trouble."""
        self._is_offline = True
        self.context.set_offline(True)
        yield
        self.context.set_offline(False)
        self._is_offline = False

    @contextmanager
    def expecting(self, status: int) -> Iterator[None]:
        """For a while this answer is what the test wants."""
        self._expected.add(status)
        yield
        self._expected.discard(status)

    def close(self) -> None:
        """Close the window; troubles that nobody looked at fail here."""
        self._ask_again()
        self.context.close()
        assert self.troubles == [], self.troubles

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(ANSWER_NOTE):
            self.troubles.append(f"console: {message.text}")

    def _failed(self, request: Request) -> None:
        if request.failure == LEFT or self._is_offline:
            return
        if request.failure == UNSURE and request.resource_type != "document":
            self._unsure.append(request.url)
        else:
            self.troubles.append(f"failed: {request.url} {request.failure}")

    def _ask_again(self) -> None:
        """A file of a page that was left is there; of any other the failure stays."""
        while self._unsure and not self._is_offline:
            url = self._unsure.pop()
            status = self.page.evaluate(ASK, url)
            if status != HTTPStatus.OK:
                self.troubles.append(f"failed: {url}, asked again {status}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._expected:
            self.troubles.append(f"answer {response.status}: {response.url}")
