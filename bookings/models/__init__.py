"""Calls, what is agreed in them, and what follows."""

from bookings.models.appointments import Appointment, AppointmentChange, Occupancy
from bookings.models.calls import Call, Customer, Offer
from bookings.models.followups import Callback, Notification

__all__ = [
    "Appointment",
    "AppointmentChange",
    "Call",
    "Callback",
    "Customer",
    "Notification",
    "Occupancy",
    "Offer",
]
