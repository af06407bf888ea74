"""A header of the integration's own: its name, and a template over `{{credentials.…}}`."""

from mcpassport.errors import ReauthorizationRequired
from mcpassport.expressions import parse_template
from mcpassport.expressions.placeholders import MISSING, as_text
from mcpassport.records.integration import Authorization
from mcpassport.records.masked import Secret
from mcpassport.upstream.auth.fields import Applied, InHeaders, header, read_fields

DEFAULT_VALUE = "{{credentials.key}}"


class Header(InHeaders):
    """The header named by the integration."""

    def headers(self, authorization: Authorization) -> tuple[str, ...]:
        """The names of the headers it sets."""
        return (authorization.name or "Authorization",)

    def apply(self, authorization: Authorization, secret: Secret) -> Applied:
        """What the credential adds to a request."""
        template = parse_template(authorization.value or DEFAULT_VALUE, "authorization value")
        value = template.render({"credentials": read_fields(secret)})
        if value is MISSING or value is None or value == "":
            names = ", ".join(placeholder.name for placeholder in template.placeholders)
            raise ReauthorizationRequired(f"The account's credential lacks one of: {names}.")
        return Applied(headers=(header(self.headers(authorization)[0], as_text(value)),))
