"""Signed XML: valid in every way in which signers write it, and in no other way."""

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from lxml import etree

from channels_ import xml_signed
from channels_.contract import Unreadable
from cspdcl.kernel.errors import Unverified

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
DOCUMENTS = {
    "prefix": (
        b'<ns2:A xmlns:ns2="http://bbps.org/schema"><Head a="1"></Head><Txn></Txn></ns2:A>',
        {"xmlns:ns2": "http://bbps.org/schema"},
    ),
    "default": (
        b'<A xmlns="http://bbps.org/schema"><Head xmlns="" a="1"></Head></A>',
        {"xmlns": "http://bbps.org/schema"},
    ),
}
PUBLISHED = Path(__file__).parents[2] / "corpora" / "vu3mmg__goxmldsig" / "signed_xml.txt"


def _number(value: int) -> str:
    return base64.b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode()


def written_by_hand(document: bytes, scope: dict[str, str], prefix: str) -> bytes:
    """A signature as the recommendation says it, canonical text written out without a library.

    The documents are canonical already: their digest is that of their own bytes.
    """
    p = prefix
    digest = base64.b64encode(hashlib.sha256(document).digest()).decode()
    algorithm = f'<{p}%s Algorithm="%s"></{p}%s>'
    tags = {
        "CanonicalizationMethod": "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "SignatureMethod": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "Transform": "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "DigestMethod": "http://www.w3.org/2001/04/xmlenc#sha256",
    }
    one = {name: algorithm % (name, uri, name) for name, uri in tags.items()}
    inside = (
        f"{one['CanonicalizationMethod']}{one['SignatureMethod']}"
        f'<{p}Reference URI=""><{p}Transforms>{one["Transform"]}</{p}Transforms>'
        f"{one['DigestMethod']}<{p}DigestValue>{digest}</{p}DigestValue></{p}Reference>"
    )
    name = "xmlns:ds" if p else "xmlns"
    scope = {**scope, name: xml_signed.DSIG}
    declared = "".join(f' {name}="{uri}"' for name, uri in sorted(scope.items()))
    canonical = f"<{p}SignedInfo{declared}>{inside}</{p}SignedInfo>"
    value = KEY.sign(canonical.encode(), padding.PKCS1v15(), hashes.SHA256())
    numbers = KEY.public_key().public_numbers()
    key = (
        f"<{p}KeyInfo><{p}KeyValue><{p}RSAKeyValue><{p}Modulus>{_number(numbers.n)}</{p}Modulus>"
        f"<{p}Exponent>{_number(numbers.e)}</{p}Exponent></{p}RSAKeyValue></{p}KeyValue></{p}KeyInfo>"
    )
    signature = (
        f'<{p}Signature {name}="{xml_signed.DSIG}"><{p}SignedInfo>{inside}</{p}SignedInfo>'
        f"<{p}SignatureValue>{base64.b64encode(value).decode()}</{p}SignatureValue>{key}"
        f"</{p}Signature>"
    )
    end = document.rindex(b"</")
    return document[:end] + signature.encode() + document[end:]


@pytest.mark.parametrize("prefix", ["", "ds:"])
@pytest.mark.parametrize("kind", sorted(DOCUMENTS))
def test_a_signature_is_valid_with_and_without_prefixes(kind: str, prefix: str) -> None:
    document, scope = DOCUMENTS[kind]

    signed = written_by_hand(document, scope, prefix)

    xml_signed.check(xml_signed.read(signed), PUBLIC)
    with pytest.raises(Unverified):
        xml_signed.check(xml_signed.read(signed.replace(b'a="1"', b'a="2"')), PUBLIC)


def test_what_we_sign_is_proved_by_our_public_key_and_by_no_other() -> None:
    signed = xml_signed.sign(etree.fromstring(DOCUMENTS["prefix"][0]), PRIVATE)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    stranger = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    xml_signed.check(xml_signed.read(signed), PUBLIC)
    with pytest.raises(Unverified, match="another key"):
        xml_signed.check(xml_signed.read(signed), stranger)


@pytest.mark.parametrize("pem", ["", "no key", PRIVATE])
def test_without_an_agreed_key_nothing_is_believed(pem: str) -> None:
    signed = xml_signed.sign(etree.fromstring(DOCUMENTS["prefix"][0]), PRIVATE)

    with pytest.raises(Unverified):
        xml_signed.check(xml_signed.read(signed), pem)


def test_a_short_key_is_no_key() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - refused
    pem = short.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    signed = xml_signed.sign(etree.fromstring(DOCUMENTS["prefix"][0]), PRIVATE)

    with pytest.raises(Unverified, match="2048"):
        xml_signed.check(xml_signed.read(signed), pem)


def test_the_published_sample_is_refused_because_its_digest_does_not_match() -> None:
    root = xml_signed.read(PUBLISHED.read_bytes())

    with pytest.raises(Unverified, match="Digest mismatch"):
        xml_signed.check(root, PUBLIC)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a>",
        b"\xff\xfe<\x00a\x00/\x00>\x00",
        b'<?xml version="1.0" encoding="iso-8859-1"?><a b="\xe9"/>',
        b'<!DOCTYPE a SYSTEM "http://example.com/a.dtd"><a/>',
        b"<a><!-- one --></a>",
        b"<a><?one two?></a>",
        b"<?one two?><a/>",
        b"<a/><!-- one -->",
        b"<a>" * 40 + b"</a>" * 40,
        b"<a>" + b"<b/>" * 2_001 + b"</a>",
    ],
)
def test_xml_with_traps_is_not_read(body: bytes) -> None:
    with pytest.raises(Unreadable):
        xml_signed.read(body)
