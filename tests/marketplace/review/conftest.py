"""Reviewers, authors and their browsers."""

import importlib
from collections.abc import Callable

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client

from accounts.models import User
from tests.support.accounts import Account

MakeUser = Callable[..., Account]
Staff = Callable[..., User]


@pytest.fixture
def staff(make_user: MakeUser) -> Staff:
    """``staff("review_plugins")``: a staff member with these permissions."""

    def member(*permissions: str, superuser: bool = False) -> User:
        user = make_user().user
        user.is_staff, user.is_superuser = True, superuser
        user.save()
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        return user

    return member


@pytest.fixture
def reviewers(make_user: MakeUser) -> Group:
    """The group as the migration makes it; a test with transactions before this one may have emptied the tables."""
    importlib.import_module("marketplace.migrations.0003_reviewers").make_group(apps, connection.schema_editor())
    return Group.objects.get(name="Plugin reviewers")


@pytest.fixture
def reviewer(reviewers: Group, staff: Staff) -> User:
    """Somebody whose only rights are those of the group."""
    user = staff()
    user.groups.add(reviewers)
    return user


@pytest.fixture
def author(make_user: MakeUser) -> User:
    return make_user(tier="power").user


def browser_of(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.fixture
def admin(reviewer: User) -> Client:
    """The reviewer's browser, without a window or scripts."""
    return browser_of(reviewer)
