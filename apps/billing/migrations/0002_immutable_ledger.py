"""The database itself refuses to change or delete what is in the ledger."""

from django.db import migrations

REFUSE = """
CREATE FUNCTION billing_ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The ledger is written once: % is refused. Correct a call with an entry of its own.', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER billing_ledger_immutable BEFORE UPDATE OR DELETE ON billing_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION billing_ledger_refuse();
"""
ALLOW = """
DROP TRIGGER billing_ledger_immutable ON billing_ledgerentry;
DROP FUNCTION billing_ledger_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_ledger")]
    operations = [migrations.RunSQL(REFUSE, ALLOW)]
