from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps as Apps
from django.db.models import F


def keep_invoices(apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What was booked so far was all of an invoice, whatever was on it: ``sync_stripe --fix`` looks at its lines."""
    payments, invoices = apps.get_model("billing", "SubscriptionPayment"), apps.get_model("billing", "PaidInvoice")
    payments.objects.update(invoice_id=F("source"))
    rows = (
        invoices(
            invoice_id=payment.source,
            our_cents=payment.amount_cents,
            paid_cents=payment.amount_cents,
            currency=payment.currency,
            paid_at=payment.paid_at,
            is_exact=False,
        )
        for payment in payments.objects.iterator(chunk_size=500)
    )
    invoices.objects.bulk_create(rows, batch_size=500)


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0005_prices_and_invoices'),
    ]

    operations = [
        migrations.CreateModel(
            name='InvoicePayment',
            fields=[
                ('payment_id', models.CharField(max_length=255, primary_key=True, serialize=False)),
                ('invoice_id', models.CharField(blank=True, max_length=255)),
            ],
            options={
                'db_table': 'billing_invoice_payments',
                'indexes': [models.Index(fields=['invoice_id'], name='billing_invoice_payments_of')],
            },
        ),
        migrations.CreateModel(
            name='PaidInvoice',
            fields=[
                ('invoice_id', models.CharField(max_length=255, primary_key=True, serialize=False)),
                ('our_cents', models.PositiveIntegerField()),
                ('paid_cents', models.PositiveIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('paid_at', models.DateTimeField(help_text="By Stripe's clock.")),
                ('is_exact', models.BooleanField()),
            ],
            options={
                'db_table': 'billing_paid_invoices',
                'constraints': [models.CheckConstraint(condition=models.Q(('our_cents__gt', 0), ('our_cents__lte', models.F('paid_cents'))), name='billing_paid_invoices_ours_is_a_part')],
            },
        ),
        migrations.CreateModel(
            name='ReturnedMoney',
            fields=[
                ('stripe_id', models.CharField(max_length=300, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('payment', 'Payment'), ('refund', 'Refund'), ('dispute', 'Dispute'), ('charge', 'Charge')], max_length=16)),
                ('payment_id', models.CharField(max_length=255)),
                ('amount_cents', models.PositiveIntegerField()),
                ('currency', models.CharField(blank=True, max_length=3)),
                ('status', models.CharField(blank=True, max_length=64)),
                ('phase', models.PositiveSmallIntegerField(default=0)),
                ('is_with_payer', models.BooleanField()),
                ('taken_at', models.DateTimeField()),
                ('back_at', models.DateTimeField(blank=True, null=True)),
                ('reason', models.CharField(blank=True, max_length=64)),
                ('due_by', models.DateTimeField(blank=True, null=True)),
                ('said_at', models.DateTimeField(help_text="By Stripe's clock.")),
                ('told', models.TextField(blank=True)),
            ],
            options={
                'db_table': 'billing_returned_money',
                'indexes': [models.Index(fields=['payment_id'], name='billing_returned_money_of')],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['refund', 'dispute', 'charge'])), name='billing_returned_money_kind_known')],
            },
        ),
        migrations.RemoveConstraint(
            model_name='subscriptionpayment',
            name='subscription_payments_of_something',
        ),
        migrations.RenameField(
            model_name='subscriptionpayment',
            old_name='invoice_id',
            new_name='source',
        ),
        migrations.AlterField(
            model_name='subscriptionpayment',
            name='source',
            field=models.CharField(max_length=310, primary_key=True, serialize=False),
        ),
        migrations.AddField(
            model_name='subscriptionpayment',
            name='invoice_id',
            field=models.CharField(default='', max_length=255),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='subscriptionpayment',
            name='kind',
            field=models.CharField(choices=[('payment', 'Payment'), ('refund', 'Refund'), ('dispute', 'Dispute'), ('charge', 'Charge')], default='payment', max_length=16),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name='subscriptionpayment',
            name='amount_cents',
            field=models.IntegerField(),
        ),
        migrations.AlterField(
            model_name='subscriptionpayment',
            name='paid_at',
            field=models.DateTimeField(help_text="When it moved, by Stripe's clock."),
        ),
        migrations.RunPython(keep_invoices, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='subscriptionpayment',
            index=models.Index(fields=['invoice_id'], name='subscription_payments_of'),
        ),
        migrations.AddConstraint(
            model_name='subscriptionpayment',
            constraint=models.CheckConstraint(condition=models.Q(('amount_cents', 0), _negated=True), name='subscription_payments_of_something'),
        ),
        migrations.AddConstraint(
            model_name='subscriptionpayment',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['payment', 'refund', 'dispute'])), name='subscription_payments_kind_known'),
        ),
    ]
