"""Prints what production demands, made up for one command: `make check` looks at those settings."""

import base64
import secrets


def main() -> int:
    """NAME=value pairs for env(1); nothing is kept, and nothing listens at the addresses."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    given = {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "FIELD_KEYS": f"1:{key}",
        "INDEX_KEY": key,
        "AUDIT_SIGNING_KEY": key,
        "DATABASE_URL": "postgresql://payments@127.0.0.1/payments",
        "REDIS_URL": "redis://127.0.0.1/0",
    }
    print(" ".join(f"{name}={value}" for name, value in given.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
