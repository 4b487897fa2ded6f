"""Documents under /api/v1/."""

from django.urls import path

from apps.compass.apis import knowledge

urlpatterns = [
    path("knowledge", knowledge.DocumentsAPI.as_view(), name="api-knowledge"),
    path("knowledge/search", knowledge.SearchAPI.as_view(), name="api-knowledge-search"),
    path("knowledge/<uuid:document_id>", knowledge.DocumentAPI.as_view(), name="api-knowledge-document"),
    path("knowledge/<uuid:document_id>/reindex", knowledge.ReindexAPI.as_view(), name="api-knowledge-reindex"),
]
