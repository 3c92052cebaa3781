"""What is happening at this moment, out of what gateways tell: queues, rates and times of services, use of tenants.

    window = Window()
    window = window.with_page("gateway-0", at=seconds, text=exposition)   # each few seconds, for each gateway
    figures = live(window, at=seconds)

Pure: whoever calls brings the texts of the gateways' `/metrics` and the time, on one clock of seconds. Rates and
quantiles are over the last minute, or over what there is of it; gateways are summed up.
"""

from tidegate_live.figures import live
from tidegate_live.page import Page, read
from tidegate_live.values import Live, Pool, Queued, Service, Tenant, as_json
from tidegate_live.window import STALE_SECONDS, WINDOW_SECONDS, Window

__all__ = [
    "STALE_SECONDS",
    "WINDOW_SECONDS",
    "Live",
    "Page",
    "Pool",
    "Queued",
    "Service",
    "Tenant",
    "Window",
    "as_json",
    "live",
    "read",
]
