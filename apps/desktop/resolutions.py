"""Who wants to hear that a conversation was resolved registers here in ready(), so that desktop imports none of them."""

from collections.abc import Callable

from apps.desktop.models import Conversation

Listener = Callable[[Conversation], None]
_listeners: dict[str, Listener] = {}


def resolved_register(name: str, listener: Listener) -> None:
    """`listener` is called in the transaction that resolves; what takes time it enqueues as an effect."""
    _listeners[name] = listener


def resolved_tell(conversation: Conversation) -> None:
    """Tells everybody who registered."""
    for listener in _listeners.values():
        listener(conversation)
