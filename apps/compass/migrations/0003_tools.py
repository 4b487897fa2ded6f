from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("compass", "0002_agents")]
    operations = []
