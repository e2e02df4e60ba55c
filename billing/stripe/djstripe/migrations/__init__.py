"""The tables of dj-stripe 2.11 in one migration.

Its own three take 50 s of CPU on SQLite, where each of five hundred field changes copies a table: too long for a first
start. Nothing was ever deployed on them, so ``MIGRATION_MODULES`` starts from where they end. After an upgrade of
dj-stripe, ``manage.py makemigrations djstripe`` writes the next one here.
"""
