"""A SAML 2.0 identity provider by pysaml2: reads one order as JSON on standard input and prints one answer as JSON.

Every order has "entity_id", "sign_on", "logout", "key" and "certificate" (PEM) and "folder" (for files), and all but the
first "sp_metadata" (XML). "do" is one of

  metadata  -> {"metadata"}
  answer    {"query": {"SAMLRequest", "SigAlg"?, "Signature"?}, "sign_response", "sign_assertion"}
            -> {"consumer", "response"}, and "force", "format" of the request
  logout    {"query"} -> {"url", "name", "session_index"}

The exit status is 1 when pysaml2 refuses; standard error then says why.
"""

import base64
import json
import os
import sys

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.authn_context import PASSWORDPROTECTEDTRANSPORT
from saml2.config import IdPConfig
from saml2.metadata import create_metadata_string
from saml2.s_utils import success_status_factory
from saml2.saml import NAME_FORMAT_URI, NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server

SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
DIGEST = "http://www.w3.org/2001/04/xmlenc#sha256"


def written(folder: str, name: str, text: str) -> str:
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def provider(order: dict) -> Server:
    folder = order["folder"]
    settings = {
        "entityid": order["entity_id"],
        "xmlsec_binary": "/usr/bin/xmlsec1",
        "key_file": written(folder, "idp.key", order["key"]),
        "cert_file": written(folder, "idp.pem", order["certificate"]),
        "service": {
            "idp": {
                "endpoints": {
                    "single_sign_on_service": [(order["sign_on"], BINDING_HTTP_REDIRECT)],
                    "single_logout_service": [(order["logout"], BINDING_HTTP_REDIRECT)],
                },
                "want_authn_requests_signed": True,
                "signing_algorithm": SHA256,
                "digest_algorithm": DIGEST,
                "policy": {
                    "default": {
                        "lifetime": {"minutes": 15},
                        "attribute_restrictions": None,
                        "name_form": NAME_FORMAT_URI,
                    }
                },
            }
        },
    }
    if "sp_metadata" in order:
        settings["metadata"] = {"local": [written(folder, "sp.xml", order["sp_metadata"])]}
    configuration = IdPConfig()
    configuration.load(settings)
    return Server(config=configuration)


def answer(server: Server, order: dict) -> dict:
    query = order["query"]
    parsed = server.parse_authn_request(
        query["SAMLRequest"],
        BINDING_HTTP_REDIRECT,
        relay_state=query.get("RelayState"),
        sigalg=query.get("SigAlg"),
        signature=query.get("Signature"),
    )
    request = parsed.message
    destination = server.response_args(request, [BINDING_HTTP_POST])
    response = server.create_authn_response(
        identity={},
        userid="ann",
        name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text="ann@partner.test"),
        authn={"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_auth": order["entity_id"]},
        sign_response=order["sign_response"],
        sign_assertion=order["sign_assertion"],
        encrypt_assertion=False,
        sign_alg=SHA256,
        digest_alg=DIGEST,
        **destination,
    )
    policy = request.name_id_policy
    return {
        "consumer": destination["destination"],
        "response": base64.b64encode(str(response).encode()).decode(),
        "force": request.force_authn,
        "format": policy.format if policy else None,
        "create": policy.allow_create if policy else None,
    }


def logout(server: Server, order: dict) -> dict:
    query = order["query"]
    parsed = server.parse_logout_request(
        query["SAMLRequest"],
        BINDING_HTTP_REDIRECT,
        relay_state=query.get("RelayState"),
        sigalg=query.get("SigAlg"),
        signature=query.get("Signature"),
    )
    request = parsed.message
    response = server.create_logout_response(
        request, [BINDING_HTTP_REDIRECT], status=success_status_factory(), sign=False
    )
    info = server.apply_binding(
        BINDING_HTTP_REDIRECT,
        str(response),
        response.destination,
        "",
        response=True,
        sign=True,
        sigalg=SHA256,
    )
    return {
        "url": dict(info["headers"])["Location"],
        "name": request.name_id.text,
        "session_index": [index.text for index in request.session_index],
    }


def main() -> int:
    order = json.load(sys.stdin)
    server = provider(order)
    what = order["do"]
    if what == "metadata":
        text = create_metadata_string(None, config=server.config, sign=False)
        result = {"metadata": text.decode() if isinstance(text, bytes) else text}
    elif what == "answer":
        result = answer(server, order)
    elif what == "logout":
        result = logout(server, order)
    else:
        print(f"unknown order {what}", file=sys.stderr)
        return 1
    json.dump(result, sys.stdout)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception as refusal:  # whatever pysaml2 raises is its refusal
        print(f"{type(refusal).__module__}.{type(refusal).__name__}: {refusal}", file=sys.stderr)
        sys.exit(1)
