"""Lists of the API: one page at a time, by a cursor that stays right while rows come in."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

CURSOR = OpenApiParameter("cursor", str, description="From `next` or `previous` of an answer.")
LIMIT = OpenApiParameter("limit", int, description="How many at a time, 200 at most; 50 unless told.")
PAGING = [CURSOR, LIMIT]


class Pages(CursorPagination):
    """`limit` at a time; `next` and `previous` are addresses, null at the ends."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200


def page_answer(
    request: Request, rows: QuerySet[Any], shape: Callable[..., Any], *, ordering: Sequence[str] = ("-created_at", "-id")
) -> Response:
    """A page of `rows` as the request asks for it; the last of `ordering` has to be unique. Raises NotFound for a bad cursor."""
    pages = Pages()
    pages.ordering = tuple(ordering)
    page = pages.paginate_queryset(rows, request)
    return pages.get_paginated_response(shape(page, many=True).data)


def page_whole(rows: Any) -> Response:
    """All of them on one page, where there are few."""
    return Response({"next": None, "previous": None, "results": rows})


def page_shape(shape: type[Serializer[Any]]) -> Any:
    """How a page of these looks in the OpenAPI schema."""
    name = f"{shape.__name__.removesuffix('Shape')}Page"
    links = {side: serializers.URLField(allow_null=True) for side in ("next", "previous")}
    return inline_serializer(name, {**links, "results": shape(many=True)})
