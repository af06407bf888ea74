"""The one outbound HTTP client: caps, address vetting, redaction, cancellation.

`client` sends · `request` judges what may leave · `address` judges where to · `pool` keeps the
connections apart · `turns` is the bulkhead · `body` reads under a cap.
"""

from mcpassport.http.client import HttpClient

__all__ = ["HttpClient"]
