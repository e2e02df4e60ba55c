"""Django's debug pages show the settings. Production refuses ``DEBUG``; a developer's secrets are secrets, too."""

import re

from django.views.debug import SafeExceptionReporterFilter


class SettingsFilter(SafeExceptionReporterFilter):
    """Also blanks what Django does not take for a secret by its name: addresses that hold a password."""

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern + r"|_URL$|^LOCATION$|^HOSTS$", re.IGNORECASE
    )
