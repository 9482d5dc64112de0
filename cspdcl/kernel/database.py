"""What an error of the database means for who asked."""

from django.db import DatabaseError, InterfaceError, OperationalError


def is_away(error: BaseException) -> bool:
    """Whether the database could not answer, so that the same may be asked again later.

    What the server itself says has a class of its own. A bare DatabaseError comes from the client's
    library alone, when the connection breaks in the middle of an answer.
    """
    return isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError
