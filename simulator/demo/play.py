"""The demo's steps, each one line with its seconds: from an empty database to the proved day."""

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from channels_.models import InboundMessage
from cspdcl.env import env_int, env_str, var_dir
from cspdcl.kernel.clock import played_at, today
from cspdcl.processes import HOST, Other, Processes, usable_port
from enquiries.tasks import climb_ladders
from payments.models import Payment
from payments.states import State
from reconciliation import engine
from reconciliation.models import Run
from reconciliation.tasks import reconcile_day
from simulator import postings
from simulator.chance import instant
from simulator.day import ONE_DISCREPANCY_IN, Day, play_day
from simulator.demo import live
from simulator.demo.installation import Installation, install
from simulator.demo.summary import lines_of, summary_of
from simulator.files import statements_of, write_day
from simulator.sender import send_day

STEPS: Final = 13
INBOX_SECONDS: Final = 120
RUN_SECONDS: Final = 120
ASK_SECONDS: Final = 180
PORT: Final = 8000
PARTNERS_PORT: Final = 8010

CONFIGURATION: Final = "demo.toml"
Say = Callable[[str], None]


class Demo:
    """One demo: what it was asked for, how long each step took."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._step = 0
        self._seconds: dict[str, float] = {}
        self.home = var_dir() / "demo"
        self.day = _day()
        self.payments = env_int("DEMO_PAYMENTS", 20_000)
        self.seed = env_int("DEMO_SEED", 1)
        self._configuration = Path(settings.BASE_DIR) / "configuration" / CONFIGURATION

    def run(self, *, serve: bool) -> int:
        """Play the day and print its figures; then serve it until Ctrl-C if that is wanted."""
        started = time.monotonic()
        with self._does("Empty database, files for the browser"):
            call_command("migrate", verbosity=0)
            _collect_static()
        partners_port = usable_port(PARTNERS_PORT)
        with self._does("Offices, people, channels, counters and bank accounts"):
            installation = install(
                self._configuration, partners_url=f"http://{HOST}:{partners_port}"
            )
        directory = self.home / "day"
        with self._does(f"A day of {self.payments:,} payments on {self.day}, seed {self.seed}"):
            day = play_day(installation.scene, day=self.day, payments=self.payments, seed=self.seed)
            write_day(day, directory)
        with self._does("Web server, worker and timetable; the partners' side of our calls"):
            partners = self._partners(partners_port, installation)
            processes = Processes(port=env_int("PORT", PORT), home=self.home, others=[partners])
            processes.start()
        try:
            summary = self._play(day, processes.url, installation)
            total = round(time.monotonic() - started, 1)
            self._write(summary, total)
            self._say("")
            for line in lines_of(summary):
                self._say(line)
            self._say(f"\nAll of it took {total} s. The figures: {self.home / 'summary.json'}")
            if not serve:
                return 1 if summary["wrong"] else 0
            self._tell_logins(processes.url, installation)
            connection.close()
            return processes.wait()
        finally:
            processes.stop()  # before a word is said: nobody may be listening any more
            self._say("Web server, worker, timetable and partners are stopped.")

    def _partners(self, port: int, installation: Installation) -> Other:
        """The fake partners, with the day in their books and their secrets in a file of ours."""
        path = self.home / "partners.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(installation.sending), encoding="utf-8")
        command = [
            *(sys.executable, "manage.py", "fake_partners", "--quiet", "--port", str(port)),
            *("--directory", str(self.home / "day"), "--secrets", str(path)),
            *("--configuration", str(self._configuration)),
        ]
        return Other("partners", command, f"http://{HOST}:{port}/")

    def _play(self, day: Day, url: str, installation: Installation) -> dict[str, Any]:
        directory = self.home / "day"
        with self._does(f"{len(day.consumers):,} consumers and their bills"):
            _quietly("load_consumers", str(directory / "consumers.csv"))
        with self._does("The offices' day before, proved in its evening"):
            self._note(f"{live.play_eve(day, directory)} steps of people")
            self._post_eve(day)
        with (
            self._does(
                f"{day.message_count:,} messages of {len(installation.scene.channels)} channels,"
                f" {len(day.batches)} batches of receipts, {len(day.steps)} steps of the offices"
            ),
            ThreadPoolExecutor(max_workers=1) as beside,
        ):
            offices = beside.submit(live.play_offices, day, directory)
            self._send(directory, url, installation)
            self._note(f"{offices.result()} steps of the offices are taken")
        with self._does("Partners are asked about what their messages did not prove"):
            self._ask()
        files = statements_of(day, directory)
        with self._does(f"{len(files)} files: the channels' reports, the banks' statements"):
            for source, name in files:
                _quietly("load_statement", source, str(directory / name))
        with self._does("Reconciliation, on the worker"):
            self._reconcile()
        with self._does("The ERP's postings of the day, and a run that holds them against ours"):
            self._post(day)
        with self._does("The day's report as PDF and Excel"):
            self._report()
        summary = summary_of(self.day, day.truth)
        with self._does("Today's counters: a float, a colleague at work, a file to load"):
            self._begin_today(day)
        return summary

    def _begin_today(self, day: Day) -> None:
        if self.day >= today():
            self._note("the day that was played is not over: its offices have closed it")
        for staff in day.scene.staff[:1] if self.day < today() else ():
            self._note(live.Today(staff, day, self.home).begin())

    def _send(self, directory: Path, url: str, installation: Installation) -> None:
        outcome = send_day(
            directory,
            url,
            scene=installation.scene,
            secrets=installation.sending,
            announce=self._note,
        )
        if outcome.refused:
            raise CommandError(
                f"{len(outcome.refused)} messages were refused: {outcome.refused[0]}"
            )
        due = InboundMessage.objects.filter(state=InboundMessage.State.DUE)
        self._await(
            lambda: not due.exists(), seconds=INBOX_SECONDS, what="the inbox was not worked off"
        )

    def _ask(self) -> None:
        """The timetable would ask within seconds; the demo does not wait for it to begin."""
        unproved = Payment.objects.filter(
            ask_from__isnull=False, state__in=(State.CREATED, State.PENDING)
        )
        self._note(f"{unproved.count():,} payments to ask about")
        climb_ladders.delay()
        self._await(
            lambda: not unproved.exists(), seconds=ASK_SECONDS, what="partners were not asked"
        )

    def _reconcile(self) -> None:
        before = set(Run.objects.values_list("pk", flat=True))
        reconcile_day.delay(self.day.isoformat(), "demo")
        fresh = Run.objects.filter(business_date=self.day).exclude(pk__in=before)
        self._await(
            lambda: fresh.exclude(state=Run.State.RUNNING).exists(),
            seconds=RUN_SECONDS,
            what="the worker did not reconcile the day",
        )
        run = fresh.exclude(state=Run.State.RUNNING).latest("id")
        if run.state != Run.State.DONE:
            raise CommandError(f"the run {run.state}: {run.problem}")

    def _post(self, day: Day) -> None:
        """The ERP is told of all that our books hold by now, and sends what it has posted."""
        if not postings.erp_code():
            self._note("no ERP is configured")
            return
        export = postings.export_of(self.day, seed=self.seed, kinds=self._kinds)
        directory = self.home / "day"
        postings.send(export, directory / "erp-postings.csv", truth=day.truth)
        truth = json.dumps(day.truth, indent=1) + "\n"
        (directory / "truth.json").write_text(truth, encoding="utf-8")
        self._reconcile()

    def _post_eve(self, day: Day) -> None:
        """The same in the evening before, of what the offices took."""
        if not postings.erp_code() or not day.steps:
            return
        with played_at(instant(day.eve, hour=23, minute=30)):
            export = postings.export_of_eve(day.eve, kinds=self._kinds)
            postings.send(export, self.home / "day" / "erp-postings-eve.csv", truth=day.truth)
            engine.reconcile(day.eve, started_by="demo")

    @property
    def _kinds(self) -> int:
        """How many mistakes of each kind the ERP makes."""
        return max(2, self.payments // ONE_DISCREPANCY_IN)

    def _report(self) -> None:
        out = StringIO()
        call_command("day_report", "--date", self.day.isoformat(), stdout=out)
        for line in out.getvalue().splitlines():
            self._note(line)

    def _await(self, done: Callable[[], bool], *, seconds: int, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise CommandError(f"{what} within {seconds} s; see {self.home / 'log'}")
            time.sleep(0.2)

    def _write(self, summary: Mapping[str, Any], total: float) -> None:
        took = {"seconds": total, "steps": self._seconds}
        content = json.dumps({**summary, "run": took}, indent=1, ensure_ascii=False)
        (self.home / "summary.json").write_text(content + "\n", encoding="utf-8")

    def _tell_logins(self, url: str, installation: Installation) -> None:
        self._say(f"\nOpen {url} and sign in as one of these; the passwords hold for this demo:\n")
        width = max(len(login.role) for login in installation.logins)
        for login in installation.logins:
            self._say(f"  {login.role:<{width}}  {login.username:<12}  {login.password}")
        self._say("\nIt serves until Ctrl-C.")

    @contextlib.contextmanager
    def _does(self, what: str) -> Iterator[None]:
        self._step += 1
        self._say(f"[{self._step}/{STEPS}] {what}")
        started = time.monotonic()
        yield
        took = round(time.monotonic() - started, 1)
        self._seconds[what] = took
        self._say(f"      done in {took} s")

    def _note(self, line: str) -> None:
        self._say(f"      {line}")


def _collect_static() -> None:
    """Collect and compress the files for the browser, unless nothing changed since then."""
    listed = (
        f"{path} {storage.size(path)} {storage.get_modified_time(path)}"
        for finder in get_finders()
        for path, storage in finder.list([])
    )
    mark = hashlib.sha256("\n".join(sorted(listed)).encode()).hexdigest()
    note = Path(settings.STATIC_ROOT) / ".collected"
    if note.exists() and note.read_text() == mark:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    note.write_text(mark)


def is_to_serve() -> bool:
    """Whether the demo serves after its summary; DEMO_SERVE=0 says no."""
    return os.environ.get("DEMO_SERVE", "1").strip() != "0"


def _day() -> date:
    asked = env_str("DEMO_DATE", "")
    return date.fromisoformat(asked) if asked else today() - timedelta(days=1)


def _quietly(command: str, *arguments: str) -> None:
    """Run a command for its effect; what it refuses ends the demo."""
    call_command(command, *arguments, stdout=StringIO())
