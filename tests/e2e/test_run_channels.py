"""The operator sees how channels are, pauses one and lets it go on, at the desk and on a phone."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection
from django.urls import reverse
from playwright.sync_api import expect

from channels_.models import Channel, InboundMessage, Replay
from tests import factories as make
from tests.e2e.window import DESK, PHONE, Window

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

SHOTS = "SCREENSHOTS"  # a directory for pictures of these pages


def picture(window: Window, name: str) -> None:
    """Keep a picture at both sizes, where somebody wants to look at them."""
    directory = os.environ.get(SHOTS)
    if not directory:
        return
    for label, (width, height) in (("desk", DESK), ("phone", PHONE)):
        window.page.set_viewport_size({"width": width, "height": height})
        path = Path(directory) / f"{name}-{label}.png"
        window.page.screenshot(path=path, full_page=label == "phone")
    window.page.set_viewport_size({"width": DESK[0], "height": DESK[1]})


def test_the_page_looks_again_by_itself_until_it_is_held(
    window_of: Callable[[str], Window],
) -> None:
    window = window_of("operator")
    page = window.page
    page.clock.install()
    window.open("/operator/")
    picture(window, "health")
    page.locator("#main").evaluate("main => main.dataset.seen = 'before'")

    with page.expect_response("**/operator/"):
        page.clock.fast_forward(16_000)

    expect(page.locator("#main[data-seen]")).to_have_count(0)
    expect(page.locator("#main h1")).to_be_visible()
    window.look()
    page.get_by_role("link", name="Hold still").click()
    expect(page.get_by_role("link", name="Go on")).to_be_visible()
    expect(page.locator("[hx-trigger='every 15s']")).to_have_count(0)


def test_an_operator_pauses_a_channel_in_a_dialog_and_lets_it_go_on(
    window_of: Callable[[str], Window],
) -> None:
    window = window_of("operator")
    page = window.page
    address = reverse("channels:channel", args=["razorpay"])
    window.open(address)

    page.get_by_role("link", name="Pause").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    window.fits_both("the dialog")
    picture(window, "pause")
    dialog.get_by_label("Reason").fill("their maintenance until noon")
    dialog.get_by_role("button", name="Pause the channel").click()

    expect(page.locator("p.answer")).to_contain_text("their maintenance until noon")
    window.look()
    picture(window, "channel-paused")
    assert Channel.objects.get(code="razorpay").paused_at is not None
    window.open("/operator/")
    expect(page.locator("#worries")).to_contain_text("their maintenance until noon")
    window.open(address)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("link", name="Pause")).to_be_visible()
    assert Channel.objects.get(code="razorpay").paused_at is None


def test_an_administrator_sees_a_made_secret_once(window_of: Callable[[str], Window]) -> None:
    window = window_of("administrator")
    page = window.page
    window.open(reverse("channels:rotate", args=["razorpay", "webhook_secret"]))
    picture(window, "rotate")

    page.get_by_role("button", name="Replace it").click()

    expect(page.locator("#shown")).to_be_visible()
    window.look()
    window.open(reverse("channels:channel", args=["razorpay"]))
    expect(page.locator("section[aria-labelledby=c-secrets]")).to_contain_text("the one before")
    picture(window, "channel")


def _committed(act: Callable[[], None]) -> None:
    """Do it on a connection of its own: what a test's transaction holds the server never sees."""

    def work() -> None:
        try:
            act()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as aside:
        aside.submit(work).result()


def _park_three() -> None:
    for number in range(3):
        make.InboundMessageFactory(
            channel=Channel.objects.get(code="razorpay"),
            event_key=f"evt_e2e_{number}",
            raw=make.razorpay_body(pay=f"pay_E2E{number}"),
            state=InboundMessage.State.PARKED,
            outcome="given up: DataError",
        )


def _forget_them() -> None:
    InboundMessage.objects.filter(event_key__startswith="evt_e2e_").delete()
    Replay.objects.all().delete()


@pytest.fixture
def parked(house: object) -> Iterator[None]:
    """Three messages that were given up, for as long as the test runs."""
    _committed(_park_three)
    yield
    _committed(_forget_them)


def test_many_notices_are_tried_again_with_their_count(
    window_of: Callable[[str], Window], parked: None
) -> None:
    window = window_of("operator")
    page = window.page
    window.open("/operator/")
    picture(window, "health-parked")
    window.open("/operator/replays/")

    page.get_by_label("Channel").select_option("razorpay")
    page.get_by_label("Words of the reason").fill("DataError")
    page.get_by_role("button", name="Count").click()
    expect(page.locator("#act")).to_contain_text("Try 3 notices again")
    window.look()
    picture(window, "replays")
    page.get_by_role("button", name="Try 3 notices again").click()

    page.wait_for_url("**/operator/replays/*/")
    expect(page.locator("p.answer")).to_contain_text("3 notices of")
    window.look()
    picture(window, "replay")
