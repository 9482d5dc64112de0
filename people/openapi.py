"""What the API's schema says about keys."""

from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension

NAME: Final = "apiKey"


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """``Authorization: Bearer <prefix>.<secret>``, as people.auth reads it."""

    target_class = "people.auth.ApiKeyAuthentication"
    name = NAME

    def get_security_definition(self, _auto_schema: Any) -> dict[str, str]:
        """A bearer token."""
        return {"type": "http", "scheme": "bearer"}
