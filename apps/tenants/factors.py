"""Second factors at rest. allauth keeps them as JSON; what of it is secret is encrypted by MFAAdapter, as no tenant's."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator

from apps.core.fields import decrypt, encrypt
from apps.tenants.models import User

SECRET = ("secret", "seed")  # of an authenticator app, of recovery codes
SECRETS = ("migrated_codes",)


def address_proven(sender: Any, user: User, **kwargs: Any) -> None:
    """At a new password that came by mail: whoever reads it is the person.

    Where the address had not been proven, somebody else may have signed up with it; what they set up opens nothing any more.
    """
    address = EmailAddress.objects.filter(user=user, email=user.email, verified=False).first()
    if address is None:
        return
    Authenticator.objects.filter(user=user).delete()
    EmailAddress.objects.filter(user=user, verified=False).exclude(pk=address.pk).delete()
    address.set_verified()


def factors_rotate(schema: str) -> int:
    """For the rotation of FIELD_KEYS: writes every second factor anew; returns how many there were. Raises WrongKey."""
    if schema != "public":
        return 0
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES)
    return sum(_rotate(pk) for pk in Authenticator.objects.filter(type__in=kinds).values_list("pk", flat=True))


def _rotate(pk: int) -> int:
    """Once more where a code was used meanwhile."""
    while (row := Authenticator.objects.filter(pk=pk).first()) is not None:
        after = {name: _anew(name, value) for name, value in row.data.items()}
        if Authenticator.objects.filter(pk=pk, data=row.data).update(data=after):
            return 1
    return 0


def _anew(name: str, value: Any) -> Any:
    if name in SECRETS:
        return [_written(token) for token in value]
    return _written(value) if name in SECRET else value


def _written(token: str) -> str:
    return encrypt(decrypt(token, schema="public"), schema="public")
