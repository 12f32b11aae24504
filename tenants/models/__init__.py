"""The tables of tenancy: companies and shops, people, keys, the audit trail."""

from tenants.models.accounts import ApiKey, ProviderAccount
from tenants.models.audit import AuditEntry, IsolationRun
from tenants.models.companies import (
    REGIONS,
    Branch,
    Company,
    PhoneNumber,
    Service,
    Staff,
    StaffService,
    TenantOwned,
    validate_time_zone,
)
from tenants.models.people import Membership

__all__ = [
    "REGIONS",
    "ApiKey",
    "AuditEntry",
    "Branch",
    "Company",
    "IsolationRun",
    "Membership",
    "PhoneNumber",
    "ProviderAccount",
    "Service",
    "Staff",
    "StaffService",
    "TenantOwned",
    "validate_time_zone",
]
