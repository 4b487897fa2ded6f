"""Programs with API keys, and whom an address of the API has to refuse."""

import json
from collections.abc import Iterable
from typing import Any

from django.test import Client

from apps.tenants.keys import api_key_create
from apps.tenants.models import Role, Tenant, User
from apps.tenants.models_keys import SCOPES
from apps.tenants.services import person_add

JSON = "application/json"


def program(tenant: Tenant, *scopes: str, host: str = "") -> Client:
    """With a key of `tenant`, at its own host unless told."""
    _, key = api_key_create(tenant=tenant, name="program", scopes=scopes)
    return Client(headers={"host": f"{host or tenant.schema_name}.localhost", "authorization": f"Api-Key {key}"})


def person(tenant: Tenant, role: Role, host: str = "") -> Client:
    """Somebody with this role, logged in at the company's own host unless told."""
    email = f"{role.value}@{tenant.schema_name}.test"
    user = User.objects.filter(email=email).first() or person_add(tenant=tenant, email=email, role=role).user
    client = Client(headers={"host": f"{host or tenant.schema_name}.localhost"})
    client.force_login(user)
    return client


def ask(client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """The answer to a request with a body in JSON."""
    return client.generic(method, path, "" if body is None else json.dumps(body, default=str), content_type=JSON, headers=headers)


def only_for(acme: Tenant, globex: Tenant, asked: Iterable[tuple[str, str]], *, scope: str, roles: Iterable[Role]) -> None:
    """Fails unless each (method, address) of acme refuses every other role with 403, strangers, and keys without the scope."""
    without = [one for one in SCOPES if not one.startswith(f"{scope}:")]
    refused = [(role.value, person(acme, role), 403) for role in Role if role not in set(roles)]
    refused += [("outsider", person(globex, Role.OWNER, "acme"), 403), ("narrow", program(acme, *without), 403)]
    refused += [
        ("theirs", program(globex, *SCOPES, host="acme"), 401),
        ("nobody", Client(headers={"host": "acme.localhost"}), 401),
    ]
    for method, path in asked:
        told = {who: ask(client, method, path, {}).status_code for who, client, _status in refused}
        assert told == {who: status for who, _client, status in refused}, f"{method} {path}"
