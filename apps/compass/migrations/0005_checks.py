from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("compass", "0004_knowledge")]
    operations = []
