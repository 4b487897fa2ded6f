"""Clients for a provider at an address that a tenant chose: checked like a tool's whenever a connection opens, no redirects.

An address of the provider's own, or of the installation's operator, is asked by the client that its SDK brings.
"""

import asyncio
import ssl
from functools import cache
from typing import Any

import httpcore
import httpcore2
import httpx
import httpx2
from django.conf import settings

from apps.compass.guard import addresses_of
from apps.core.errors import MeridianError

RESOLVE_SECONDS = 3.0
LIMITS = httpx2.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=60)


class ProviderRefused(Exception):
    """A provider answered with an HTTP status that is an error."""

    def __init__(self, status_code: int | None) -> None:
        super().__init__(f"The provider answered {status_code}.")
        self.status_code = status_code


def is_tenants(base_url: str | None) -> bool:
    """Whether a tenant chose this address, rather than the provider or whoever runs this installation."""
    known = (*settings.PROVIDER_DEFAULTS.values(), settings.EMBEDDING_DEFAULTS)
    return bool(base_url) and base_url not in {account.get("base_url") for account in known}


def openai_http(base_url: str | None) -> httpx2.Client | None:
    """For openai.OpenAI, which closes it; None where the SDK's own will do."""
    return httpx2.Client(transport=_Transport2(), trust_env=False, follow_redirects=False) if is_tenants(base_url) else None


def openai_http_async(timeout: httpx2.Timeout) -> httpx2.AsyncClient:
    """For openai.AsyncOpenAI and addresses that are a tenant's."""
    return httpx2.AsyncClient(transport=_AsyncTransport2(), timeout=timeout, trust_env=False, follow_redirects=False)


def provider_http(base_url: str | None) -> httpx.Client | None:
    """The one of this process, for SDKs on httpx; None where another will do."""
    return _provider_http() if is_tenants(base_url) else None


@cache
def _provider_http() -> httpx.Client:
    return httpx.Client(transport=_Transport(), trust_env=False, follow_redirects=False)


def _checked(host: str, port: int, failed: type[Exception]) -> list[str]:
    """Raises `failed`, as for a server that is not there."""
    try:
        return addresses_of(host, port, timeout=RESOLVE_SECONDS)
    except MeridianError as error:
        raise failed(str(error)) from error


class _Backend(httpcore.SyncBackend):
    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        *others, last = _checked(host, port, httpcore.ConnectError)
        for address in others:
            try:
                return super().connect_tcp(address, port, *args, **kwargs)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue  # the next address may answer
        return super().connect_tcp(last, port, *args, **kwargs)


class _Backend2(httpcore2.SyncBackend):
    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        *others, last = _checked(host, port, httpcore2.ConnectError)
        for address in others:
            try:
                return super().connect_tcp(address, port, *args, **kwargs)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return super().connect_tcp(last, port, *args, **kwargs)


class _AsyncBackend2(httpcore2.AnyIOBackend):
    async def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> httpcore2.AsyncNetworkStream:
        *others, last = await asyncio.to_thread(_checked, host, port, httpcore2.ConnectError)
        for address in others:
            try:
                return await super().connect_tcp(address, port, *args, **kwargs)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await super().connect_tcp(last, port, *args, **kwargs)


class _Transport(httpx.HTTPTransport):
    def __init__(self) -> None:
        self._pool = httpcore.ConnectionPool(_tls(), keepalive_expiry=5, network_backend=_Backend())


class _Transport2(httpx2.HTTPTransport):
    def __init__(self) -> None:
        self._pool = httpcore2.ConnectionPool(_tls(), keepalive_expiry=5, network_backend=_Backend2())


class _AsyncTransport2(httpx2.AsyncHTTPTransport):
    def __init__(self) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            _tls(),
            max_connections=LIMITS.max_connections,
            max_keepalive_connections=LIMITS.max_keepalive_connections,
            keepalive_expiry=LIMITS.keepalive_expiry,
            network_backend=_AsyncBackend2(),
        )


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
