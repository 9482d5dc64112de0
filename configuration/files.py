"""What the file says of those who send statement files: the calendar of bank holidays."""

from configuration.agencies import Configuring
from configuration.schema import SECTIONS, Row
from sources.models import Holiday


def apply_holiday(row: Row, *, to: Configuring) -> None:
    """Make one holiday what its row says; another state is another row."""
    lookup = {"day": row["day"], "state": row.get("state", "")}
    label = f"{row['day']} {lookup['state'] or '*'}"
    values = {name: row[name] for name in ("name",) if name in row}
    if not values and not Holiday.objects.filter(**lookup).exists():
        to.refuse(f"holidays[{label}].name: is required for a new holiday")
        return
    to.store(Holiday, SECTIONS["holidays"].what, label, lookup, values)
