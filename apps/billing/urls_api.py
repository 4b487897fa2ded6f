"""Billing's part of a tenant's API, under /api/v1/billing/."""

from django.urls import URLPattern, path

from apps.billing.apis import limits, plans

urlpatterns: list[URLPattern] = [
    path("limits", limits.LimitsAPI.as_view(), name="billing-limits-api"),
    path("limits/<uuid:limit_id>", limits.LimitAPI.as_view(), name="billing-limit-api"),
    path("plan", plans.PlanAPI.as_view(), name="billing-plan-api"),
    path("plan/preview", plans.PlanPreviewAPI.as_view(), name="billing-plan-preview-api"),
    path("plans", plans.PlansAPI.as_view(), name="billing-plans-api"),
]
