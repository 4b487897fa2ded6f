"""Pages of the documents that agents know."""

from django.urls import path

from apps.compass.views import knowledge

ONE = "compass/knowledge/<uuid:document_id>/"

urlpatterns = [
    path("compass/knowledge/", knowledge.documents, name="knowledge"),
    path("compass/knowledge/search", knowledge.search, name="knowledge-search"),
    path("compass/knowledge/upload", knowledge.upload, name="knowledge-upload"),
    path("compass/knowledge/address", knowledge.address_add, name="knowledge-address"),
    path(ONE, knowledge.document, name="knowledge-document"),
    path(f"{ONE}save", knowledge.save, name="knowledge-save"),
    path(f"{ONE}replace", knowledge.replace, name="knowledge-replace"),
    path(f"{ONE}reindex", knowledge.reindex, name="knowledge-reindex"),
    path(f"{ONE}stop", knowledge.stop, name="knowledge-stop"),
    path(f"{ONE}delete", knowledge.delete, name="knowledge-delete"),
]
