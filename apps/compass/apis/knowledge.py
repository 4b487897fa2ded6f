"""/api/v1/knowledge: a tenant's documents for its own programs."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.compass.knowledge.search import knowledge_search
from apps.compass.models import Document
from apps.compass.selectors.knowledge import document_find, documents_all
from apps.compass.services.knowledge import document_address_add, document_delete, document_reindex, document_upload
from apps.core.errors import PermanentError, Problem
from apps.core.openapi import problems
from apps.core.parsers import JSONParser
from apps.tenants.access import ADMINS, MANAGERS, Access, APIKeyAuthentication

TAGS = ["knowledge"]


class DocumentShape(serializers.ModelSerializer[Document]):
    tokens = serializers.IntegerField(read_only=True)

    class Meta:
        model = Document
        fields = (
            *("id", "source", "kind", "name", "address", "daily", "filename", "size", "pages", "state", "note", "done", "total"),
            *("passages", "tokens", "indexed_at", "created_at", "updated_at"),
        )
        read_only_fields = fields


class DocumentList(serializers.Serializer[Any]):
    results = DocumentShape(many=True)


class DocumentNew(serializers.Serializer[Any]):
    """A file (as multipart/form-data), or an address."""

    file = serializers.FileField(required=False)
    address = serializers.CharField(required=False, max_length=2_000)
    daily = serializers.BooleanField(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("file" in attrs) == ("address" in attrs):
            raise serializers.ValidationError("Send either a file or an address.")
        return attrs


class SearchAsked(serializers.Serializer[Any]):
    query = serializers.CharField(max_length=1_000)
    top_k = serializers.IntegerField(required=False, default=4, min_value=1, max_value=20)
    documents = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=200)


class SourceShape(serializers.Serializer[Any]):
    document_id = serializers.UUIDField()
    document = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)
    heading = serializers.CharField(allow_null=True)
    address = serializers.CharField(allow_null=True)


class PassageShape(serializers.Serializer[Any]):
    text = serializers.CharField()
    score = serializers.FloatField()
    similarity = serializers.FloatField(allow_null=True)
    source = SourceShape()  # type: ignore[assignment]


class SearchAnswer(serializers.Serializer[Any]):
    words_only = serializers.BooleanField()
    passages = PassageShape(many=True)


class KnowledgeView(APIView):
    """Managers read, admins change; API keys by their scope. What a service refuses leaves as 422 `refused`."""

    authentication_classes = (APIKeyAuthentication, SessionAuthentication)
    permission_classes = (Access.of(read=MANAGERS, write=ADMINS, scope="knowledge"),)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, PermanentError):
            exc = Problem(422, "refused", str(exc))
        return super().handle_exception(exc)

    def document(self, document_id: UUID) -> Document:
        """Raises Problem 404."""
        found = document_find(document_id)
        if found is None:
            raise Problem(404, "not_found", "There is no such document. It may have been deleted.")
        return found


class DocumentsAPI(KnowledgeView):
    parser_classes = (MultiPartParser, FormParser, JSONParser)

    @extend_schema(
        summary="List the documents",
        operation_id="documents_list",
        responses={200: DocumentList, **problems(401, 403)},
        tags=TAGS,
    )
    def get(self, request: Request) -> Response:
        """All of them, by name; there are 1,000 at most."""
        return Response({"results": DocumentShape(documents_all(), many=True).data})

    @extend_schema(
        summary="Add a document",
        request=DocumentNew,
        responses={201: DocumentShape, **problems(400, 401, 403, 422)},
        tags=TAGS,
    )
    def post(self, request: Request) -> Response:
        """Answers at once; read the document again to see when its state is `ready`, or `failed` with a note."""
        asked = DocumentNew(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        person = request.user.pk if request.user and request.user.is_authenticated else None
        if "file" in given:
            made = document_upload(file=given["file"], created_by=person)
        else:
            made = document_address_add(address=given["address"], daily=given["daily"], created_by=person)
        return Response(DocumentShape(made).data, status=201)


class DocumentAPI(KnowledgeView):
    @extend_schema(summary="Read a document", responses={200: DocumentShape, **problems(401, 403, 404)}, tags=TAGS)
    def get(self, request: Request, document_id: UUID) -> Response:
        """Its state, and how far it is."""
        return Response(DocumentShape(self.document(document_id)).data)

    @extend_schema(summary="Delete a document", request=None, responses={204: None, **problems(401, 403, 404)}, tags=TAGS)
    def delete(self, request: Request, document_id: UUID) -> Response:
        """With its file, its passages and its place in agents' drafts."""
        document_delete(document=self.document(document_id))
        return Response(status=204)


class ReindexAPI(KnowledgeView):
    @extend_schema(
        summary="Read a document again", request=None, responses={202: DocumentShape, **problems(401, 403, 404, 422)}, tags=TAGS
    )
    def post(self, request: Request, document_id: UUID) -> Response:
        """From its file, or from its address as it is now."""
        return Response(DocumentShape(document_reindex(document=self.document(document_id))).data, status=202)


class SearchAPI(KnowledgeView):
    @extend_schema(
        summary="Search the documents",
        parameters=[SearchAsked],
        responses={200: SearchAnswer, **problems(400, 401, 403)},
        tags=TAGS,
    )
    def get(self, request: Request) -> Response:
        """The passages that an agent would find, best first, with where they stand. Repeat `documents` for several."""
        asked = SearchAsked(data=request.query_params)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        findings = knowledge_search(given["query"], documents=given.get("documents") or "all", top_k=given["top_k"])
        passages = [
            {"text": one.text, "score": one.score, "similarity": one.similarity, "source": one.source} for one in findings.found
        ]
        return Response({"words_only": findings.words_only, "passages": passages})
