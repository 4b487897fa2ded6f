"""Fields of the API's requests that several apps share."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request


class Line(serializers.CharField):
    """One line of text that can be kept and dialled."""

    def to_internal_value(self, data: Any) -> str:
        text: str = super().to_internal_value(data)
        if not text.isprintable():
            raise serializers.ValidationError("Only printable characters, please.")
        return text


def business_hours_field() -> serializers.DictField:
    """`{"mon": [["09:00", "17:00"]], …}`; empty: always open."""
    span = serializers.ListField(child=Line(max_length=5), min_length=2, max_length=2)
    return serializers.DictField(child=serializers.ListField(child=span, max_length=12), required=False, default=dict)


def number_values(shape: type[serializers.Serializer[Any]], request: Request, *, partial: bool = False) -> dict[str, Any]:
    """What a request says of a number, as the services take it. Raises ValidationError."""
    asked = shape(data=request.data, partial=partial)
    asked.is_valid(raise_exception=True)
    given = dict(asked.validated_data)
    if "timezone" in given:
        given["timezone_name"] = given.pop("timezone")
    return given
