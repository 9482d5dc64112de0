"""Pages of the API: numbered, counted, at most 500 rows."""

from rest_framework.pagination import PageNumberPagination


class ApiPagination(PageNumberPagination):
    """``?page=2&page_size=500``; the answer holds count, next, previous and results."""

    page_size_query_param = "page_size"
    max_page_size = 500
