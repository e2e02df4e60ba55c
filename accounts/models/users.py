"""Users: an address in two spellings, a password, and what is known of both."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from adiuva.locales import DEFAULT_LOCALE, Locale
from adiuva.spelling import address_key, normalize_email, password_forms, validate_address


class UserManager(BaseUserManager["User"]):
    def create_user(self, *, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(**fields)
        user.set_address(email)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, *, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email=email, password=password, is_staff=True, is_superuser=True, **fields)

    def find(self, email: str) -> "User | None":
        """Whose address this is, in whatever spelling; the account that has this very one goes first, should an older
        account have the address in another.
        """
        kept = normalize_email(email)
        users = self.filter(Q(email=kept) | Q(address_key=address_key(email)))
        return min(users, key=lambda user: user.email != kept, default=None)

    def get_by_natural_key(self, username: str | None) -> "User":
        user = self.find(username or "")
        if user is None:
            raise self.model.DoesNotExist
        return user


class User(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(max_length=254, unique=True, validators=[validate_address])
    # None where an older account has the address in another spelling; this one's owner logs in with this very one.
    address_key = models.CharField(max_length=512, unique=True, null=True, blank=True, editable=False)
    email_verified_at = models.DateTimeField(null=True, blank=True, help_text="When its owner has shown to read it.")
    locale = models.CharField(
        max_length=2, choices=Locale.choices, default=DEFAULT_LOCALE, db_default=DEFAULT_LOCALE, help_text="Of mails."
    )
    # How the client derives its secrets from the password (docs/api.md § 13); None: the password itself is sent.
    kdf = models.JSONField(null=True, blank=True, editable=False)
    tier = models.CharField(max_length=10, default="free", help_text="For display; billing decides the live tier.")
    stripe_customer_id = models.CharField(max_length=255, unique=True, null=True, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    erasure_requested_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        db_table = "users"
        ordering = ("-created_at",)
        constraints: ClassVar = [
            # With the unique column this makes addresses unique whatever their case.
            models.CheckConstraint(condition=Q(email=Lower("email")), name="users_email_is_lower_case"),
            models.CheckConstraint(
                condition=Q(erasure_requested_at__isnull=True) | Q(is_active=False),
                name="users_being_erased_are_inactive",
            ),
            models.CheckConstraint(condition=Q(locale__in=Locale.values), name="users_locale_is_one_of_ours"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at"], name="users_newest"),  # the admin's list, and its new users by day
            models.Index(
                fields=["erasure_requested_at"],
                condition=Q(erasure_requested_at__isnull=False),
                name="users_being_erased",
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def set_address(self, email: str) -> None:
        """The only way to an account's address: both its forms at once."""
        self.email = normalize_email(email)
        self.address_key = address_key(email)

    @property
    def email_verified(self) -> bool:
        return self.email_verified_at is not None

    def set_password(self, raw_password: str | None) -> None:
        super().set_password(None if raw_password is None else password_forms(raw_password)[0])

    def check_password(self, raw_password: str | None) -> bool:
        """A hash of the password as it was typed, from before NFC was hashed, is made one of NFC, and one of fewer
        rounds than today's one of as many.
        """
        if raw_password is None:
            return False
        composed, *typed = password_forms(raw_password)
        if check_password(composed, self.password, self._hash_anew):
            return True
        if not typed or not check_password(raw_password, self.password):
            return False
        self._hash_anew(composed)
        return True

    def _hash_anew(self, password: str) -> None:
        """No change of the password: sessions stay. Django's own would write the old one over a change, or a reset,
        that was made while it was computed.
        """
        before = self.password
        self.password = make_password(password)
        User.objects.filter(pk=self.pk, password=before).update(password=self.password)
