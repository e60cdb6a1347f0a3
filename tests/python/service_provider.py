"""A SAML 2.0 service provider by pysaml2: reads one order as JSON on standard input and prints one answer as JSON.

Every order has "entity_id", "consumer", "logout", "key" and "certificate" (PEM), "idp_metadata" (XML), "folder" (for
files), and optionally "encryption_key" and "encryption_certificate". "do" is one of

  metadata   -> {"metadata"}
  request    {"binding": "redirect"|"post", "relay_state", "sign", "arguments": {...}} -> {"url"} or {"fields"}, and "id"
  response   {"response", "binding", "outstanding": {id: url}, "want_assertions_signed", "want_response_signed"}
             -> {"name_id", "format", "attributes", "session_index", "class"}
  logout     {"binding", "name_id", "format", "session_index"} -> {"url"} or {"fields"}, and "id"
  logged_out {"response", "binding"} -> {"in_response_to", "status"}

The exit status is 1 when pysaml2 refuses; standard error then says why.
"""

import json
import os
import sys
from html.parser import HTMLParser

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.metadata import create_metadata_string
from saml2.saml import AuthnContextClassRef, NameID
from saml2.samlp import NameIDPolicy, RequestedAuthnContext

SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
DIGEST = "http://www.w3.org/2001/04/xmlenc#sha256"
BINDINGS = {"redirect": BINDING_HTTP_REDIRECT, "post": BINDING_HTTP_POST}


def written(folder: str, name: str, text: str) -> str:
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def client(order: dict) -> Saml2Client:
    folder = order["folder"]
    consumer, logout = order["consumer"], order["logout"]
    settings = {
        "entityid": order["entity_id"],
        "xmlsec_binary": "/usr/bin/xmlsec1",
        "allow_unknown_attributes": True,
        "key_file": written(folder, "sp.key", order["key"]),
        "cert_file": written(folder, "sp.pem", order["certificate"]),
        "metadata": {"local": [written(folder, "idp.xml", order["idp_metadata"])]},
        "service": {
            "sp": {
                "endpoints": {
                    "assertion_consumer_service": [(consumer, BINDING_HTTP_POST)],
                    "single_logout_service": [
                        (logout, BINDING_HTTP_REDIRECT),
                        (logout, BINDING_HTTP_POST),
                    ],
                },
                "allow_unsolicited": order.get("allow_unsolicited", False),
                "authn_requests_signed": order.get("sign", True),
                "logout_requests_signed": True,
                "logout_responses_signed": True,
                "want_assertions_signed": order.get("want_assertions_signed", True),
                "want_response_signed": order.get("want_response_signed", False),
                "signing_algorithm": SHA256,
                "digest_algorithm": DIGEST,
            }
        },
    }
    if "encryption_key" in order:
        settings["encryption_keypairs"] = [
            {
                "key_file": written(folder, "enc.key", order["encryption_key"]),
                "cert_file": written(folder, "enc.pem", order["encryption_certificate"]),
            }
        ]
    configuration = SPConfig()
    configuration.load(settings)
    return Saml2Client(config=configuration)


def carried(info: dict) -> dict:
    location = dict(info["headers"]).get("Location")
    if location:
        return {"url": location}
    # pysaml2 gives the page of the POST binding; its fields are what the browser would send.
    fields: dict = {}

    class Inputs(HTMLParser):
        def handle_starttag(self, tag, attrs):
            given = dict(attrs)
            if tag == "input" and given.get("name"):
                fields[given["name"]] = given.get("value", "")

    page = info["data"]
    Inputs().feed(page if isinstance(page, str) else "".join(page))
    return {"fields": fields}


def main() -> int:
    order = json.load(sys.stdin)
    what = order["do"]
    provider = client(order)
    if what == "metadata":
        text = create_metadata_string(None, config=provider.config, sign=False)
        answer = {"metadata": text.decode() if isinstance(text, bytes) else text}
    elif what == "request":
        arguments = dict(order.get("arguments", {}))
        if "name_id_policy" in arguments:
            arguments["name_id_policy"] = NameIDPolicy(
                format=arguments["name_id_policy"], allow_create="true"
            )
        if "requested_authn_context" in arguments:
            wanted = arguments["requested_authn_context"]
            arguments["requested_authn_context"] = RequestedAuthnContext(
                authn_context_class_ref=[AuthnContextClassRef(text=wanted["class"])],
                comparison=wanted["comparison"],
            )
        identifier, info = provider.prepare_for_authenticate(
            binding=BINDINGS[order["binding"]],
            relay_state=order.get("relay_state", ""),
            sign=order.get("sign", True),
            sigalg=SHA256,
            digest_alg=DIGEST,
            **arguments,
        )
        answer = {"id": identifier, **carried(info)}
    elif what == "response":
        parsed = provider.parse_authn_request_response(
            order["response"], BINDING_HTTP_POST, outstanding=order.get("outstanding", {})
        )
        assertion = parsed.assertion
        statement = assertion.authn_statement[0]
        name_id = assertion.subject.name_id
        answer = {
            "name_id": name_id.text if name_id else None,
            "format": name_id.format if name_id else None,
            # As they came, by full claim type: the attribute maps of pysaml2 know other names.
            "attributes": {
                attribute.name: [value.text for value in attribute.attribute_value]
                for statements in assertion.attribute_statement
                for attribute in statements.attribute
            },
            "session_index": statement.session_index,
            "class": statement.authn_context.authn_context_class_ref.text,
        }
    elif what == "logout":
        name_id = NameID(text=order["name_id"], format=order.get("format") or None)
        binding = BINDINGS[order["binding"]]
        idp = next(iter(provider.metadata.with_descriptor("idpsso")))
        destination = provider.metadata.single_logout_service(idp, binding, "idpsso")[0]["location"]
        identifier, request = provider.create_logout_request(
            destination,
            idp,
            name_id=name_id,
            session_indexes=[order["session_index"]],
            sign=binding == BINDING_HTTP_POST,
            sign_alg=SHA256,
            digest_alg=DIGEST,
        )
        info = provider.apply_binding(
            binding, str(request), destination, "", sign=binding == BINDING_HTTP_REDIRECT, sigalg=SHA256
        )
        answer = {"id": identifier, **carried(info)}
    elif what == "logged_out":
        binding = BINDINGS[order["binding"]]
        parsed = provider.parse_logout_request_response(order["response"], binding)
        answer = {
            "in_response_to": parsed.response.in_response_to,
            "status": parsed.response.status.status_code.value,
        }
    else:
        print(f"unknown order {what}", file=sys.stderr)
        return 1
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception as refusal:  # whatever pysaml2 raises is its refusal
        print(f"{type(refusal).__module__}.{type(refusal).__name__}: {refusal}", file=sys.stderr)
        sys.exit(1)
