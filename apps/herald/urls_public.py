"""Herald on the public host."""

from django.urls import path

from apps.herald.apis import TurnView

urlpatterns = [path("turn", TurnView.as_view(), name="turn")]
