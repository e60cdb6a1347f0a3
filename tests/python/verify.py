"""Verifies an XML signature with signxml and prints what the signature covers, as JSON.

Usage: verify.py FILE CERTIFICATE

FILE holds one document whose root element carries an enveloped signature. CERTIFICATE is a PEM file: the only
certificate that is believed, whatever the document's KeyInfo says. The exit status is 1 when the signature does not hold.
"""

import json
import sys

from lxml import etree
from signxml import DigestAlgorithm, SignatureConfiguration, SignatureMethod, XMLVerifier
from signxml.exceptions import InvalidDigest, InvalidInput, InvalidSignature


def main() -> int:
    path, certificate_path = sys.argv[1:]
    with open(path, "rb") as file:
        text = file.read()
    with open(certificate_path, encoding="ascii") as file:
        certificate = file.read()
    # SAML 1.1 names its elements by AssertionID, which signxml does not look for by itself.
    root = etree.fromstring(text, etree.XMLParser(resolve_entities=False, no_network=True))
    id_attribute = "AssertionID" if root.get("AssertionID") else "ID"
    configuration = SignatureConfiguration(
        require_x509=True,
        expect_references=1,
        signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
    )
    try:
        result = XMLVerifier().verify(
            text, x509_cert=certificate, id_attribute=id_attribute, expect_config=configuration
        )
    except (InvalidDigest, InvalidInput, InvalidSignature) as refusal:
        print(f"{type(refusal).__name__}: {refusal}", file=sys.stderr)
        return 1
    signed = result.signed_xml
    print(json.dumps({"element": etree.QName(signed).localname, "id": signed.get(id_attribute)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
