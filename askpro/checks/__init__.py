"""What production refuses to start with. Importing this registers every check."""

from askpro.checks.accounts import production_accounts
from askpro.checks.installation import LOOPBACK, production_settings
from askpro.checks.logins import production_logins
from askpro.checks.reader import production_reader
from askpro.checks.retention import audit_is_kept_long_enough
from askpro.checks.sessions import session_state, share_a_session
from askpro.checks.start import SECRETS, Unfit, demand, permit

__all__ = [
    "LOOPBACK",
    "SECRETS",
    "Unfit",
    "audit_is_kept_long_enough",
    "demand",
    "permit",
    "production_accounts",
    "production_logins",
    "production_reader",
    "production_settings",
    "session_state",
    "share_a_session",
]
