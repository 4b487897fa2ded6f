"""Fields of the API's requests that several apps share."""

from typing import Any

from rest_framework import serializers


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
