"""/api/v1/exports: everything a company has as one zip file, asked for, watched and downloaded."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.paging import PAGING, page_answer, page_shape
from apps.tenants.access import ADMINS, Access, TenantAPI, person_of, tenant_of
from apps.tenants.exports import ExportRunning, export_ask, export_file, export_name
from apps.tenants.models import TenantExport

TAGS = ["company"]
READ = problems(401, 403, 404)


class ExportShape(serializers.Serializer[TenantExport]):
    """An export: its file is there once it is `done`, of `size` bytes. `asked_by` is null where a program asked."""

    id = serializers.UUIDField()
    state = serializers.CharField(help_text="waiting, running, done or failed")
    tables_done = serializers.IntegerField()
    tables_total = serializers.IntegerField()
    size = serializers.IntegerField()
    asked_by = serializers.EmailField(source="asked_by.email", default=None, allow_null=True)
    created_at = serializers.DateTimeField()


class ExportsView(TenantAPI):
    permission_classes = (Access.of(read=ADMINS, write=ADMINS, scope="exports"),)

    def exports(self, request: Request) -> QuerySet[TenantExport]:
        rows = TenantExport.objects.select_related("tenant", "asked_by")
        return rows.filter(tenant=tenant_of(request))

    def export(self, request: Request, export_id: UUID) -> TenantExport:
        found = self.exports(request).filter(pk=export_id).first()
        if found is None:
            raise Problem(404, "unknown_export", "There is no such export, or its time was over.")
        return found


class ExportsAPI(ExportsView):
    @extend_schema(
        summary="List exports", operation_id="exports_list", parameters=PAGING, tags=TAGS,
        responses={200: page_shape(ExportShape), **READ},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """The newest first."""
        return page_answer(request, self.exports(request), ExportShape)

    @extend_schema(
        summary="Ask for an export",
        operation_id="exports_make",
        request=None,
        responses={201: ExportShape, **problems(401, 403, 409)},
        tags=TAGS,
    )
    def post(self, request: Request) -> Response:
        """It is made in the background; ask for it again until it is `done`. 409 `export_running`: one is being made already."""
        try:
            made = export_ask(tenant=tenant_of(request), by=person_of(request))
        except ExportRunning as error:
            raise Problem(409, "export_running", f"{error} Ask for it at GET /api/v1/exports.") from None
        return Response(ExportShape(made).data, status=201)


class ExportAPI(ExportsView):
    @extend_schema(summary="Read an export", operation_id="exports_get", responses={200: ExportShape, **READ}, tags=TAGS)
    def get(self, request: Request, export_id: UUID) -> Response:
        """How far it is."""
        return Response(ExportShape(self.export(request, export_id)).data)


class ExportFileAPI(ExportsView):
    @extend_schema(
        summary="Download an export",
        operation_id="exports_file",
        responses={(200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY), **READ, **problems(409)},
        tags=TAGS,
    )
    def get(self, request: Request, export_id: UUID) -> HttpResponseBase:
        """A JSON file for each table, and the files as they are; no secrets. 409 `export_not_ready` until it is `done`."""
        export = self.export(request, export_id)
        file = export_file(export)
        if file is None:
            raise Problem(
                409, "export_not_ready", f"This export is {export.get_state_display().lower()}: there is no file of it."
            )
        return FileResponse(file, as_attachment=True, filename=export_name(export))
