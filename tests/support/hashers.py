from django.contrib.auth.hashers import BCryptSHA256PasswordHasher


class CheapBCrypt(BCryptSHA256PasswordHasher):
    """The production hasher with bcrypt's smallest cost: 1 ms instead of 200."""

    rounds = 4


class SlowerBCrypt(BCryptSHA256PasswordHasher):
    """Of a cost at which hashing is what a login takes its time for, as in production: 20 ms."""

    rounds = 8
