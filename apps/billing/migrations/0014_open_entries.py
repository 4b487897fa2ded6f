"""What is on no invoice yet, kept by the database beside the ledger, so that nothing searches a year for what is left of it."""

import django.db.models.deletion
from django.db import migrations, models

KEEP = """
CREATE FUNCTION billing_open_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO billing_openentry (entry_id, tenant_id, started_at) SELECT id, tenant_id, started_at FROM made;
    RETURN NULL;
END $$;
CREATE FUNCTION billing_open_take() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM billing_openentry USING made WHERE billing_openentry.entry_id = made.entry_id;
    RETURN NULL;
END $$;
CREATE FUNCTION billing_open_free() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO billing_openentry (entry_id, tenant_id, started_at)
    SELECT entry.id, entry.tenant_id, entry.started_at FROM freed JOIN billing_ledgerentry entry ON entry.id = freed.entry_id;
    RETURN NULL;
END $$;
CREATE TRIGGER billing_open_noted AFTER INSERT ON billing_ledgerentry
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION billing_open_note();
CREATE TRIGGER billing_open_taken AFTER INSERT ON billing_invoicedentry
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION billing_open_take();
CREATE TRIGGER billing_open_freed AFTER DELETE ON billing_invoicedentry
    REFERENCING OLD TABLE AS freed FOR EACH STATEMENT EXECUTE FUNCTION billing_open_free();
"""
FORGET = """
DROP TRIGGER billing_open_noted ON billing_ledgerentry;
DROP TRIGGER billing_open_taken ON billing_invoicedentry;
DROP TRIGGER billing_open_freed ON billing_invoicedentry;
DROP FUNCTION billing_open_note();
DROP FUNCTION billing_open_take();
DROP FUNCTION billing_open_free();
"""
# What is there already, with writers waiting until the triggers are there too.
FILL = """
LOCK TABLE billing_ledgerentry, billing_invoicedentry IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO billing_openentry (entry_id, tenant_id, started_at)
SELECT id, tenant_id, started_at FROM billing_ledgerentry entry
WHERE NOT EXISTS (SELECT FROM billing_invoicedentry taken WHERE taken.entry_id = entry.id);
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0013_staff_acts")]
    operations = [
        migrations.CreateModel(
            name="OpenEntry",
            fields=[
                ("entry_id", models.UUIDField(primary_key=True, serialize=False)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                ("started_at", models.DateTimeField()),
            ],
            options={"indexes": [models.Index(fields=["tenant", "started_at"], name="open_entry_by_tenant")]},
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(KEEP, FORGET),
    ]
