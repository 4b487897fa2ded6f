"""Spend limits: what is asked before money is spent, what is told after it was, and who may spend how much."""

from apps.billing.services.limits.gates import Decision, estimate_or, spend_forget, spend_gate, spend_open
from apps.billing.services.limits.setting import LimitRefused, limit_remove, limit_restore, limit_set
from apps.billing.services.limits.spending import spend_expire, spend_note, spend_release, spend_reserve

__all__ = [
    "Decision",
    "LimitRefused",
    "estimate_or",
    "limit_remove",
    "limit_restore",
    "limit_set",
    "spend_expire",
    "spend_forget",
    "spend_gate",
    "spend_note",
    "spend_open",
    "spend_release",
    "spend_reserve",
]
