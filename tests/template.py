"""A migrated database that test databases are copies of, made once for the migrations there are."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from django.apps import apps
from psycopg2 import sql
from psycopg2.errors import ObjectInUse

from cspdcl import embedded
from cspdcl.env import PROJECT

PREFIX: Final = "template_of_tests_"
NEW: Final = "_new"
KEPT: Final = 3

_TAKEN: Final = re.compile(r"^from ([\w.]+) import", re.MULTILINE)


def prepared() -> str:
    """The name of the template; whoever asks first makes it, the others wait."""
    name = PREFIX + _hash()
    with closing(psycopg2.connect(_url("postgres"))) as admin:
        admin.autocommit = True
        cursor = admin.cursor()
        cursor.execute("SELECT pg_advisory_lock(hashtext(%s))", [PREFIX])
        like = PREFIX.replace("_", r"\_") + "%"
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s ORDER BY oid", [like])
        there = [datname for (datname,) in cursor.fetchall()]
        if name not in there:
            _forget(cursor, there)
            _make(cursor, name)
    return name


def pour(into: embedded.Postgres) -> None:
    """Fill a new server of a test with a copy; with other programs it is left to its migrations."""
    if os.environ.get("DATABASE_URL"):
        return
    programs = into._binaries
    dump = [str(programs / "pg_dump"), "--no-owner", _url(prepared())]
    fill = [str(programs / "psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, into.url()]
    made = subprocess.run(dump, check=True, stdout=subprocess.PIPE)
    subprocess.run(fill, check=True, input=made.stdout)


def _forget(cursor: "psycopg2.extensions.cursor", there: Sequence[str]) -> None:
    """Old ones, and what was never finished: another checkout may share this server."""
    whole = [one for one in there if not one.endswith(NEW)]
    for old in {*there} - {*whole[-KEPT:]}:
        with suppress(ObjectInUse):  # somebody copies it at this moment
            cursor.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(old)))


def _make(cursor: "psycopg2.extensions.cursor", name: str) -> None:
    """Under another name until it is whole: who is killed meanwhile leaves none by this one."""
    new, made = sql.Identifier(name + NEW), sql.Identifier(name)
    cursor.execute(sql.SQL("CREATE DATABASE {}").format(new))
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--skip-checks", "-v", "0"],
        check=True,
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": _url(name + NEW)},
    )
    cursor.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(new, made))


def _hash() -> str:
    """Of all migrations, ours and those of others, and of what ours take from our own modules."""
    told = hashlib.sha256()
    for one in apps.get_app_configs():
        for file in sorted(Path(one.path, "migrations").glob("*.py")):
            text = file.read_bytes()
            told.update(f"{one.label}/{file.name}\0".encode() + text)
            for name in _TAKEN.findall(text.decode()):
                module = PROJECT.joinpath(*name.split(".")).with_suffix(".py")
                told.update(module.read_bytes() if module.exists() else b"")
    return told.hexdigest()[:16]


def _url(database: str) -> str:
    return urlunsplit(urlsplit(embedded.database_url())._replace(path=f"/{database}"))
