"""Paper: a page as PDF. What sets it is large, and comes with the first page that is asked for."""


def pdf(html: str, *, title: str) -> bytes:
    """A page as PDF with the look of css/paper.css; ``title`` is for logs only."""
    from cspdcl.ui import typesetting  # noqa: PLC0415 - half a second and 20 MB of every process

    made: bytes = typesetting.laid_out(html, title=title).write_pdf()
    return made


def roll(html: str, *, title: str) -> bytes:
    """A page as PDF for a roll of paper: every leaf is as long as what stands on it.

    The leaves are laid out on endless paper; each ends where its element ``cut-...`` ends.
    """
    from cspdcl.ui import typesetting  # noqa: PLC0415 - as above

    document = typesetting.laid_out(html, title=title)
    for page in document.pages:
        ends = [box[3] for name, box in page.anchors.items() if name.startswith("cut-")]
        page.height = min(max(ends, default=page.height), page.height)
    made: bytes = document.write_pdf()
    return made
