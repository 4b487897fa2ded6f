from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("calls", "0002_first_word")]
    operations = []
