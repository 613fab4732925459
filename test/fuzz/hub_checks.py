"""What schemathesis needs to know of the hub: values of the custom scalars, and what an answer must be."""

import re

import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes


def text(pattern, *others):
    """Values that match the pattern, and others that may be wrong."""
    return st.one_of(st.from_regex(pattern, fullmatch=True), st.sampled_from(others)).map(nodes.String)


schemathesis.graphql.scalar("Decimal", text(r"-?[0-9]{1,12}(\.[0-9]{1,3})?", "0", "1e3", ""))
schemathesis.graphql.scalar("CurrencyCode", text(r"[A-Z]{3}", "CNY", "SGD", "JPY", ""))
schemathesis.graphql.scalar("CountryCode", text(r"[A-Z]{2}", "CN", "SG", ""))
schemathesis.graphql.scalar(
    "LocalDate", st.one_of(st.dates().map(str), st.sampled_from(["2026-02-30", ""])).map(nodes.String)
)
schemathesis.graphql.scalar(
    "DateTime",
    st.one_of(
        st.datetimes().map(lambda instant: instant.isoformat(timespec="milliseconds") + "Z"),
        st.sampled_from(["2026-13-01T00:00:00Z", "now"]),
    ).map(nodes.String),
)

INTERNAL = re.compile(r"\.[cm]?[jt]s:\d+|\bnode:\w+/|node_modules|Mongo\w*Error|E11000")


@schemathesis.check
def coded_errors(ctx, response, case):
    """Every error has a code, is no internal one, and shows nothing of the hub's code or database."""
    assert response.status_code < 500, f"status {response.status_code}"
    for error in response.json().get("errors", []):
        code = error.get("extensions", {}).get("code")
        assert code is not None, f"an error without a code: {error}"
        assert code != "INTERNAL_SERVER_ERROR", f"an internal error: {error}"
        assert not INTERNAL.search(error["message"]), f"unmasked: {error}"
