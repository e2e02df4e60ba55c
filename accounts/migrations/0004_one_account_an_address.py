import adiuva.spelling
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_address_key")]

    operations = [
        migrations.AlterField(
            "user", "address_key", models.CharField(blank=True, editable=False, max_length=512, null=True, unique=True)
        ),
        migrations.AlterField(
            "user", "email", models.EmailField(max_length=254, unique=True, validators=[adiuva.spelling.validate_address])
        ),
    ]
