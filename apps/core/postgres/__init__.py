"""Django's database engine of this installation (settings.DATABASES names it)."""
