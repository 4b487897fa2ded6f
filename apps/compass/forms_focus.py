"""A form that was refused begins where something is wrong, which on a phone is a long way down."""

from typing import Any

from django import forms


class FocusedForm(forms.Form):
    """The browser goes to the first field with an error, in the order of the page."""

    def add_error(self, field: Any, error: Any) -> None:
        super().add_error(field, error)
        for name in self.fields.keys() & self.errors.keys():
            self.fields[name].widget.attrs["autofocus"] = True
