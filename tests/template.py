"""A migrated database that test databases are copies of, made once for the migrations there are."""

import fcntl
import hashlib
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from django.apps import apps
from psycopg2 import sql

from cspdcl import embedded
from cspdcl.env import PROJECT, var_dir

PREFIX: Final = "template_of_tests_"


def prepared() -> str:
    """The name of the template; whoever asks first makes it, the others wait."""
    name = PREFIX + _hash()
    with (var_dir() / "test-template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with closing(psycopg2.connect(_url("postgres"))) as admin:
            admin.autocommit = True
            cursor = admin.cursor()
            like = PREFIX.replace("_", r"\_") + "%"
            cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [like])
            there = {datname for (datname,) in cursor.fetchall()}
            for old in there - {name}:
                cursor.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(old)))
            if name not in there:
                _make(cursor, name)
    return name


def _make(cursor: "psycopg2.extensions.cursor", name: str) -> None:
    """Under another name until it is whole: who is killed meanwhile leaves none by this one."""
    new, made = sql.Identifier(f"{name}_new"), sql.Identifier(name)
    cursor.execute(sql.SQL("CREATE DATABASE {}").format(new))
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--skip-checks", "-v", "0"],
        check=True,
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": _url(f"{name}_new")},
    )
    cursor.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(new, made))


def _hash() -> str:
    """Of all migrations, ours and those of others, by name and text."""
    told = hashlib.sha256()
    for one in apps.get_app_configs():
        for file in sorted(Path(one.path, "migrations").glob("*.py")):
            told.update(f"{one.label}/{file.name}\0".encode() + file.read_bytes())
    return told.hexdigest()[:16]


def _url(database: str) -> str:
    return urlunsplit(urlsplit(embedded.database_url())._replace(path=f"/{database}"))
